"""Which conversation a request belongs to."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.engine.conversation import conversation_key
from interlingua.types.messages import assistant, system, user
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool

FIRST = ChatRequest(model="m", messages=(system("s"), user("a")))


def test_a_conversation_keeps_its_key_while_it_grows_and_when_it_changes_its_model() -> None:
    """What stays the same decides."""
    grown = replace(FIRST, model="other", messages=(*FIRST.messages, assistant("b"), user("c")))
    assert conversation_key(grown, "t") == conversation_key(FIRST, "t")


def test_another_opening_tool_or_tenant_is_another_conversation() -> None:
    """Contracts §2.6: always per tenant."""
    others = [
        replace(FIRST, messages=(system("s"), user("z"))),
        replace(FIRST, messages=(system("z"), user("a"))),
        replace(FIRST, tools=(FunctionTool(name="f"),)),
    ]
    found = {conversation_key(request, "t") for request in (FIRST, *others)} | {conversation_key(FIRST, "u")}
    assert len(found) == 5


def test_what_the_client_says_wins() -> None:
    """The header, then the cache key, then the end user."""
    keyed = replace(FIRST, cache_key="k", end_user="e")
    assert conversation_key(keyed, "t", "n") == conversation_key(FIRST, "t", "n")
    assert conversation_key(keyed, "t") == conversation_key(replace(FIRST, cache_key="k"), "t")
    assert conversation_key(replace(FIRST, end_user="k"), "t") != conversation_key(replace(FIRST, cache_key="k"), "t")
