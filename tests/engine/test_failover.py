"""Who is asked next: a bad key is told from a bad target, and rests steer calls elsewhere."""

from __future__ import annotations

import random

import pytest

from interlingua.engine.answer import Answer
from interlingua.engine.route import Asking
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import BreakerSettings, RetrySettings
from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InterlinguaError,
    Overloaded,
    RateLimited,
    TimedOut,
    UpstreamError,
)
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script
from interlingua.types.events import Event, MessageStart, PartDelta
from interlingua.types.messages import Message
from interlingua.types.parts import BlobPart, TextPart
from interlingua.types.request import ChatRequest
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
    failing,
    in_turn,
    stream,
)

ONCE = RetrySettings(attempts=1)


def said(found: Answer) -> list[tuple[str, str, str]]:
    return [(one.target, one.what, one.credential) for one in found.decisions]


async def streamed(hosts: Hosts, asking: Asking | None = None) -> tuple[list[Event], Answer | None, object]:
    events: list[Event] = []
    request = ask()
    route = None if asking is None else hosts.engine.plan("all", asking=asking)
    try:
        async for item in hosts.engine.stream(request, route):
            if isinstance(item, Answer):
                return events, item, None
            events.append(item)
    except InterlinguaError as error:
        return events, None, error
    raise AssertionError("a stream ends with an answer or an error")


async def test_a_plain_call_has_nothing_to_explain() -> None:
    """One target, one key, and it answers."""
    found = await Hosts({"a": answer()}).engine.generate(ask())
    assert (found.response.text, found.decisions) == ("hi", ())


async def test_a_refused_key_is_retired_and_another_asked_at_once() -> None:
    """The bad key costs one call one try; no later call asks it, until the configuration is read anew."""
    hosts = Hosts({"a1": BAD_KEY, "a2": answer()}, keys=2)
    for _ in range(20):
        assert (await hosts.engine.generate(ask(text=str(_)))).target.name == "a/m"
    assert hosts.asked.count("a1") == 1
    assert hosts.clock.slept == []
    hosts.engine = hosts.build()
    for _ in range(20):
        await hosts.engine.generate(ask(text=str(_)))
    assert hosts.asked.count("a1") == 2


async def test_a_retired_key_is_used_again_after_a_successful_test() -> None:
    """`health` tries every key."""
    from interlingua.engine.operations import health

    listing = Script.json({"object": "list", "data": [{"id": "m", "object": "model"}]})

    def second(request: HttpRequest) -> Script:
        return listing if request.method == "GET" else answer()

    hosts = Hosts({"a1": BAD_KEY, "a2": second}, keys=2)
    for i in range(8):
        await hosts.engine.generate(ask(text=str(i)))
    found = await health(hosts.engine, hosts.engine.providers["a"])
    assert found.state == "valid"
    assert "KEY_A1" in (found.error or "")
    hosts.rules["a1"] = second
    assert (await health(hosts.engine, hosts.engine.providers["a"])).error is None
    hosts.asked.clear()
    for i in range(20):
        await hosts.engine.generate(ask(text=str(i)))
    assert set(hosts.asked) == {"a1", "a2"}


async def test_all_keys_refused_is_the_callers_to_know() -> None:
    """The provider's own words, and each key asked once; a later call still asks, because nobody else is left."""
    hosts = Hosts({"a": BAD_KEY}, keys=3)
    with pytest.raises(AuthenticationFailed):
        await hosts.engine.generate(ask())
    assert sorted(hosts.asked) == ["a1", "a2", "a3"]
    hosts.rules["a"] = answer()
    assert (await hosts.engine.generate(ask())).response.text == "hi"


async def test_a_key_without_credit_rests_for_long() -> None:
    """An hour, and then it is tried again."""
    hosts = Hosts({"a1": NO_CREDIT, "a2": answer()}, keys=2)
    for i in range(10):
        await hosts.engine.generate(ask(text=str(i)))
    assert hosts.asked.count("a1") == 1
    hosts.clock.now += 3601
    for i in range(10):
        await hosts.engine.generate(ask(text=str(i)))
    assert hosts.asked.count("a1") == 2


