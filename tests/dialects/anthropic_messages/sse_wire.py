"""Short ways to say a stream in these tests, and the grammar that every rendered one keeps."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages import StreamParser, StreamRenderer
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import accumulate
from interlingua.types.events import (
    Event,
)
from interlingua.types.response import ChatResponse
from interlingua.wire.sse import SSEParser

ID = "anthropic_messages"
Wire = dict[str, Any]


def sse(*events: Wire, named: bool = True) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        lines.append(f"{name}data: {msgspec.json.encode(event).decode()}\n\n")
    return "".join(lines).encode()


def start(**message: Any) -> Wire:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 4, "output_tokens": 1}
    return {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "usage": usage} | message}


def block(index: int, **fields: Any) -> Wire:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int, **fields: Any) -> Wire:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def stop(index: int) -> Wire:
    return {"type": "content_block_stop", "index": index}


def ending(reason: str | None = "end_turn", **delta: Any) -> list[Wire]:
    said = {"stop_reason": reason, "stop_sequence": None} | delta
    return [{"type": "message_delta", "delta": said, "usage": {"output_tokens": 9}}, {"type": "message_stop"}]


TEXT = [block(0, type="text", text=""), delta(0, type="text_delta", text="hi"), stop(0)]


def parse(data: bytes, context: TranslationContext | None = None) -> list[Event]:
    parser = StreamParser(context or TranslationContext())
    return parser.feed(data) + parser.close()


def answer(*events: Wire) -> ChatResponse:
    return accumulate(parse(sse(start(), *events)))


def render(events: list[Event], context: TranslationContext | None = None) -> list[Wire]:
    renderer = StreamRenderer(context or TranslationContext(dialect=ID))
    data = b"".join(renderer.render(event) for event in events) + renderer.close()
    parser = SSEParser()
    found = parser.feed(data) + parser.close()
    wire = [msgspec.json.decode(event.data) for event in found]
    assert [event.event for event in found] == [event["type"] for event in wire]
    return wire


def check_grammar(wire: list[Wire]) -> None:
    """One message_start first; blocks numbered without gaps, one open at a time; message_delta, then message_stop."""
    assert [event["type"] for event in wire].count("message_start") == 1 and wire[0]["type"] == "message_start"
    assert [event["type"] for event in wire[-2:]] == ["message_delta", "message_stop"]
    opened: int | None = None
    numbers = itertools.count()
    for event in wire[1:-2]:
        if event["type"] == "content_block_start":
            assert opened is None
            opened = next(numbers)
        else:
            assert opened is not None
        assert event["index"] == opened
        opened = None if event["type"] == "content_block_stop" else opened
    assert opened is None
