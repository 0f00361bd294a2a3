"""Short ways to write requests, answers and streams of this format."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects import openai_responses as dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.events import Event
from interlingua.types.opaque import Origin
from interlingua.types.parts import Part
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.traits import HostTraits, Traits

ORIGIN = Origin("p", dialect.ID, "m")


def context(*, host: HostTraits | None = None, traits: Traits | None = None, **more: Any) -> TranslationContext:
    """A context that rejects nothing and writes down every loss."""
    return TranslationContext(
        dialect=dialect.ID,
        host=host or HostTraits(),
        traits=traits or Traits(),
        seed="t",
        created=1,
        on_loss={"setting": "warn", "content": "warn"},
        **more,
    )


def parse(here: TranslationContext | None = None, **body: Any) -> ChatRequest:
    body = {"model": "m", "input": "hi", **body}
    return dialect.parse_request(WireRequest(body=msgspec.json.encode(body)), here or context())


def parts_of(*items: Any) -> list[Part]:
    """The parts of a conversation of these items."""
    return [part for message in parse(input=list(items)).messages for part in message.parts]


def render(request: ChatRequest, here: TranslationContext | None = None) -> dict[str, Any]:
    found = msgspec.json.decode(dialect.render_request(request, here or context()).body)
    assert isinstance(found, dict)
    return found


def answer(*output: Any, here: TranslationContext | None = None, **fields: Any) -> ChatResponse:
    body = {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": list(output), **fields}
    return dialect.parse_response(WireResponse(body=msgspec.json.encode(body)), here or context())


def told(response: ChatResponse, here: TranslationContext | None = None) -> dict[str, Any]:
    found = msgspec.json.decode(dialect.render_response(response, here or context()).body)
    assert isinstance(found, dict)
    return found


def message(*pieces: Any, id: str = "msg_1", **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": id,
        "status": "completed",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": one, "annotations": []} if isinstance(one, str) else one for one in pieces
        ],
        **fields,
    }


def call(name: str = "f", arguments: str = "{}", *, id: str = "fc_1", call_id: str = "call_1") -> dict[str, Any]:
    return {"type": "function_call", "id": id, "call_id": call_id, "name": name, "arguments": arguments}


def thought(*summaries: str, sealed: str | None = "enc", id: str = "rs_1") -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text} for text in summaries]
    return {"type": "reasoning", "id": id, "summary": summary, **({"encrypted_content": sealed} if sealed else {})}


def event(type: str, **fields: Any) -> dict[str, Any]:
    return {"type": type, **fields}


def added(index: int | None, item: Any) -> dict[str, Any]:
    return event("response.output_item.added", item=item, **({} if index is None else {"output_index": index}))


def done(index: int | None, item: Any) -> dict[str, Any]:
    return event("response.output_item.done", item=item, **({} if index is None else {"output_index": index}))


def state(status: str = "in_progress", **fields: Any) -> dict[str, Any]:
    return {"id": "resp_1", "model": "m", "status": status, "output": [], **fields}


CREATED = event("response.created", response=state())


def ended(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return event(f"response.{status}", response=state(status, **fields))


def sse(*events: Any) -> bytes:
    return b"".join(
        f"event: {one['type']}\ndata: {msgspec.json.encode(one).decode()}\n\n".encode()
        if isinstance(one, dict)
        else one
        for one in events
    )


def read(stream: bytes, here: TranslationContext | None = None, sizes: list[int] | None = None) -> list[Event]:
    """The events of a stream that comes in pieces of the given sizes, the rest at once."""
    parser = dialect.StreamParser(here or context())
    events: list[Event] = []
    for size in sizes or []:
        events += parser.feed(stream[:size])
        stream = stream[size:]
    return [*events, *parser.feed(stream), *parser.close()]


def write(events: list[Event], request: ChatRequest | None = None, here: TranslationContext | None = None) -> list[Any]:
    """The decoded events of what is rendered for a client; their framing is checked on the way."""
    renderer = dialect.StreamRenderer(here or context(), request)
    text = b"".join(renderer.render(one) for one in events) + renderer.close()
    found = []
    for block in text.decode().split("\n\n")[:-1]:
        head, _, data = block.partition("\ndata: ")
        decoded = msgspec.json.decode(data)
        assert head == f"event: {decoded['type']}"
        found.append(decoded)
    return found
