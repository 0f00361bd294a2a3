"""A client's event stream, written: events to chunks.

Parts may overlap here, tool calls are told apart by an index of their own. Usage and `[DONE]` wait for `close`,
because usage comes in a chunk of its own behind the last finish_reason; after a failure there is neither.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_chat.errors import envelope
from interlingua.dialects.openai_chat.messages import render_annotation
from interlingua.dialects.openai_chat.reasoning import joined_details, render_state
from interlingua.dialects.openai_chat.response import (
    add_part,
    add_state,
    finish_word,
    render_logprobs,
    thinking_field,
)
from interlingua.dialects.openai_chat.schema import DETAILS, ID, as_raw, lose_opaque, put_back
from interlingua.dialects.openai_chat.stream import DONE, LATE
from interlingua.dialects.openai_chat.tools import LEGACY
from interlingua.dialects.openai_chat.usage import render_usage
from interlingua.ports.context import TranslationContext
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
)
from interlingua.types.request import ChatRequest
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_json, render_sse

Body = dict[str, Any]

_encode = msgspec.json.Encoder().encode

_COUNTED = ("annotations", "images")
"""Lists that grow from chunk to chunk: OpenAI's own client joins them by `index`, and fails or mixes them without."""


class _Part:
    """A part that is open."""

    __slots__ = ("call", "part", "pieces", "state", "wrote")

    def __init__(self, part: Part, call: int) -> None:
        self.part = part
        self.call = call
        self.pieces: list[str] = []
        self.state: list[Opaque] = []
        self.wrote = False


