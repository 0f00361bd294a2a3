"""Conversations named by their last answer."""

from __future__ import annotations

import pytest

from interlingua.engine.stored_responses import LIFETIME, expand, forget, store
from interlingua.errors import Conflict
from interlingua.stores.memory import ProcessMemory
from interlingua.types.messages import assistant, system, user
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from tests.stores.test_memory import Time

FIRST = ChatRequest(model="m", messages=(system("Be brief."), user("a")))
ANSWER = ChatResponse(
    id="resp_1", model="m", choices=(Choice(message=assistant("b"), finish=FinishReason("stop", "x")),)
)


async def test_a_conversation_is_continued_by_the_id_of_its_last_answer() -> None:
    """Instructions are not carried over; the next request brings its own."""
    memory = ProcessMemory(Time())
    await store(FIRST, ANSWER, memory, "t")
    following = ChatRequest(model="m", messages=(system("Be long."), user("c")), previous_response_id="resp_1")
    expanded = await expand(following, memory, "t")
    assert expanded.messages == (system("Be long."), user("a"), assistant("b"), user("c"))
    assert expanded.previous_response_id is None


@pytest.mark.parametrize("case", ["unknown", "foreign", "late", "forgotten", "not stored"])
async def test_what_is_not_stored_is_a_conflict_with_a_remedy(case: str) -> None:
    """Unknown and foreign look alike."""
    time = Time()
    memory = ProcessMemory(time)
    if case != "unknown":
        asked = ChatRequest(model="m", messages=(user("a"),), store=False) if case == "not stored" else FIRST
        await store(asked, ANSWER, memory, "t")
    if case == "late":
        time.now = LIFETIME + 1
    if case == "forgotten":
        assert await forget("resp_1", memory, "t")
    asked = ChatRequest(model="m", messages=(user("c"),), previous_response_id="resp_1")
    with pytest.raises(Conflict, match="resp_1") as caught:
        await expand(asked, memory, "u" if case == "foreign" else "t")
    assert "whole conversation" in caught.value.remedy
