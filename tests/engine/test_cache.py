"""What is remembered of answers, and how the same requests at the same time share one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from interlingua.engine import cache as engine_cache
from interlingua.engine.cache import Cache, Flight, Form, Kept, Look
from interlingua.engine.settings import CacheSettings
from interlingua.engine.usage import repriced
from interlingua.errors import Overloaded, RateLimited
from interlingua.ports.claims import Claim
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.stores.memory import ProcessMemory
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import ReasoningPart, ServerToolCallPart, TextPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishKind, FinishReason
from interlingua.types.usage import Usage
from tests.engine.budget_calls import PRICED

STATE = Opaque("gemini.thought_signature", "c2ln", Origin("google", "gemini", "m", "acc"))
FORM = Form("openai_chat", True, True)


def kept(*parts: object, kind: FinishKind = "stop") -> Kept:
    message = Message(role="assistant", parts=parts or (TextPart(text="x"),))  # type: ignore[arg-type]  # parts all
    choice = Choice(message=message, finish=FinishReason(kind, kind))
    answer = ChatResponse(id="a", model="m", choices=(choice,), usage=Usage(input_tokens=3, output_tokens=4))
    return Kept(response=answer, target="h/m", spoken="gemini", form=FORM, pieces=(b"a", b"\xff"))


def look(tenant: str = "t", key: str = "cache:1", **more: object) -> Look:
    return Look(tenant=tenant, key=key, request=ChatRequest(model="m"), form=FORM, **more)  # type: ignore[arg-type]  # fields


def cache(**settings: object) -> Cache:
    return Cache(ProcessMemory(lambda: 0.0), CacheSettings(**{"ttl": 60.0, **settings}))  # type: ignore[arg-type]  # fields


async def test_an_answer_comes_back_as_it_was_with_state_bytes_and_all() -> None:
    """To its tenant only."""
    found, answer = cache(), kept(ReasoningPart(text="hm", opaque=(STATE,)), tool_call("c1", "look", '{"a": 1}'))
    await found.keep(look(), answer)
    assert await found.find(look(), Kept) == answer
    assert await found.find(look(tenant="u"), Kept) is None
    assert await found.find(look(key="cache:2"), Kept) is None


@pytest.mark.parametrize(
    "answer",
    [
        *(kept(kind=kind) for kind in ("length", "content_filter", "refusal", "pause", "error")),
        kept(ServerToolCallPart(id="s", name="search", dialect="gemini", raw="{}"), TextPart(text="found")),
    ],
)
async def test_what_is_no_whole_answer_or_not_the_models_alone_is_not_remembered(answer: Kept) -> None:
    """Cut off, filtered, refused, paused, failed, or made with a search."""
    found = cache()
    await found.keep(look(), answer)
    assert await found.find(look(), Kept) is None


async def test_what_another_version_wrote_is_nothing() -> None:
    """A memory may outlive the process."""
    memory = ProcessMemory(lambda: 0.0)
    await memory.put("t", {"cache:1": b"\x81\xa1x\x01"}, 60)
    assert await Cache(memory, CacheSettings(ttl=60)).find(look(), Kept) is None


async def test_who_waits_gets_the_answer_the_failure_or_leave_to_ask() -> None:
    """Each a failure of its own."""
    error = RateLimited("slowly", retry_after=3.0, scope="gateway:key/rpm")
    error.fault = "gateway"  # type: ignore[assignment]  # the class says provider
    for landed in (kept(), None, error):
        flight = Flight()
        tasks = [asyncio.create_task(flight.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        flight.land(landed)
        flight.land(Overloaded("too late"))
        found = await asyncio.gather(*tasks, return_exceptions=True)
        if landed is not error:
            assert found == [landed, landed]
            continue
        assert found[0] is not found[1]
        for one in found:
            assert isinstance(one, RateLimited)
            assert (one.retry_after, one.scope, one.fault, one.message) == (3.0, error.scope, "gateway", "slowly")


async def test_calls_that_may_fail_for_reasons_of_their_own_do_not_wait_for_each_other() -> None:
    """Such as a shorter deadline; nor do those of another tenant, nor one that wants no old answer."""
    found = cache()
    flight = found.begin(look())
    assert found.in_flight(look()) is flight
    for other in (look(bounds=(1.0,)), look(tenant="u"), look(key="cache:2"), look(fresh=True)):
        assert found.in_flight(other) is None
    # One that wants no old answer does not end another's flight.
    found.end(look(), found.begin(look(fresh=True)))
    assert found.in_flight(look()) is flight
    found.end(look(), flight)
    assert found.in_flight(look()) is None


class Names:
    """Claims as they stand, one after the other."""

    def __init__(self, *found: Claim) -> None:
        self._found = list(found)
        self.given_up: list[bool] = []

    async def take(self, name: str) -> Claim:
        return self._found.pop(0)

    def give_up(self, name: str, *, alone: bool) -> None:
        self.given_up.append(alone)


class Slow(ProcessMemory):
    """A memory that is asked for ever."""

    async def get(self, tenant: str, keys: Sequence[str]) -> dict[str, bytes]:
        await asyncio.Event().wait()
        return {}


async def test_what_another_process_is_answered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is there, until the other gave up, or until there is nobody to wait for."""
    monkeypatch.setattr(engine_cache, "LOOK_AGAIN", 0.0)
    memory, settings, answer = ProcessMemory(lambda: 0.0), CacheSettings(ttl=60), kept()
    assert await Cache(memory, settings).elsewhere(look(), Kept) is None
    assert await Cache(memory, settings, Names("theirs", "theirs", "nobodys")).elsewhere(look(), Kept) is None
    assert await Cache(memory, settings, Names("theirs", "ours")).elsewhere(look(), Kept) == "ours"
    await Cache(memory, settings).keep(look(), answer)
    late = Names("ours")
    assert await Cache(memory, settings, late).elsewhere(look(), Kept) == answer
    assert late.given_up == [False]
    assert await Cache(memory, settings, Names("theirs")).elsewhere(look(), Kept) == answer


async def test_who_leaves_while_it_claims_leaves_nobody_waiting() -> None:
    """The claim would be renewed for ever."""
    names = Names("ours")
    waiting = asyncio.ensure_future(Cache(Slow(lambda: 0.0), CacheSettings(ttl=60), names).elsewhere(look(), Kept))
    for _ in range(5):
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert names.given_up == [True]


def test_hits_stay_free_when_costs_are_reckoned_again() -> None:
    """At whatever prices."""
    usage = Usage(input_tokens=3, output_tokens=4)
    rows = [AttemptRow("h/m", "gemini", lane, 0, 1, usage=usage, cost=0) for lane in ("cache", "translated")]
    for attempt, changes in zip(rows, (0, 1), strict=True):
        row = LedgerRow("r", "t", "", "", 0, 1, "gemini", "chat", False, "m", 200, None, (), (attempt,))
        assert len(list(repriced(row, lambda name: PRICED))) == changes