async def test_a_limited_key_rests_for_as_long_as_the_provider_says() -> None:
    """Another key answers at once, without waiting; then it is used again."""
    hosts = Hosts({"a1": in_turn(LIMITED, answer()), "a2": answer()}, keys=2)
    for i in range(10):
        await hosts.engine.generate(ask(text=str(i)))
    assert (hosts.asked.count("a1"), hosts.clock.slept) == (1, [])
    hosts.clock.now += 31
    for i in range(10):
        await hosts.engine.generate(ask(text=str(i)))
    assert hosts.asked.count("a1") > 1


async def test_a_limit_is_of_one_model() -> None:
    """The same key goes on for another."""
    hosts = Hosts(
        {"a1": lambda request: LIMITED if b'"small"' in request.body else answer(), "a2": answer()},
        keys=2,
        models={"small": ["a/small"], "large": ["a/large"]},
    )
    for i in range(10):
        await hosts.engine.generate(ask("small", str(i)))
        await hosts.engine.generate(ask("large", str(i)))
    assert hosts.asked.count("a1") > 2


async def test_a_single_key_at_its_limit_is_waited_for_by_those_who_come_later() -> None:
    """They do not ask only to be refused; who cannot wait so long is told how long it would be."""
    hosts = Hosts({"a": in_turn(LIMITED, answer())}, retry=ONCE)
    with pytest.raises(RateLimited) as caught:
        await hosts.engine.generate(ask())
    assert caught.value.retry_after == 30
    route = hosts.engine.plan("all", asking=Asking(timeout=5))
    with pytest.raises(RateLimited) as caught:
        await hosts.engine.generate(ask(), route)
    assert (caught.value.retry_after, hosts.clock.slept, len(hosts.asked)) == (30, [], 1)
    found = await hosts.engine.generate(ask())
    assert (found.response.text, hosts.clock.slept) == ("hi", [30])
    assert "waited" in [what for _, what, _ in said(found)]


@pytest.mark.parametrize(
    "headers",
    [
        (("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6s")),
        (
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2027-01-15T08:00:06Z"),
        ),
    ],
)
async def test_a_limit_that_headers_tell_of_throttles_before_the_429(headers: tuple[tuple[str, str], ...]) -> None:
    """Nothing left until the reset: the other key is used; with one key, the reset is waited for."""
    hosts = Hosts({"a1": answer(headers=headers), "a2": answer()}, keys=2)
    for i in range(10):
        await hosts.engine.generate(ask(text=str(i)))
    assert (hosts.asked.count("a1"), hosts.clock.slept) == (1, [])
    hosts = Hosts({"a": answer(headers=headers)})
    await hosts.engine.generate(ask())
    await hosts.engine.generate(ask())
    assert hosts.clock.slept == [pytest.approx(6, abs=0.001)]


@pytest.mark.parametrize(("keys", "asked"), [(0, 2), (1, 2), (2, 3)])
async def test_a_limit_that_ends_at_once_is_no_leave_to_ask_again_and_again(keys: int, asked: int) -> None:
    """The only key is no other key, nor is none; and each key is left for another once."""
    full = Script.json({"error": {"message": "slowly"}}, 429, headers=(("retry-after", "0"),))
    names = [f"a{number}" for number in range(1, keys + 1)] if keys > 1 else ["a"]
    hosts = Hosts(dict.fromkeys(names, full), keys=keys, retry=RetrySettings(attempts=2))
    with pytest.raises(RateLimited):
        await hosts.engine.generate(ask())
    assert len(hosts.asked) == asked


