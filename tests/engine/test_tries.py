"""What holds for every call, whatever its hosts do: one answer begins, tries are bounded, time is kept."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.engine.answer import Answer
from interlingua.engine.route import Asking
from interlingua.engine.settings import BreakerSettings, RetrySettings
from interlingua.errors import InterlinguaError, TimedOut
from interlingua.transport.scripted import Script
from interlingua.types.accumulate import accumulate
from interlingua.types.events import Event, MessageStart
from tests.engine.hosts_scripted import (
    BAD_KEY,
    BROKEN,
    FULL,
    LIMITED,
    NO_CREDIT,
    TOO_LONG,
    Hosts,
    answer,
    ask,
    in_turn,
    stream,
)

FAULTS = {
    "whole": stream(),
    "cut before content": stream().cut(after=0),
    "cut after content": stream().cut(after=2),
    "no end": stream().without_end(),
    "malformed": stream().malformed(after=1),
    "error inside": stream().failing({"error": {"message": "fire", "code": 500}}, after=1),
    "error later": stream().failing({"error": {"message": "fire", "code": 500}}, after=3),
    "lies": Script.json({"error": {"message": "fire"}}),
    "web page": Script.text("<html>", content_type="text/html"),
    "refused": Script.refused(),
    "401": BAD_KEY,
    "402": NO_CREDIT,
    "429": LIMITED,
    "500": BROKEN,
    "503": FULL,
    "too long": TOO_LONG,
}
rules = st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=4)


async def streamed(hosts: Hosts, asking: Asking) -> tuple[list[Event], Answer | None, InterlinguaError | None]:
    events: list[Event] = []
    try:
        async for item in hosts.engine.stream(ask(), hosts.engine.plan("all", asking=asking)):
            if isinstance(item, Answer):
                return events, item, None
            events.append(item)
    except InterlinguaError as error:
        return events, None, error
    raise AssertionError("a stream ends with an answer or an error")


@settings(max_examples=150, deadline=None)
@given(
    behaviour=st.fixed_dictionaries({"a1": rules, "a2": rules, "b1": rules, "b2": rules, "c1": rules, "c2": rules}),
    calls=st.integers(1, 4),
    total=st.integers(1, 8),
    continues=st.booleans(),
)
def test_one_answer_begins_and_tries_are_bounded_whatever_hosts_do(
    behaviour: dict[str, list[str]], calls: int, total: int, continues: bool
) -> None:
    """Never two beginnings, never more tries than allowed, and what came makes one message of right grammar."""

    async def run() -> None:
        hosts = Hosts(
            {key: in_turn(*(FAULTS[name] for name in names)) for key, names in behaviour.items()},
            keys=2,
            retry=RetrySettings(total=total),
            breaker=BreakerSettings(failures=2),
        )
        for _ in range(calls):
            before = len(hosts.asked)
            events, found, error = await streamed(hosts, Asking(continues=continues))
            assert len(hosts.asked) - before <= total
            assert sum(isinstance(event, MessageStart) for event in events) <= 1
            assert (found is None) != (error is None)
            if found is not None:
                assert accumulate(events).text == found.response.text
                assert found.response.text
                assert len(found.attempts) == len(hosts.asked) - before
                assert [one.error is None for one in found.attempts][-1]
            assert all(response.closed for response in hosts.transport.responses)

    asyncio.run(run())


@settings(max_examples=15, deadline=None)
@given(stalls=st.lists(st.sampled_from(["silent", "stalled", "slow"]), min_size=3, max_size=3))
def test_the_deadline_holds_however_hosts_stall(stalls: list[str]) -> None:
    """A call ends within its time and a little; the limit of one host does not add to another's."""
    slow = {"silent": Script.silent(), "stalled": stream().stalled(after=0), "slow": stream().delayed(30)}

    async def run() -> None:
        hosts = Hosts(dict(zip("abc", (slow[name] for name in stalls), strict=True)))
        hosts.engine.clock.monotonic = asyncio.get_running_loop().time  # type: ignore[method-assign]  # real time
        async with asyncio.timeout(25):
            _, _, error = await streamed(hosts, Asking(timeout=0.02))
        assert isinstance(error, TimedOut)
        assert error.phase == "deadline"

    asyncio.run(run())


async def test_seed_9_calls_at_once_on_a_pool_with_bad_keys_are_each_answered_once() -> None:
    """200 calls, one key of three refused and one limited: each has one answer, and each key is refused a few times at
    the most: those calls that were under way when it was learnt."""
    hosts = Hosts({"a1": BAD_KEY, "a2": LIMITED, "a3": answer()}, keys=3)
    await asyncio.gather(*(hosts.engine.generate(ask(text=f"warm {i}")) for i in range(30)))
    hosts.asked.clear()
    found = await asyncio.gather(*(hosts.engine.generate(ask(text=f"call {i}")) for i in range(200)))
    assert [one.response.text for one in found] == ["hi"] * 200
    assert hosts.asked == ["a3"] * 200


async def test_seed_10_what_tries_cost_adds_up_and_is_counted_once() -> None:
    """Across hosts: what a try that broke off used is unknown and not 0; the answering one is billed for its own."""
    hosts = Hosts(
        {"a": stream("One ", "two ").cut(after=3), "b": stream("three.")},
        providers={"a": {"catalog": "openai"}, "b": {"catalog": "openai"}},
        models={"all": ["a/gpt-6-luna", "b/gpt-6-luna"]},
    )
    _, found, _ = await streamed(hosts, Asking(continues=True))
    assert found is not None
    assert [one.usage is None for one in found.attempts] == [True, False]
    costs = [one.cost for one in found.attempts]
    assert costs[0] is None
    assert found.cost == costs[1]
