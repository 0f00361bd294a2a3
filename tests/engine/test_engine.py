"""One call through its stations: what is tried again, what goes elsewhere, and what is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.answer import Answer
from interlingua.engine.engine import Engine
from interlingua.engine.router import ModelAlias
from interlingua.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    CredentialMissing,
    InterlinguaError,
    InvalidRequest,
    Overloaded,
    StreamInterrupted,
    TimedOut,
)
from interlingua.ports.transport import Timeouts
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.events import Event, MessageEnd, MessageStart
from interlingua.types.messages import Message, user
from interlingua.types.money import Money
from interlingua.types.parts import CacheHint, TextPart
from interlingua.types.request import ChatRequest
from interlingua.types.secret import Secret
from tests.client.providers_scripted import anthropic_text, openai_text
from tests.engine.clock import Clock

OVERLOADED = Script.json({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, status=529)
LIMITED = Script.json({"error": {"message": "slow down"}}, status=429, headers=(("retry-after", "7"),))
BAD_KEY = Script.json({"error": {"message": "bad key", "code": "invalid_api_key"}}, status=401)


def engine_with(
    *scripts: Script, keys: tuple[str, ...] = ("anthropic", "openai"), **more: Any
) -> tuple[Engine, Clock, ScriptedTransport]:
    transport = ScriptedTransport(list(scripts))
    config = Config(
        models={"both": ModelAlias(targets=("anthropic/claude-haiku-5-5", "openai/gpt-6-luna"))},
        **more,
    )
    engine = build_engine(config, given={key: Secret("x") for key in keys}, transport=transport, environment={})
    clock = Clock()
    engine.clock = clock
    return engine, clock, transport


def ask(model: str) -> ChatRequest:
    return ChatRequest(model=model, messages=(user("hi"),))


async def streamed(engine: Engine, request: ChatRequest) -> tuple[list[Event], Answer | None, InterlinguaError | None]:
    events: list[Event] = []
    answer = None
    try:
        async for item in engine.stream(request):
            if isinstance(item, Answer):
                answer = item
            else:
                events.append(item)
    except InterlinguaError as error:
        return events, answer, error
    return events, answer, None


@pytest.mark.parametrize("stream", [False, True])
async def test_an_overloaded_provider_is_tried_again_with_growing_waits(stream: bool) -> None:
    """And every try is recorded."""
    engine, clock, transport = engine_with(OVERLOADED, OVERLOADED, anthropic_text("hi", stream=stream))
    request = ask("anthropic/claude-haiku-5-5")
    if stream:
        _, answer, error = await streamed(engine, request)
        assert error is None
        assert answer is not None
    else:
        answer = await engine.generate(request)
    assert answer.response.text == "hi"
    assert clock.slept == [0.5, 1.0]
    assert [(attempt.error, attempt.status) for attempt in answer.attempts] == [("overloaded", 529)] * 2 + [(None, 200)]
    assert all(response.closed for response in transport.responses)


async def test_the_wait_that_a_provider_names_is_kept() -> None:
    """Seven seconds are seven seconds."""
    engine, clock, _ = engine_with(LIMITED, openai_text("hi", stream=False))
    await engine.generate(ask("openai/gpt-6-luna"))
    assert clock.slept == [7.0]


async def test_the_next_target_is_asked_when_one_is_exhausted() -> None:
    """In the order of the alias."""
    engine, _, _ = engine_with(OVERLOADED, OVERLOADED, OVERLOADED, openai_text("hi", stream=False))
    answer = await engine.generate(ask("both"))
    assert answer.target.name == "openai/gpt-6-luna"
    assert [attempt.target for attempt in answer.attempts] == ["anthropic/claude-haiku-5-5"] * 3 + ["openai/gpt-6-luna"]


async def test_a_target_without_a_credential_is_passed_over() -> None:
    """If another is left."""
    engine, _, transport = engine_with(openai_text("hi", stream=False), keys=("openai",))
    assert (await engine.generate(ask("both"))).target.name == "openai/gpt-6-luna"
    assert len(transport.requests) == 1


async def test_why_a_target_failed_is_not_hidden_by_one_that_cannot_be_tried() -> None:
    """What the second lacks is not what the person asked for."""
    engine, _, _ = engine_with(OVERLOADED, OVERLOADED, OVERLOADED, keys=("anthropic",))
    with pytest.raises(Overloaded):
        await engine.generate(ask("both"))
    engine, _, _ = engine_with(keys=())
    with pytest.raises(CredentialMissing) as caught:
        await engine.generate(ask("both"))
    assert caught.value.provider == "anthropic"


async def test_without_any_credential_the_error_tells_where_it_was_looked_for() -> None:
    """And what works without one."""
    engine, _, _ = engine_with(keys=())
    with pytest.raises(CredentialMissing) as caught:
        await engine.generate(ask("openai/gpt-6-luna"))
    assert caught.value.looked_in == ("keychain (openai/default)", "OPENAI_API_KEY", "credentials file")
    assert "OPENAI_API_KEY" in caught.value.remedy
    assert caught.value.alternative == "local/smollm2"


@pytest.mark.parametrize(
    ("providers", "model", "variable"),
    [
        ({"openai": {"api_keys": ["env:TEAM_KEY"]}}, "openai/gpt-6-luna", "TEAM_KEY"),
        ({"azure": {"base_url": "https://me.openai.azure.com/openai/v1"}}, "azure/mine", "AZURE_OPENAI_API_KEY"),
    ],
)
async def test_the_remedy_names_a_variable_that_is_read_and_that_people_have(
    providers: Any, model: str, variable: str
) -> None:
    """The configured one where there is one; a key rather than a token that lives an hour."""
    engine, _, _ = engine_with(keys=(), providers=providers)
    with pytest.raises(CredentialMissing) as caught:
        await engine.generate(ask(model))
    assert caught.value.remedy.endswith(f"   or   export {variable}=…")


async def test_a_refused_key_is_not_tried_again_but_the_next_target_is() -> None:
    """A bad key does not get better."""
    engine, clock, _ = engine_with(BAD_KEY, openai_text("hi", stream=False))
    assert (await engine.generate(ask("both"))).target.name == "openai/gpt-6-luna"
    engine, clock, _ = engine_with(BAD_KEY)
    with pytest.raises(AuthenticationFailed) as caught:
        await engine.generate(ask("openai/gpt-6-luna"))
    assert (caught.value.provider, clock.slept) == ("openai", [])


async def test_a_malformed_request_goes_nowhere_else() -> None:
    """It would be as malformed there."""
    engine, _, transport = engine_with(Script.json({"error": {"message": "bad"}}, status=400))
    with pytest.raises(InvalidRequest):
        await engine.generate(ask("both"))
    assert len(transport.requests) == 1


async def test_a_stream_that_breaks_before_content_is_begun_again_unnoticed() -> None:
    """One message_start reaches the caller."""
    whole = anthropic_text("hi", stream=True)
    engine, _, _ = engine_with(whole.cut(after=1), whole)
    events, answer, error = await streamed(engine, ask("anthropic/claude-haiku-5-5"))
    assert error is None
    assert answer is not None
    assert [type(event) for event in events].count(MessageStart) == 1
    assert isinstance(events[-1], MessageEnd)
    assert len(answer.attempts) == 2


@pytest.mark.parametrize("fault", ["cut", "end", "malformed", "error"])
async def test_a_stream_that_breaks_after_content_is_an_interruption_and_nothing_is_tried_again(fault: str) -> None:
    """Contracts §1.2 and §1.3."""
    whole = anthropic_text("hi", stream=True)
    script = {
        "cut": whole.cut(after=3),
        "end": whole.without_end(),
        "malformed": whole.malformed(after=3),
        "error": whole.failing({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, 3, "error"),
    }[fault]
    engine, clock, transport = engine_with(script, whole)
    events, answer, error = await streamed(engine, ask("both"))
    assert isinstance(error, StreamInterrupted)
    assert error.partial is not None
    assert error.partial.text == "hi"
    assert error.provider == "anthropic"
    assert answer is None
    assert (len(transport.requests), clock.slept) == (1, [])
    assert not any(isinstance(event, MessageEnd) for event in events)


async def test_a_stalled_stream_times_out() -> None:
    """After content it is an interruption, before it a timeout."""
    limits = Timeouts(idle=0.05, idle_before_content=0.05)
    whole = anthropic_text("hi", stream=True)
    engine, _, transport = engine_with(whole.stalled(after=3), timeouts=limits)
    _, _, error = await streamed(engine, ask("anthropic/claude-haiku-5-5"))
    assert isinstance(error, StreamInterrupted)
    assert isinstance(error.__cause__, TimedOut)
    assert transport.responses[0].closed
    engine, _, _ = engine_with(*[whole.stalled(after=1)] * 3, timeouts=limits)
    _, _, error = await streamed(engine, ask("anthropic/claude-haiku-5-5"))
    assert isinstance(error, TimedOut)


async def test_leaving_a_stream_early_closes_the_connection() -> None:
    """Nobody pays for what nobody reads."""
    engine, _, transport = engine_with(anthropic_text("hi", stream=True))
    stream = engine.stream(ask("anthropic/claude-haiku-5-5"))
    await anext(stream)
    await stream.aclose()
    assert transport.responses[0].closed
    assert not transport.responses[0].finished


async def test_a_host_that_answers_a_stream_at_once_is_understood() -> None:
    """Some ignore `stream`."""
    engine, _, _ = engine_with(openai_text("hi", stream=False))
    events, answer, error = await streamed(engine, ask("openai/gpt-6-luna"))
    assert error is None
    assert answer is not None
    assert answer.response.text == "hi"
    assert isinstance(events[-1], MessageEnd)


async def test_a_host_that_cannot_be_reached_is_named() -> None:
    """With the provider and a remedy."""
    engine, _, _ = engine_with(*[Script.refused()] * 3)
    with pytest.raises(ConnectionFailed) as caught:
        await engine.generate(ask("openai/gpt-6-luna"))
    assert (caught.value.provider, caught.value.model) == ("openai", "gpt-6-luna")


async def test_the_cost_is_that_of_the_tokens_at_the_prices_of_the_day() -> None:
    """gpt-6-luna: 0.10 and 0.50 dollars per million."""
    engine, _, _ = engine_with(openai_text("hi", stream=False))
    answer = await engine.generate(ask("openai/gpt-6-luna"))
    assert answer.cost == Money(10 * 100_000 + 5 * 500_000)


async def test_a_model_that_the_catalog_does_not_know_costs_an_unknown_sum() -> None:
    """None, not 0."""
    engine, _, _ = engine_with(openai_text("hi", stream=False))
    assert (await engine.generate(ask("openai/gpt-99-experimental"))).cost is None


async def test_a_host_is_added_by_one_table_and_called() -> None:
    """The fifth thing that must show."""
    table = {"base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
    engine, _, transport = engine_with(openai_text("hi", stream=False), providers={"lab": table})
    answer = await engine.generate(ask("lab/some/model"))
    assert answer.target.name == "lab/some/model"
    assert transport.requests[0].url == "http://127.0.0.1:9/v1/chat/completions"
    assert transport.bodies[0]["model"] == "some/model"
    assert not any(name == "authorization" for name, _ in transport.requests[0].headers)


@pytest.mark.parametrize(("model", "marked"), [("openai/gpt-6-luna", True), ("openai/gpt-4.1", False)])
async def test_cache_marks_go_only_to_models_that_know_them(model: str, marked: bool) -> None:
    """An older model of the same host refuses the field."""
    engine, _, transport = engine_with(openai_text("hi", stream=False))
    part = TextPart(text="a long text", cache=CacheHint())
    await engine.generate(ChatRequest(model=model, messages=(Message(role="user", parts=(part,)),)))
    assert ("prompt_cache_breakpoint" in str(transport.bodies[0])) is marked