class StreamRenderer:
    """Turns events into the chunks of a stream.

    Args:
        context: as for all rendering.
        request: what the client asked; without it usage is sent.
    """

    def __init__(self, context: TranslationContext, request: ChatRequest | None = None) -> None:
        self._context = context
        self._with_usage = request is None or bool(request.include_usage)
        self._head: Body = {}
        self._extra: Body = {}
        self._parts: dict[tuple[int, int], _Part] = {}
        self._calls: dict[int, int] = {}
        self._counts: dict[tuple[int, str], int] = {}
        self._begun: set[int] = set()
        self._refused: set[int] = set()
        self._usage: Usage | None = None
        self._ended = False
        self._failed = False

    def render(self, event: Event) -> bytes:
        """The bytes that tell of `event`."""
        if self._failed:
            return b""
        if isinstance(event, PartDelta):
            return self._grow(event)
        if isinstance(event, PartStart):
            return self._role(event.choice) + self._begin(event)
        if isinstance(event, PartEnd):
            return self._end_part(event)
        if isinstance(event, MessageStart):
            return self._start(event)
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
            return b""
        if isinstance(event, MessageEnd):
            return self._role(event.choice) + self._end(event)
        return self._fail(event)

    def close(self) -> bytes:
        """Usage where it was asked for, and the terminator; nothing for an answer that did not end."""
        if self._failed or not self._ended:
            return b""
        closing = b""
        if self._with_usage and self._usage is not None:
            closing = self._write({**self._head, "choices": [], "usage": render_usage(self._usage)})
        return closing + render_sse(DONE)

    def _write(self, chunk: Body) -> bytes:
        return render_json(_encode(chunk))

    def _chunk(self, choice: int, delta: Body, finish: str | None = None, **more: Any) -> bytes:
        for key in _COUNTED:
            if key in delta:
                count = self._counts.get((choice, key), 0)
                delta[key] = [{**one, "index": i} for i, one in enumerate(delta[key], count) if isinstance(one, dict)]
                self._counts[choice, key] = count + len(delta[key])
        told = {"index": choice, "delta": delta, "finish_reason": finish, **more}
        return self._write({**self._head, "choices": [told]})

    def _start(self, event: MessageStart) -> bytes:
        self._head = {
            "id": event.id or self._context.new_id("chatcmpl-"),
            "object": "chat.completion.chunk",
            "created": event.created if event.created is not None else self._context.created,
            "model": event.model or self._context.model,
        }
        if event.service_tier is not None:
            self._head["service_tier"] = event.service_tier
        first = dict(self._head)
        put_back(first, event.extra)
        self._begun.add(0)
        first["choices"] = [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
        return self._write(first)

    def _role(self, choice: int) -> bytes:
        """The chunk that begins a choice, once; those before it begin first, because clients take them as they come."""
        if choice in self._begun:
            return b""
        due = [each for each in range(choice + 1) if each not in self._begun]
        self._begun.update(due)
        return b"".join(self._chunk(each, {"role": "assistant", "content": ""}) for each in due)

    def _begin(self, event: PartStart) -> bytes:
        part = event.part
        call = -1
        if isinstance(part, ToolCallPart) and not part.extra.get(ID, {}).get(LEGACY):
            call = self._calls.get(event.choice, -1) + 1
            self._calls[event.choice] = call
        opened = _Part(part, call)
        opened.state.extend(part.opaque)
        self._parts[event.choice, event.index] = opened
        if isinstance(part, RefusalPart):
            self._refused.add(event.choice)
        if isinstance(part, ToolCallPart):
            return self._begin_call(event.choice, part, opened)
        if isinstance(part, BlobPart):
            return b""  # its content may still grow
        if isinstance(part, ReasoningPart):  # its state goes behind its words, which it may repeat
            part = msgspec.structs.replace(part, opaque=())
        delta: Body = {}
        add_part(delta, part, f"choices[{event.choice}].message.parts[{event.index}]", self._context)
        return self._chunk(event.choice, delta) if any(delta.values()) else b""

    def _begin_call(self, choice: int, part: ToolCallPart, opened: _Part) -> bytes:
        opened.wrote = bool(part.raw)
        if opened.call < 0:
            return self._chunk(choice, {"function_call": {"name": part.name, "arguments": part.raw}})
        kind, key = ("custom", "input") if part.custom else ("function", "arguments")
        body: Body = {"index": opened.call, "id": part.id, "type": kind, kind: {"name": part.name, key: part.raw}}
        render_state(body, part.opaque)
        put_back(body, part.extra)
        return self._chunk(choice, {"tool_calls": [body]})

    def _grow(self, event: PartDelta) -> bytes:
        opened = self._parts[event.choice, event.index]
        part = opened.part
        if isinstance(part, ToolCallPart):
            return self._grow_call(event, opened, part)
        if isinstance(part, BlobPart):
            opened.pieces.append(event.text)
            return b""
        delta: Body = {}
        if isinstance(part, TextPart):
            delta["content"] = event.text
        elif isinstance(part, RefusalPart):
            delta["refusal"] = event.text
        elif isinstance(part, ReasoningPart) and event.text:
            delta[thinking_field(self._context)] = event.text
        if event.annotation is not None:
            cited = render_annotation(event.annotation)
            if cited is not None:
                delta["annotations"] = [cited]
        if event.opaque is not None:
            opened.state.append(event.opaque)
        if not any(delta.values()) and not event.logprobs:
            return b""
        if event.logprobs:
            refused = isinstance(part, RefusalPart)
            return self._chunk(event.choice, delta, logprobs=render_logprobs(event.logprobs, refused=refused))
        return self._chunk(event.choice, delta)

    def _grow_call(self, event: PartDelta, opened: _Part, part: ToolCallPart) -> bytes:
        body: Body = {}
        if event.text:
            opened.wrote = True
            if opened.call < 0:
                return self._chunk(event.choice, {"function_call": {"arguments": event.text}})
            kind, key = ("custom", "input") if part.custom else ("function", "arguments")
            body[kind] = {key: event.text}
        if event.opaque is not None:
            opened.state.append(event.opaque)
            render_state(body, (event.opaque,))
        return self._chunk(event.choice, {"tool_calls": [{"index": opened.call, **body}]}) if body else b""

    def _end_part(self, event: PartEnd) -> bytes:
        opened = self._parts.pop((event.choice, event.index))
        part = opened.part
        path = f"choices[{event.choice}].message.parts[{event.index}]"
        delta: Body = {}
        if not isinstance(part, ReasoningPart):
            lose_opaque(opened.state, path, self._context)
        if isinstance(part, BlobPart):
            whole = msgspec.structs.replace(part, content=part.content + "".join(opened.pieces))
            add_part(delta, whole, path, self._context)
        elif isinstance(part, ReasoningPart) and opened.state:
            add_state(delta, ReasoningPart(opaque=tuple(opened.state)), path, self._context)
            details = delta.pop(DETAILS, [])
            if details:
                delta["reasoning_details"] = as_raw(details[0]) if len(details) == 1 else joined_details(details)
        if delta:
            return self._chunk(event.choice, delta)
        if isinstance(part, ToolCallPart) and not part.custom and not opened.wrote:
            return self._grow_call(PartDelta(index=event.index, text="{}", choice=event.choice), opened, part)
        return b""

    def _end(self, event: MessageEnd) -> bytes:
        self._ended = True
        delta: Body = {}
        put_back(delta, event.message_extra)
        word = finish_word(event.finish, refused=event.choice in self._refused)
        choice: Body = {"index": event.choice, "delta": delta, "finish_reason": word}
        if event.finish.stop_sequence is not None:
            choice["stop_reason"] = event.finish.stop_sequence
        put_back(choice, event.extra)
        late = choice.pop(LATE, None)
        more = late if isinstance(late, dict) else {}  # a host may have a field of that name, too
        return self._write({**self._head, **more, "choices": [choice]})

    def _fail(self, event: Failed) -> bytes:
        self._failed = True
        return self._write(envelope(event.error()))
