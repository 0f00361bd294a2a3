"""Which conversation a request belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.json import encode
from msgspec.structs import replace

from interlingua.engine.conversation import conversation_key, conversation_of
from interlingua.types.messages import assistant, system, user
from interlingua.types.request import ChatRequest
from interlingua.types.tools import FunctionTool

SYSTEM, HELLO, REPLY = ({"role": role, "content": role} for role in ("system", "user", "assistant"))
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


@pytest.mark.parametrize(
    ("dialect", "first", "later"),
    [
        ("openai_chat", {"messages": [SYSTEM, HELLO]}, {"messages": [SYSTEM, HELLO, REPLY, HELLO]}),
        ("anthropic_messages", {"system": "s", "messages": [HELLO]}, {"system": "s", "messages": [HELLO, REPLY]}),
        ("openai_responses", {"input": [HELLO]}, {"input": [HELLO, REPLY, HELLO]}),
        ("gemini", {"contents": [{"parts": [{"text": "x"}]}]}, {"contents": [{"parts": [{"text": "x"}]}, REPLY]}),
        ("ollama", {"prompt": "x"}, {"prompt": "x", "temperature": 1}),
    ],
)
def test_a_conversation_that_is_not_parsed_keeps_its_key_while_it_grows(
    dialect: str, first: dict[str, Any], later: dict[str, Any]
) -> None:
    """And shares it with no other tenant, beginning or dialect."""
    key = conversation_of(dialect, encode(first), "t")
    assert key == conversation_of(dialect, encode(later), "t")
    others = {
        conversation_of(dialect, encode(first), "another"),
        conversation_of("gemini" if dialect != "gemini" else "ollama", encode(first), "t"),
        conversation_of(dialect, encode({**first, "tools": [1]}), "t"),
        conversation_of(dialect, encode(first), "t", "named"),
    }
    assert len(others | {key}) == 5


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai_chat", {"prompt_cache_key": "u"}),
        ("openai_chat", {"metadata": {"user_id": "u"}}),
        ("openai_responses", {"prompt_cache_key": "u"}),
        ("anthropic_messages", {"metadata": {"user_id": "u"}}),
    ],
)
def test_the_name_that_a_format_has_for_a_conversation_wins_over_its_opening(
    dialect: str, body: dict[str, Any]
) -> None:
    """Whatever is said in it; a name that is no text names nothing."""
    named = conversation_of(dialect, encode({**body, "messages": [HELLO]}), "t")
    assert named == conversation_of(dialect, encode({**body, "messages": [SYSTEM, REPLY]}), "t")
    odd = {**body, "messages": [HELLO], "prompt_cache_key": 7, "metadata": [1]}
    assert conversation_of(dialect, encode(odd), "t") == conversation_of(dialect, encode({"messages": [HELLO]}), "t")


def test_what_is_no_request_has_no_conversation() -> None:
    """Unless its client names one."""
    assert conversation_of("openai_chat", b"[", "t") == ""
    assert conversation_of("openai_chat", b"[", "t", "named")