async def test_a_429_goes_to_the_next_target_at_once() -> None:
    """Nobody waits where somebody else is free; while the key rests its target is passed over."""
    hosts = Hosts({"a": LIMITED, "b": answer()})
    found = [await hosts.engine.generate(ask()) for _ in range(3)]
    assert [len(one.attempts) for one in found] == [2, 1, 1]
    assert (hosts.asked, hosts.clock.slept) == (["a1", "b1", "b1", "b1"], [])
    assert (
        said(found[1]) == [("a/m", "skipped", "env:KEY_A1"), ("b/m", "asked", "")] or said(found[1])[0][1] == "skipped"
    )


async def test_a_target_that_fails_opens_its_breaker_and_is_probed_when_it_rested() -> None:
    """Closed, open, half-open with one call at a time, closed again; the key is not blamed."""
    hosts = Hosts({"a": BROKEN, "b": answer()}, retry=ONCE, breaker=BreakerSettings(failures=3, rest=15))
    for _ in range(6):
        assert (await hosts.engine.generate(ask())).target.name == "b/m"
    assert hosts.asked.count("a1") == 3
    hosts.clock.now += 16
    probed = await hosts.engine.generate(ask())
    assert hosts.asked.count("a1") == 4
    assert "works again" in probed.decisions[0].why
    hosts.clock.now += 16
    await hosts.engine.generate(ask())
    assert hosts.asked.count("a1") == 4, "it rests twice as long after a probe that failed"
    hosts.clock.now += 16
    hosts.rules["a"] = answer()
    assert [(await hosts.engine.generate(ask())).target.name for _ in range(3)] == ["a/m"] * 3


async def test_a_lone_target_is_asked_though_its_breaker_is_open() -> None:
    """A breaker steers calls elsewhere; where there is no elsewhere it ends none."""
    hosts = Hosts({"a": BROKEN}, retry=ONCE, breaker=BreakerSettings(failures=2))
    for _ in range(5):
        with pytest.raises(UpstreamError):
            await hosts.engine.generate(ask())
    hosts.rules["a"] = answer()
    found = await hosts.engine.generate(ask())
    assert found.response.text == "hi"
    assert found.decisions[-1].why == "nobody else is left"


async def test_a_target_that_fails_now_and_then_stays_in_use() -> None:
    """Three calls in ten fail: too few to leave it out, and every call is answered all the same."""
    chance = random.Random(1)
    hosts = Hosts({"a": lambda request: BROKEN if chance.random() < 0.3 else answer(), "b": answer()}, retry=ONCE)
    found = [await hosts.engine.generate(ask(text=str(i))) for i in range(300)]
    assert all(one.response.text == "hi" for one in found)
    share = sum(one.target.name == "a/m" for one in found) / len(found)
    assert 0.6 < share < 0.8


async def test_a_target_that_lies_with_200_and_an_error_inside_is_one_that_failed() -> None:
    """Before its first content the next one answers, streamed or not."""
    lie = Script.json({"error": {"message": "engine on fire", "code": 500}})
    hosts = Hosts({"a": lie, "b": answer()}, retry=ONCE)
    assert (await hosts.engine.generate(ask())).target.name == "b/m"
    hosts = Hosts(
        {"a": stream().failing({"error": {"message": "fire", "code": 500}}, after=1), "b": stream()}, retry=ONCE
    )
    events, found, _ = await streamed(hosts)
    assert found is not None
    assert (found.target.name, found.response.text) == ("b/m", "One two three.")
    assert sum(isinstance(event, MessageStart) for event in events) == 1


async def test_a_target_that_cannot_take_the_request_is_passed_over_where_another_can() -> None:
    """And the reason is told."""
    picture = BlobPart(mime_type="image/png", modality="image", content="aGk=")
    request = ChatRequest(model="both", messages=(Message(role="user", parts=(TextPart(text="?"), picture)),))
    hosts = Hosts(
        {"a": answer(), "b": answer()},
        providers={"a": {"catalog": "groq"}, "b": {"catalog": "openai"}},
        models={"both": ["a/llama-3.3-70b-versatile", "b/gpt-6-luna"]},
    )
    found = await hosts.engine.generate(request)
    assert found.target.name == "b/gpt-6-luna"
    assert said(found)[0][:2] == ("a/llama-3.3-70b-versatile", "skipped")
    assert "image" in found.decisions[0].why


