"""Recorded traffic of /api/chat and /api/generate: what was really written is understood, and survives us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from interlingua.dialects import ollama
from interlingua.errors import ModelNotFound
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.parts import ReasoningPart, ToolCallPart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from tests.replay.traffic import body_of, chunked, exchanges, response_of

FILES = ("ollama-chat", "ollama-generate")


def context() -> TranslationContext:
    return TranslationContext(dialect="ollama", seed="replay")


def recorded(*, ok: bool = True) -> Iterator[dict[str, Any]]:
    for name in FILES:
        for exchange in exchanges(name):
            if (exchange["response"]["status"] == 200) is ok:
                yield exchange


def streamed() -> list[dict[str, Any]]:
    return [exchange for exchange in recorded() if "ndjson" in exchange["response"]]


def whole() -> list[dict[str, Any]]:
    return [exchange for exchange in recorded() if "body" in exchange["response"]]


def wire_request(exchange: dict[str, Any]) -> WireRequest:
    sent = exchange["request"]
    return WireRequest(path=urlsplit(sent["url"]).path, body=msgspec.json.encode(sent["body"]))


def events_of(data: bytes, sizes: Iterator[int] | None = None) -> list[Event]:
    parser = ollama.StreamParser(context())
    found: list[Event] = []
    for piece in [data] if sizes is None else chunked(data, sizes):
        found += parser.feed(piece)
    return found + parser.close()


def through_renderer(events: list[Event], request: ChatRequest | None = None) -> bytes:
    renderer = ollama.StreamRenderer(context(), request)
    return b"".join(renderer.render(event) for event in events) + renderer.close()


def said(body: dict[str, Any]) -> dict[str, Any]:
    """A request as far as it means something: without defaults, ids, empty turns and noise of single clients."""
    found = {key: value for key, value in body.items() if value not in ("", [], {}, None)}
    found["stream"] = body.get("stream", True)
    found["messages"] = [
        {key: value for key, value in message.items() if value and key != "tool_call_id"}
        | {"tool_calls": [called(call) for call in message.get("tool_calls", ())]}
        for message in body.get("messages", ())
        if message.get("content") or message.get("tool_calls")
    ]
    return found


def called(call: dict[str, Any]) -> dict[str, Any]:
    return {key: call["function"][key] for key in ("name", "arguments")}


def test_every_recorded_request_means_the_same_after_being_read_and_written() -> None:
    seen = 0
    for exchange in recorded():
        wire = wire_request(exchange)
        first = ollama.parse_request(wire, context())
        rendered = ollama.render_request(first, context())
        assert rendered.path == wire.path, exchange["id"]
        assert said(msgspec.json.decode(rendered.body)) == said(exchange["request"]["body"]), exchange["id"]
        again = ollama.parse_request(rendered, context())
        assert ollama.render_request(again, context()) == rendered, exchange["id"]
        seen += 1
    assert seen == 24


def test_recorded_results_find_the_calls_that_clients_gave_no_ids() -> None:
    paired = 0
    for exchange in recorded():
        request = ollama.parse_request(wire_request(exchange), context())
        parts = [part for message in request.messages for part in message.parts]
        calls = {part.id: part.name for part in parts if isinstance(part, ToolCallPart)}
        for message in request.messages:
            if message.role == "tool" and calls:
                assert all(calls[part.id] == part.name for part in message.parts), exchange["id"]  # type: ignore[union-attr]  # results alone stand in tool messages
                paired += 1
    assert paired == 4


def test_every_recorded_answer_is_the_same_after_being_written() -> None:
    seen = 0
    for exchange in whole():
        first = ollama.parse_response(response_of(exchange), context())
        second = ollama.parse_response(ollama.render_response(first, context()), context())
        assert second == first, exchange["id"]
        assert first.usage is not None and first.usage.input_tokens and first.created is not None, exchange["id"]
        check_ending(first, exchange)
        seen += 1
    assert seen == 10


def test_every_recorded_stream_is_complete_and_the_same_after_being_written() -> None:
    seen = 0
    for exchange in streamed():
        events = events_of(body_of(exchange))
        assert isinstance(events[-1], MessageEnd), exchange["id"]
        first = accumulate(events)
        assert accumulate(events_of(through_renderer(events))) == first, exchange["id"]
        assert list(unfold(first))[-1] == events[-1]
        assert first.usage is not None and first.usage.output_tokens, exchange["id"]
        check_ending(first, exchange)
        seen += 1
    assert seen == 14


def check_ending(answer: ChatResponse, exchange: dict[str, Any]) -> None:
    tags = exchange["tags"]
    expected = "length" if "stop-length" in tags else "tool_call" if "tool-call" in tags else "stop"
    calls = [part for part in answer.message.parts if isinstance(part, ToolCallPart)]
    assert answer.finish.kind == expected, exchange["id"]
    assert bool(calls) is ("tool-call" in tags), exchange["id"]
    assert len({call.id for call in calls}) == len(calls) and all(call.id for call in calls)
    assert any(isinstance(part, ReasoningPart) for part in answer.message.parts) is ("thinking" in tags)


@pytest.mark.parametrize("size", [1, 13, 1000])
def test_chunking_of_recorded_streams_makes_no_difference(size: int) -> None:
    for exchange in streamed()[:: 4 if size == 1 else 1]:
        data = body_of(exchange)
        assert events_of(data, iter([size])) == events_of(data), exchange["id"]


def test_a_recorded_stream_that_is_cut_off_is_no_success() -> None:
    for exchange in streamed():
        data = body_of(exchange)
        cut = data[: data.rindex(b'"done":true')] if b'"done":true' in data else data[:-9]
        for piece in (cut, cut[: cut.rfind(b"\n") + 1]):
            last = events_of(piece)[-1]
            assert isinstance(last, Failed) and last.code == "stream_interrupted", exchange["id"]


def test_generate_is_answered_in_its_own_shape() -> None:
    for exchange in exchanges("ollama-generate"):
        request = ollama.parse_request(wire_request(exchange), context())
        if "ndjson" not in exchange["response"]:
            continue
        marked = events_of(body_of(exchange))
        plain = [msgspec.structs.replace(marked[0], extra={}), *marked[1:]]
        lines = [msgspec.json.decode(line) for line in through_renderer(plain, request).splitlines()]
        recording = [msgspec.json.decode(line) for line in body_of(exchange).splitlines()]
        assert "".join(line["response"] for line in lines) == "".join(line["response"] for line in recording)
        assert not any("message" in line for line in lines)
        assert lines[-1]["context"] == recording[-1]["context"]


def test_recorded_errors_are_of_the_class_that_they_tell_of() -> None:
    for exchange in recorded(ok=False):
        error = ollama.parse_error(response_of(exchange), context())
        assert isinstance(error, ModelNotFound) and "nonexistent-model" in error.message
