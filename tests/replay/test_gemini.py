"""Recorded generateContent traffic: what providers and clients really wrote is understood, and survives us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from interlingua.dialects import gemini
from interlingua.errors import (
    AuthenticationFailed,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
    RateLimited,
)
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.loss import LossAction, LossKind
from interlingua.types.parts import ToolCallPart
from interlingua.types.response import ChatResponse
from tests.replay.traffic import body_of, chunked, exchanges, response_of

WARN: dict[LossKind, LossAction] = {"setting": "warn", "content": "warn"}
NUMBERED_ENUMS = "openinference-langchain-test-gemini-token-counts-streaming"
"""The one client that asked for enums as numbers (`enum-encoding=int`), which we never do."""
FIXTURE_WITHOUT_FINISH = ("vertex/firebase-vertexai-unary-success-google-maps-grounding",)
"""Hand-kept fixtures whose candidate does not say why it ended."""

STATUSES = {
    "API key not valid": AuthenticationFailed,
    "unregistered callers": AuthenticationFailed,
    "is not found for API version": ModelNotFound,
    "Resource exhausted": RateLimited,
    "You exceeded your current quota": RateLimited,
    "User location is not supported": PermissionDenied,
    "Request contains an invalid argument": InvalidRequest,
    "response modalities": InvalidRequest,
    "Cached content model": InvalidRequest,
    "Cannot fetch content": InvalidRequest,
}


def context() -> TranslationContext:
    return TranslationContext(dialect="gemini", provider="google", seed="replay", on_loss=dict(WARN))


def recorded(*, ok: bool) -> Iterator[dict[str, Any]]:
    for exchange in exchanges("gemini-generate"):
        if (exchange["response"]["status"] == 200) is ok:
            yield exchange


def streamed() -> Iterator[dict[str, Any]]:
    return (exchange for exchange in recorded(ok=True) if "sse" in exchange["response"])


def whole() -> Iterator[dict[str, Any]]:
    return (
        exchange
        for exchange in recorded(ok=True)
        if isinstance(exchange["response"].get("body"), dict) and "totalTokens" not in exchange["response"]["body"]
    )


def events_of(data: bytes, sizes: Iterator[int] | None = None) -> list[Event]:
    parser = gemini.StreamParser(context())
    found: list[Event] = []
    for piece in [data] if sizes is None else chunked(data, sizes):
        found += parser.feed(piece)
    return found + parser.close()


def through_renderer(events: list[Event]) -> bytes:
    renderer = gemini.StreamRenderer(context())
    return b"".join(renderer.render(event) for event in events) + renderer.close()


def test_every_recorded_request_is_read_and_is_the_same_after_being_written() -> None:
    seen = 0
    for exchange in recorded(ok=True):
        sent = exchange["request"]
        if sent is None or not isinstance(sent["body"], dict):
            continue
        path = "/v1beta/" + sent["url"].split("/v1beta/")[-1] if "/v1beta/" in sent["url"] else sent["url"]
        wire = WireRequest(path=path, body=msgspec.json.encode(sent["body"]))
        first = gemini.parse_request(wire, context())
        if any("an address" in loss.reason for loss in losses(first)):
            continue  # media by https: only the other transport of this format takes it
        rendered = render(first)
        second = gemini.parse_request(WireRequest(path="/v1beta" + rendered.path, body=rendered.body), context())
        assert second == first or after_rendering(first) == after_rendering(second), exchange["id"]
        assert first.model and first.messages, exchange["id"]
        seen += 1
    assert seen > 90


def render(request: Any) -> WireRequest:
    surroundings = context()
    surroundings.traits = msgspec.structs.replace(surroundings.traits, media_in_results=True)
    return gemini.render_request(request, surroundings)


def after_rendering(request: Any) -> Any:
    return msgspec.json.decode(render(request).body)


def losses(request: Any) -> list[Any]:
    surroundings = context()
    gemini.render_request(request, surroundings)
    return surroundings.losses


def test_every_recorded_answer_is_read_and_is_the_same_after_being_written() -> None:
    seen = 0
    for exchange in whole():
        first = gemini.parse_response(response_of(exchange), context())
        second = gemini.parse_response(gemini.render_response(first, context()), context())
        assert second == first, exchange["id"]
        assert first.choices, exchange["id"]
        seen += 1
    assert seen > 50


def test_every_recorded_stream_is_complete_and_is_the_same_after_being_written() -> None:
    seen = 0
    for exchange in streamed():
        events = events_of(body_of(exchange))
        assert isinstance(events[-1], MessageEnd), exchange["id"]
        first = accumulate(events)
        second = accumulate(events_of(through_renderer(events)))
        assert second == first, exchange["id"]
        seen += 1
    assert seen > 30


@pytest.mark.parametrize("size", [1, 7, 64])
def test_chunking_makes_no_difference(size: int) -> None:
    for exchange in list(streamed())[:: 3 if size == 1 else 1]:
        data = body_of(exchange)
        assert events_of(data, iter([size])) == events_of(data), exchange["id"]


def test_a_recorded_stream_that_is_cut_off_is_no_success() -> None:
    for exchange in streamed():
        data = body_of(exchange)
        cut = data[: data.index(b'"finishReason"')] if b'"finishReason"' in data else b""
        events = events_of(cut)
        assert isinstance(events[-1], Failed), exchange["id"]
        assert events[-1].code in ("stream_interrupted", "upstream_error"), exchange["id"]


def test_an_answer_told_as_a_stream_is_the_same_answer() -> None:
    for exchange in whole():
        answer = gemini.parse_response(response_of(exchange), context())
        if any(call.custom for call in calls(answer)):
            continue
        told = accumulate(events_of(through_renderer(list(unfold(answer)))))
        assert told.text == answer.text, exchange["id"]
        assert [choice.finish for choice in told.choices] == [choice.finish for choice in answer.choices]
        assert calls(told) == calls(answer), exchange["id"]
        assert told.usage == answer.usage, exchange["id"]


def calls(answer: ChatResponse) -> list[ToolCallPart]:
    return [part for choice in answer.choices for part in choice.message.parts if isinstance(part, ToolCallPart)]


def test_a_stream_that_is_one_array_is_read_like_any_other() -> None:
    arrays = [
        exchange
        for exchange in recorded(ok=True)
        if isinstance(exchange["response"].get("body"), list) and NUMBERED_ENUMS not in exchange["id"]
    ]
    for exchange in arrays:
        answer = accumulate(events_of(body_of(exchange)))
        assert answer.text and answer.finish.kind == "stop", exchange["id"]
    assert arrays


def test_every_recorded_error_is_of_a_sensible_class() -> None:
    seen = 0
    for exchange in recorded(ok=False):
        response: WireResponse = response_of(exchange)
        error = gemini.parse_error(response, context())
        expected = next(found for words, found in STATUSES.items() if words in error.message)
        assert type(error) is expected, exchange["id"]
        assert error.provider == "google" and error.raw_code, exchange["id"]
        seen += 1
    assert seen > 15