async def test_fallbacks_are_taken_by_the_kind_of_the_error() -> None:
    """What is wrong with the request leads there at once, what is wrong with targets when all of them failed."""
    models = {
        "all": ModelAlias(
            targets=("a/m", "b/m"), fallbacks={"context_too_long": ("c/large",), "overloaded": ("c/spare",)}
        )
    }
    hosts = Hosts({"a": TOO_LONG, "b": answer(), "c": answer()}, models=models, retry=ONCE)
    found = await hosts.engine.generate(ask())
    assert [one.target for one in found.attempts] == ["a/m", "c/large"]
    assert found.decisions[-1].why == "fallback for context_too_long"
    hosts = Hosts({"a": FULL, "b": FULL, "c": answer()}, models=models, retry=ONCE)
    found = await hosts.engine.generate(ask())
    assert [one.target for one in found.attempts] == ["a/m", "b/m", "c/spare"]
    hosts = Hosts({"a": TOO_LONG, "b": answer(), "c": TOO_LONG}, models=models, retry=ONCE)
    with pytest.raises(ContextTooLong):
        await hosts.engine.generate(ask())
    assert hosts.asked == ["a1", "c1"]


async def test_a_fallback_is_only_taken_where_the_caller_may_use_it() -> None:
    """A failure widens nobody's rights."""
    models = {"all": ModelAlias(targets=("a/m",), fallbacks={"overloaded": ("c/dear", "b/cheap")})}
    hosts = Hosts({"a": FULL, "b": answer(), "c": answer()}, models=models, retry=ONCE)
    asking = Asking(may_use=lambda name, target: not target.name.startswith("c/"))
    found = await hosts.engine.generate(ask(), hosts.engine.plan("all", asking=asking))
    assert found.target.name == "b/cheap"
    assert "c1" not in hosts.asked


async def test_one_deadline_holds_for_all_tries_together() -> None:
    """A host that stalls is given up when the call's time is over, and the caller learns which limit it was."""
    silent = Script.silent()
    hosts = Hosts({"a": silent, "b": silent})
    for streams in (False, True):
        route = hosts.engine.plan("all", asking=Asking(timeout=0.05))
        if streams:
            _, _, error = await streamed(hosts, Asking(timeout=0.05))
            assert isinstance(error, TimedOut)
            assert error.phase == "deadline"
            continue
        with pytest.raises(TimedOut) as caught:
            await hosts.engine.generate(ask(), route)
        assert caught.value.phase == "deadline"
    assert "x-interlingua-timeout" in caught.value.remedy


async def test_a_callers_short_deadline_is_not_held_against_the_target() -> None:
    """Else one caller could keep a target from all others."""
    hosts = Hosts({"a": Script.silent(), "b": answer()}, breaker=BreakerSettings(failures=1), retry=ONCE)
    for _ in range(3):
        with pytest.raises(TimedOut):
            await hosts.engine.generate(ask(), hosts.engine.plan("all", asking=Asking(timeout=0.01)))
    assert hosts.engine.breaker.open("a/m") is None


async def test_a_stream_is_not_ended_by_the_deadline_once_content_came() -> None:
    """Until then it could go elsewhere; after that only silence ends it."""
    hosts = Hosts({"a": stream().dripping(0.01)})
    said = ""
    async for event in hosts.engine.stream(ask(), hosts.engine.plan("all", asking=Asking(timeout=30))):
        if isinstance(event, PartDelta):
            said += event.text
            hosts.clock.now += 60.0
    assert said == "One two three."


