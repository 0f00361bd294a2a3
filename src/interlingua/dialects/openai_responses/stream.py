"""A provider's event stream, read.

Strategy: every item has a place in the order of its appearance, found by `output_index`, else by its id, else it is
the latest (some hosts leave the numbers out). Text and arguments are told as they come. Reasoning gets its state once
its item is whole, for only then it is what must be sent back. Items of every other type are told when they are whole,
and events about their progress are skipped. Each `done` event, and at last the terminal one, fills in what no delta
said, so nothing is lost where a host streams less than it answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from interlingua.dialects.openai_responses.content import parse_annotation
from interlingua.dialects.openai_responses.errors import error_of
from interlingua.dialects.openai_responses.logprobs import parse_logprobs
from interlingua.dialects.openai_responses.namespaces import NAMESPACE, flat_name
from interlingua.dialects.openai_responses.output import CALLS, Item, at_home, parse_item
from interlingua.dialects.openai_responses.response import Head, failure, finish_of, parse_head
from interlingua.dialects.openai_responses.schema import Body, bad_answer, luggage, text_or
from interlingua.dialects.openai_responses.usage import parse_usage
from interlingua.errors import InterlinguaError, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import GROWS
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, ReasoningPart, RefusalPart, TextPart, tool_call
from interlingua.types.response import TokenLogprob
from interlingua.wire.fields import Fields, kind_of
from interlingua.wire.sse import SSEParser

DONE = "[DONE]"
TERMINAL = {"response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed"}
_ABSENT = msgspec.Raw(b"")


class _Wire(msgspec.Struct):
    """The fields of an event that are read; all others are passed over without building anything."""

    type: str = ""
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item_id: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    part: Any = None
    annotation: Any = None
    logprobs: Any = None
    error: Any = None
    item: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT


_decode = msgspec.json.Decoder(_Wire).decode
_plain = msgspec.json.Decoder().decode


class _Growing:
    """A part that is being told."""

    __slots__ = ("cited", "done", "index", "part", "probable", "said")

    def __init__(self, part: Part, index: int) -> None:
        self.part = part
        self.index = index
        self.said: list[str] = []
        self.cited = 0
        self.probable = False
        self.done = False


class _Item:
    """An item under construction; `parts` by `content_index`, other kinds have one part at 0."""

    __slots__ = ("call_id", "done", "home", "id", "kind", "latest", "parts", "place", "rest", "waiting")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id = ""
        self.parts: dict[int, _Growing] = {}
        self.latest: _Growing | None = None  # the only part that may still be open
        self.home: Body = {}
        self.rest: Body = {}
        self.call_id = ""
        self.place: tuple[str, int] | None = None  # where the latest piece of reasoning stood
        self.waiting: list[str] = []  # arguments of a call whose name is not known yet
        self.done = False


class StreamParser:
    """Turns the bytes of a stream into events.

    Args:
        context: origin of what is parsed, ids, quirks.
    """

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._sse = SSEParser()
        self._events: list[Event] = []
        self._items: list[_Item] = []
        self._by_index: dict[int, _Item] = {}
        self._by_id: dict[str, _Item] = {}
        self._parts: list[Part] = []
        self._start: Head | None = None
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; a failure is one of them."""
        if not self._over:
            try:
                for event in self._sse.feed(data):
                    self._take(event.data)
            except InterlinguaError as error:
                self._fail(error)
        return self._drain()

    def close(self) -> list[Event]:
        """The events that the end of the stream completes."""
        if not self._over:
            try:
                for event in self._sse.close():
                    self._take(event.data, last=True)
                if not self._over:
                    raise StreamInterrupted("the stream ended before the answer did: no terminal event came")
            except InterlinguaError as error:
                self._fail(error)
        return self._drain()

    def _drain(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    def _fail(self, error: InterlinguaError) -> None:
        if not self._over:
            error.provider = error.provider or self._context.provider or None
            error.model = error.model or self._context.model or None
            self._events.append(Failed.of(error))
            self._over = True

    def _take(self, data: str, *, last: bool = False) -> None:
        if self._over or data.strip() in ("", DONE):
            return
        try:
            if self._context.quirk.chunk is not None and isinstance(chunk := _plain(data), dict):
                data = msgspec.json.encode(self._context.quirk.chunk(chunk)).decode()
            event = _decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            if last:
                raise StreamInterrupted("the stream ended in the middle of an event") from error
            if data.lstrip().startswith("[{"):  # an error in an array of its own, as some hosts write it
                raise error_of(_json(data), 200, None, self._context) from error
            raise UpstreamError(f"the stream holds something that is no event: {data[:200]!r}") from error
        if event.type == "error" or (event.error and not event.type.startswith("response.")):
            raise error_of(_plain(data), 200, None, self._context)
        handler = _HANDLERS.get(event.type)
        if handler is not None:
            handler(self, event)

    # The answer as a whole

    def _begin(self, event: _Wire) -> None:
        if self._start is None and _given(event.response):
            self._open(self._head(event.response))

    def _head(self, raw: msgspec.Raw, status: str = "") -> Head:
        fields = Fields(raw, bad_answer, "response")
        fields.skip("output")
        if status == "failed":
            raise failure(status, fields.json("error"), self._context)
        return parse_head(fields, self._context)

    def _open(self, head: Head) -> None:
        self._start = head
        self._events.append(
            MessageStart(
                id=head.id,
                model=head.model,
                created=head.created,
                service_tier=head.service_tier,
                origin=self._context.origin,
                extra=luggage(head.extra),
            )
        )

    def _ensure_open(self) -> None:
        if self._start is None:
            self._open(Head("", "", None, None, "in_progress", "", None, {}))

    def _finish(self, event: _Wire) -> None:
        """The terminal event: what was not told yet is told now, and then how it ended."""
        status = TERMINAL[event.type]
        raw = event.response if _given(event.response) else msgspec.Raw(b"{}")
        if status == "failed":
            self._count(raw)
        head = self._head(raw, status)
        if self._start is None:
            self._open(head)
        self._recover(raw)
        for item in self._items:
            self._close_item(item)
        if head.usage is not None:
            self._events.append(UsageUpdate(usage=head.usage))
        if status == "incomplete" or head.status != "incomplete":
            head = msgspec.structs.replace(head, status=status)
        assert self._start is not None
        late = {key: value for key, value in head.extra.items() if self._start.extra.get(key) != value}
        if head.service_tier != self._start.service_tier and head.service_tier is not None:
            late["service_tier"] = head.service_tier
        self._events.append(MessageEnd(finish=finish_of(head, self._parts), extra=luggage(late)))
        self._over = True

    def _count(self, raw: msgspec.Raw) -> None:
        """Tells what a failed answer consumed."""
        usage = parse_usage(Fields(raw, bad_answer, "response").json("usage"))
        if usage is not None and self._start is not None:
            self._events.append(UsageUpdate(usage=usage))

    def _recover(self, raw: msgspec.Raw) -> None:
        """Takes items that the stream did not bring to an end from the whole answer, if the two go together."""
        fields = Fields(raw, bad_answer, "response")
        found = fields.children("output") if fields.kind("output") == "array" else []
        kinds = [text_or(child, "type", "message") for child in found]
        if kinds[: len(self._items)] != [item.kind for item in self._items]:
            return
        for place, child in enumerate(found):
            if place == len(self._items):
                self._items.append(_Item(kinds[place]))
            if not self._items[place].done:
                self._whole(self._items[place], child.source)

    # Items

    def _find(self, event: _Wire) -> _Item | None:
        """The item that an event belongs to."""
        item = self._by_index.get(event.output_index) if isinstance(event.output_index, int) else None
        if item is None and isinstance(event.item_id, str):
            item = self._by_id.get(event.item_id)
        if item is None and not isinstance(event.output_index, int) and self._items:
            item = self._items[-1]
        return item

    def _item(self, event: _Wire, kind: str) -> _Item:
        """The same; one that was never announced begins with the event."""
        item = self._find(event)
        return item if item is not None and item.kind == kind else self._add(event, kind, event.item_id)

    def _add(self, event: _Wire, kind: str, item_id: Json) -> _Item:
        item = _Item(kind)
        self._items.append(item)
        if isinstance(event.output_index, int):
            self._by_index[event.output_index] = item
        if isinstance(item_id, str):
            self._by_id[item_id] = item
        return item

    def _added(self, event: _Wire) -> None:
        self._ensure_open()
        if not _given(event.item):
            return
        fields = Fields(event.item, bad_answer, "item")
        kind = text_or(fields, "type", "message")
        fields.skip("role", "content", "summary", "encrypted_content", "arguments", "input", "status")
        left = fields.rest()
        item = self._add(event, kind, left.get("id"))
        item.home = left
        if item.kind in CALLS:
            given, name = left.pop("call_id", None), left.pop("name", None)
            group = left.get(NAMESPACE)
            if isinstance(name, str) and isinstance(group, str) and group:
                left["name"], name = name, flat_name(group, name)
            item.rest = left
            item.call_id = given if isinstance(given, str) and given else str(left.get("id") or "")
            if isinstance(name, str) and name:
                self._call(item, name)

    def _call(self, item: _Item, name: str) -> None:
        call_id = item.call_id or self._context.new_id("call_")
        custom = item.kind == "custom_tool_call"
        part = tool_call(call_id, name, custom=custom, extra=luggage(item.rest))
        self._say(self._tell(item, 0, part), "".join(item.waiting))

    def _item_done(self, event: _Wire) -> None:
        self._ensure_open()
        if not _given(event.item):
            return
        fields = Fields(event.item, bad_answer, "item")
        kind, item_id = text_or(fields, "type", "message"), text_or(fields, "id")
        item = self._item(event, kind)
        if item.done and item.id and item.id == item_id:
            return  # said twice
        item = self._add(event, kind, None) if item.done else item
        item.id = item_id
        self._whole(item, event.item)

    def _whole(self, item: _Item, raw: msgspec.Raw | bytes | str) -> None:
        """Fills in what an item's own text says beyond what was told, and ends it."""
        self._ensure_open()
        whole: Item = parse_item(Fields(raw, bad_answer, "item"), bad_answer, self._context)
        told = list(item.parts.values())  # by order: some hosts count `content_index` on from the item before
        probable = any(growing.probable for growing in told)
        for place, part in enumerate(whole.parts):
            growing = told[place] if place < len(told) else self._tell(item, -1 - place, part)
            if place < len(told):
                self._fill(growing, part)
                for opaque in part.opaque:
                    self._events.append(PartDelta(index=growing.index, opaque=opaque))
            if isinstance(part, TextPart) and not probable:
                probable = True
                self._say(growing, "", whole.logprobs)
        self._close_item(item)

    def _fill(self, growing: _Growing, part: Part) -> None:
        """Tells what a part is beyond what was told: the end of its text, further citations."""
        if growing.done or type(growing.part) is not type(part):
            return
        if isinstance(part, TextPart):
            for annotation in part.annotations[growing.cited :]:
                growing.cited += 1
                self._events.append(PartDelta(index=growing.index, annotation=annotation))
        field = GROWS.get(type(part), "")
        if field and not (isinstance(part, ReasoningPart) and self._of(part) != self._of(growing.part)):
            self._complete(growing, getattr(part, field))

    @staticmethod
    def _of(part: Part) -> bool:
        return isinstance(part, ReasoningPart) and part.summary

    def _complete(self, growing: _Growing | None, text: Json) -> None:
        """Tells the end of a text of which all but the end was told."""
        if growing is None or growing.done or not isinstance(text, str):
            return
        said = "".join(growing.said)
        growing.said = [said]  # so that the next time costs nothing
        if text != said and text.startswith(said):
            self._say(growing, text[len(said) :])

    def _close_item(self, item: _Item) -> None:
        item.done = True
        for growing in item.parts.values():
            self._end(growing)

    def _end(self, growing: _Growing) -> None:
        if not growing.done:
            growing.done = True
            self._events.append(PartEnd(index=growing.index))

    # Parts

    def _tell(self, item: _Item, place: int, part: Part) -> _Growing:
        """Begins a part; those of the same item that stand before it end."""
        if item.latest is not None:
            self._end(item.latest)
        growing = item.parts[place] = item.latest = _Growing(part, len(self._parts))
        if isinstance(part, TextPart):
            growing.cited = len(part.annotations)
        self._parts.append(part)
        self._events.append(PartStart(index=growing.index, part=part))
        return growing

    def _say(self, growing: _Growing, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        if growing.done:
            if text.strip():
                raise UpstreamError("the stream goes on with a piece that was whole")
            return
        if text or logprobs:
            growing.said.append(text)
            growing.probable = growing.probable or bool(logprobs)
            self._events.append(PartDelta(index=growing.index, text=text, logprobs=logprobs))

    def _spoken(self, event: _Wire, kind: type[TextPart] | type[RefusalPart]) -> _Growing:
        """The piece of a message that an event belongs to, begun if need be."""
        self._ensure_open()
        item = self._item(event, "message")
        place = event.content_index if isinstance(event.content_index, int) else max(item.parts, default=0)
        return item.parts.get(place) or self._tell(item, place, at_home(kind(text=""), item.home))

    def _text_delta(self, event: _Wire) -> None:
        growing = self._spoken(event, TextPart)
        self._say(growing, _string(event.delta), parse_logprobs(event.logprobs))

    def _text_done(self, event: _Wire) -> None:
        growing = self._spoken(event, TextPart)
        self._complete(growing, event.text)

    def _refusal_delta(self, event: _Wire) -> None:
        growing = self._spoken(event, RefusalPart)
        self._say(growing, _string(event.delta))

    def _refusal_done(self, event: _Wire) -> None:
        growing = self._spoken(event, RefusalPart)
        self._complete(growing, event.refusal)

    def _annotation(self, event: _Wire) -> None:
        growing = self._spoken(event, TextPart)
        if event.annotation is not None and not growing.done and isinstance(growing.part, TextPart):
            growing.cited += 1
            annotation = parse_annotation(event.annotation)
            self._events.append(PartDelta(index=growing.index, annotation=annotation))

    def _part_added(self, event: _Wire) -> None:
        kind = event.part.get("type") if isinstance(event.part, dict) else None
        if kind in ("output_text", "text"):
            self._spoken(event, TextPart)
        elif kind == "refusal":
            self._spoken(event, RefusalPart)

    def _think(self, event: _Wire, form: str, index: Json) -> None:
        self._ensure_open()
        item = self._item(event, "reasoning")
        text, place = _string(event.delta), (form, index if isinstance(index, int) else 0)
        if not text:
            return
        if 0 not in item.parts:
            extra = luggage({"id": item.home["id"]} if isinstance(item.home.get("id"), str) else {})
            self._tell(item, 0, ReasoningPart(summary=form == "summary", extra=extra))
        elif item.place is not None and item.place[0] != form:
            return  # the thinking and its summary both come: the first is told, the item holds both
        elif item.place != place:
            text = "\n\n" + text
        item.place = place
        self._say(item.parts[0], text)

    def _summary_delta(self, event: _Wire) -> None:
        self._think(event, "summary", event.summary_index)

    def _reasoning_delta(self, event: _Wire) -> None:
        self._think(event, "content", event.content_index)

    def _arguments_delta(self, event: _Wire) -> None:
        item = self._find(event)
        if item is None or item.kind not in CALLS:
            return
        if 0 in item.parts:
            self._say(item.parts[0], _string(event.delta))
        else:
            item.waiting.append(_string(event.delta))

    def _arguments_done(self, event: _Wire) -> None:
        item = self._find(event)
        if item is not None and item.kind in CALLS:
            self._complete(item.parts.get(0), event.arguments if event.input is None else event.input)


def _json(text: str) -> Json:
    try:
        return _plain(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _string(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _given(raw: msgspec.Raw) -> bool:
    return kind_of(raw) == "object"


_HANDLERS: dict[str, Callable[[StreamParser, _Wire], None]] = {
    "response.created": StreamParser._begin,
    "response.queued": StreamParser._begin,
    "response.in_progress": StreamParser._begin,
    "response.output_item.added": StreamParser._added,
    "response.output_item.done": StreamParser._item_done,
    "response.content_part.added": StreamParser._part_added,
    "response.output_text.delta": StreamParser._text_delta,
    "response.output_text.done": StreamParser._text_done,
    "response.output_text.annotation.added": StreamParser._annotation,
    "response.refusal.delta": StreamParser._refusal_delta,
    "response.refusal.done": StreamParser._refusal_done,
    "response.reasoning_summary_text.delta": StreamParser._summary_delta,
    "response.reasoning_text.delta": StreamParser._reasoning_delta,
    "response.function_call_arguments.delta": StreamParser._arguments_delta,
    "response.function_call_arguments.done": StreamParser._arguments_done,
    "response.custom_tool_call_input.delta": StreamParser._arguments_delta,
    "response.custom_tool_call_input.done": StreamParser._arguments_done,
    **dict.fromkeys(TERMINAL, StreamParser._finish),
}
"""What each event does; the progress of the provider's own tools, padding and the unknown do nothing."""
