"""Short ways to read and write this dialect, for its tests."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import ollama
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.events import Event
from interlingua.types.messages import Message
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse


def context(**given: Any) -> TranslationContext:
    return TranslationContext(dialect="ollama", seed="s", **given)


def lenient(**given: Any) -> TranslationContext:
    return context(on_loss={"setting": "warn", "content": "warn"}, **given)


def read(body: dict[str, Any], path: str = "/api/chat", using: TranslationContext | None = None) -> ChatRequest:
    wire = WireRequest(path=path, body=msgspec.json.encode(body))
    return ollama.parse_request(wire, using or context())


def asked(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return read({"model": "m", "messages": list(messages)}).messages


def written(request: ChatRequest, using: TranslationContext | None = None) -> dict[str, Any]:
    body = ollama.render_request(request, using or context()).body
    decoded: dict[str, Any] = msgspec.json.decode(body)
    return decoded


def sent(*messages: Message, using: TranslationContext | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = written(ChatRequest(model="m", messages=messages), using)["messages"]
    return found


def answer(body: dict[str, Any], using: TranslationContext | None = None) -> ChatResponse:
    return ollama.parse_response(WireResponse(body=msgspec.json.encode(body)), using or context())


def shown(response: ChatResponse, using: TranslationContext | None = None) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(ollama.render_response(response, using or context()).body)
    return decoded


def lines(*bodies: dict[str, Any]) -> bytes:
    return b"".join(msgspec.json.encode(body) + b"\n" for body in bodies)


def parsed(data: bytes | list[bytes], using: TranslationContext | None = None) -> list[Event]:
    parser = ollama.StreamParser(using or context())
    pieces = [data] if isinstance(data, bytes) else data
    return [event for piece in pieces for event in parser.feed(piece)] + parser.close()


def streamed(
    events: list[Event], using: TranslationContext | None = None, request: ChatRequest | None = None
) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in raw_stream(events, using, request).splitlines()]


def raw_stream(
    events: list[Event], using: TranslationContext | None = None, request: ChatRequest | None = None
) -> bytes:
    renderer = ollama.StreamRenderer(using or context(), request)
    return b"".join(renderer.render(event) for event in events) + renderer.close()