async def test_what_a_call_sets_only_falls_below_the_configuration() -> None:
    """Fewer tries, no other target; never more tries."""
    hosts = Hosts({"a": FULL, "b": FULL}, retry=RetrySettings(attempts=3, total=5))
    with pytest.raises(Overloaded):
        await hosts.engine.generate(ask(), hosts.engine.plan("all", asking=Asking(attempts=50)))
    assert len(hosts.asked) == 5
    hosts.asked.clear()
    with pytest.raises(Overloaded):
        await hosts.engine.generate(ask(), hosts.engine.plan("all", asking=Asking(attempts=2)))
    assert len(hosts.asked) == 2
    hosts.asked.clear()
    with pytest.raises(Overloaded):
        await hosts.engine.generate(ask(), hosts.engine.plan("all", asking=Asking(failover=False)))
    assert set(hosts.asked) == {"a1"}


async def test_a_stream_that_breaks_off_is_continued_where_that_is_asked_for() -> None:
    """One message, one text, the rest from another target; the answer says so, and both tries are counted."""
    broken = stream("One ", "two ").cut(after=3)
    hosts = Hosts({"a": broken, "b": stream("three", ".")})
    events, found, _ = await streamed(hosts, Asking(continues=True))
    assert found is not None
    assert found.response.text == "One two three."
    assert "".join(event.text for event in events if isinstance(event, PartDelta)) == "One two three."
    assert sum(isinstance(event, MessageStart) for event in events) == 1
    assert [one.error for one in found.attempts] == ["stream_interrupted", None]
    assert any("went on" in loss.reason for loss in found.losses)
    body = hosts.transport.bodies[1]["messages"]
    assert [message["role"] for message in body] == ["user", "assistant", "user"]
    assert body[1]["content"] == "One two "


@pytest.mark.parametrize("asking", [None, Asking(continues=False)])
async def test_a_stream_that_breaks_off_is_not_continued_unasked(asking: Asking | None) -> None:
    """Contracts §1.3: off by default."""
    hosts = Hosts({"a": stream("One ", "two ").cut(after=3), "b": stream("three.")})
    _, found, error = await streamed(hosts, asking)
    assert found is None
    assert getattr(error, "code", "") == "stream_interrupted"
    assert set(hosts.asked) == {"a1"}


async def test_nothing_is_continued_inside_a_tool_call() -> None:
    """Half a tool call is nobody's to finish."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a'}}
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Well, ", "tool_calls": [call]}}],
    }
    hosts = Hosts({"a": Script.sse(chunk, chunk).cut(after=1), "b": stream()})
    _, found, error = await streamed(hosts, Asking(continues=True))
    assert found is None
    assert getattr(error, "code", "") == "stream_interrupted"
    assert hosts.asked == ["a1"]


async def test_a_continuation_that_nobody_can_give_ends_as_an_interruption_with_all_that_came() -> None:
    """And with the usage of all tries."""
    hosts = Hosts({"a": stream("One ", "two ").cut(after=3), "b": failing(400)}, retry=RetrySettings(total=4))
    _, found, error = await streamed(hosts, Asking(continues=True))
    assert found is None
    partial = getattr(error, "partial", None)
    assert partial is not None
    assert partial.text == "One two "


async def test_a_conversation_keeps_its_key_and_keys_share_by_weight() -> None:
    """Sticky by conversation (contracts §2.6); three quarters of the conversations go to the key of weight 3."""
    keys = [{"ref": "env:KEY_A1", "weight": 3}, "env:KEY_A2"]
    hosts = Hosts({"a": answer()}, keys=2, providers={"a": {"api_keys": keys}})
    used: dict[str, set[str]] = {}
    for turn in range(2):
        for i in range(200):
            hosts.asked.clear()
            await hosts.engine.generate(ask(text=f"conversation {i}"))
            used.setdefault(str(i), set()).update(hosts.asked)
            assert turn == 0 or len(used[str(i)]) == 1
    share = sum(one == {"a1"} for one in used.values()) / len(used)
    assert 0.65 < share < 0.85
