"""The verbatim lane's view of Responses: what policy must see and change of bytes that pass through untouched.

Requests: the top level is cut, and items are read for nothing but types and marks. Streams: each event is decoded into
the few fields that tell what it is. An event of a type that we do not know counts as content: new items and their
progress are there to be shown, and what is no content is a short list. Usage comes with the end, asked for or not.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.openai_responses.reasoning import parse_reasoning
from interlingua.dialects.openai_responses.request import PATH
from interlingua.dialects.openai_responses.response import failure, parse_head
from interlingua.dialects.openai_responses.schema import INCOMPLETE, PENDING, bad_answer, bad_request
from interlingua.dialects.openai_responses.stream import DONE, TERMINAL, StreamParser
from interlingua.dialects.openai_responses.usage import parse_usage
from interlingua.errors import InterlinguaError, InvalidRequest, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Naming, Peek, Seen
from interlingua.types.events import Failed
from interlingua.types.response import FinishKind, FinishReason
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.cutter import SSECutter, data_of, json_of
from interlingua.wire.fields import Fields, kind_of
from interlingua.wire.rate_limits import limit_headers as limit_headers
from interlingua.wire.strict_json import cut, joined

# Requests

_MEDIA_FILES = {"data:image": "image", "data:audio": "audio", "data:video": "video"}
"""How a file may begin that is no document."""
_CALLS = ("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")
_NEEDS = {
    "input_image": "image",
    "input_audio": "audio",
    "input_file": "pdf",
    **_MEDIA_FILES,
    **dict.fromkeys(_CALLS, "calls"),
}
"""What a type or mark needs."""
_STATE = frozenset({"reasoning", "encrypted_content"})
_MARKS = _STATE.union(_NEEDS)
_SCHEMA = ("json_object", "json_schema")
_CONVERSATION = ("input", "conversation", "previous_response_id", "prompt")
_ABSENT = msgspec.Raw(b"")


class _Piece(msgspec.Struct, gc=False):
    type: Any = ""
    file_data: Any = None


class _Item(msgspec.Struct, gc=False):
    """An item, but for what it says."""

    type: Any = "message"
    content: str | list[_Piece | str] | None = None
    output: str | list[_Piece | str] | _Piece | None = None
    encrypted_content: Any = None


_items = msgspec.json.Decoder(list[_Item | str])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(request: WireRequest) -> Peek:
    """What policy must know of a request; the word `calls` in its needs tells of tool calls in the history."""
    values = cut(request.body)
    if values.keys().isdisjoint(_CONVERSATION):
        raise InvalidRequest("input: required", path="input")
    words = _words(values.get("input")) & _MARKS
    needs = {_NEEDS[word] for word in words if word in _NEEDS}
    if glance.holds(values, "tools"):
        needs.add("tools")
    if _wants_thought(values):
        needs.add("reasoning")
    if "text" in values:
        form = glance.members(values["text"]).get("format")
        if form is not None and not glance.words(form).isdisjoint(_SCHEMA):
            needs.add("structured_output")
    return Peek(
        model=glance.text(values, "model"),
        stream=glance.flag(values, "stream") or False,
        asks_usage=True,
        needs=frozenset(needs),
        has_state=not words.isdisjoint(_STATE),
        most_output=glance.count(values, "max_output_tokens"),
    )


def _words(raw: msgspec.Raw | None) -> set[str]:
    """The types and marks that stand in items; of items of an unknown shape, all that stands in them."""
    if raw is None or kind_of(raw) != "array":
        return set()
    try:
        items = _items.decode(raw)
    except msgspec.ValidationError:
        found = glance.words(raw)
        return found.union(_MEDIA_FILES) if "input_file" in found else found
    words: set[str] = set()
    for item in items:
        if isinstance(item, str):
            continue
        if item.type != "message":
            words.add(str(item.type))
        if item.encrypted_content:
            words.add("encrypted_content")
        if isinstance(item.content, list):
            _add_pieces(item.content, words)
        if isinstance(item.output, list):
            _add_pieces(item.output, words)
    return words


def _add_pieces(pieces: list[_Piece | str], words: set[str]) -> None:
    for piece in pieces:
        if isinstance(piece, _Piece):
            words.add(str(piece.type))
            if isinstance(piece.file_data, str) and piece.file_data.startswith("data:"):
                words.add(piece.file_data[:16].partition("/")[0].lower())


def _wants_thought(values: glance.Values) -> bool:
    if "reasoning" not in values:
        return False
    try:
        wanted, _ = parse_reasoning(Fields(glance.some(values, "reasoning"), bad_request))
    except InvalidRequest:
        return True
    return wanted is not None and wanted.effort not in (None, "none")


def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
    """The request for `model`; usage comes without being asked for."""
    values = _object.decode(request.body)
    if "model" not in values:
        values = {"model": _ABSENT, **values}
    values["model"] = msgspec.Raw(msgspec.json.encode(model))
    query = request.path.partition("?")[2]
    path = f"{PATH}?{query}" if query else PATH
    return WireRequest(method=request.method, path=path, body=joined(values), headers=request.headers)


NAMING = Naming(
    cache_key="prompt_cache_key", end_user="metadata.user_id", stays=("instructions", "tools"), turns=("input",)
)
ELSEWHERE = frozenset({"background", "conversation", "prompt"})
"""Fields that tie an answer to what lies elsewhere: conversations, prompts, answers in the making."""


# Answers


class _Added(msgspec.Struct, gc=False):
    type: Any = None
    summary: Any = None
    content: Any = None


class _Event(msgspec.Struct, gc=False):
    """What must be known of an event."""

    type: str = ""
    delta: Any = _ABSENT
    error: Any = None
    item: _Added | None = None
    response: msgspec.Raw = _ABSENT


class _Response(msgspec.Struct, gc=False, omit_defaults=True):
    """What must be known of the answer as a whole."""

    status: Any = None
    error: Any = None
    usage: Any = None
    tool_usage: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_decode_response = msgspec.json.Decoder(_Response).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_SILENT = frozenset(
    {
        *("response.created", "response.queued", "response.in_progress", "response.content_part.added"),
        *("response.reasoning_summary_part.added", "keepalive", "ping", ""),
    }
)
"""Events with nothing to show; the terminal ones are not here because some hosts say everything in them."""


class Watcher:
    """Watches a stream; see `ports.lens.Watcher`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._cutter = SSECutter()
        self._over = False
        self._plain = context.quirk.chunk is None

    def feed(self, data: bytes) -> list[Seen]:
        """The events that `data` completes."""
        try:
            return [self._see(event) for event in self._cutter.feed(data)]
        except UpstreamError as error:
            return [self._fail(b"", Failed.of(error))]

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; a failure where no terminal event came."""
        rest = self._cutter.close()
        found = [self._see(rest, last=True)] if rest else []
        if not self._over:
            found.append(self._fail(b"", self._interrupted()))
        return found

    def _see(self, event: bytes, *, last: bool = False) -> Seen:
        if self._over:
            return Seen(raw=event)
        if not self._plain:
            return self._look(event, last)
        try:
            return self._tell(event, _decode(json_of(event)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._look(event, last)

    def _tell(self, event: bytes, found: _Event) -> Seen:
        kind = found.type
        if kind.endswith(".delta"):
            return Seen(raw=event, content=bool(found.delta))
        if kind in TERMINAL:
            return self._end(event, found)
        if kind == "error" or (found.error and not kind.startswith("response.")):
            return self._fail(event, self._failure(event))
        return Seen(raw=event, content=kind not in _SILENT and _shows(found))

    def _look(self, event: bytes, last: bool) -> Seen:
        """Looks at what is not read at once: comments, lines in another order, odd shapes, what a quirk changes."""
        text = data_of(event).decode("utf-8", "replace").strip()
        if not text or text == DONE:
            return Seen(raw=event)
        try:
            return self._tell(event, self._read(text))
        except msgspec.ValidationError:
            if text.startswith("{"):
                return Seen(raw=event)
        except (msgspec.DecodeError, RecursionError):
            if last:
                return self._fail(event, self._interrupted())
        return self._fail(event, self._failure(event))

    def _read(self, text: str) -> _Event:
        chunk = self._context.quirk.chunk
        if chunk is None:
            return _decode(text)
        value = _any.decode(text)
        return _decode(msgspec.json.encode(chunk(value) if isinstance(value, dict) else value))

    def _end(self, event: bytes, found: _Event) -> Seen:
        status = TERMINAL[found.type]
        try:
            told = _decode_response(found.response)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = _Response()
        used = parse_usage(told.usage, told.tool_usage)
        failed = None
        try:
            if status == "failed":
                raise failure(status, told.error, self._context)
            parse_head(Fields(msgspec.json.encode(told), bad_answer), self._context)
        except InterlinguaError as error:
            failed = Failed.of(error)
        self._over = True
        return Seen(raw=event, content=failed is None, usage=used, failed=failed, terminal=failed is None)

    def _failure(self, event: bytes) -> Failed | None:
        """What the dialect's own reader makes of an event that it refuses."""
        parser = StreamParser(self._context)
        found = (*parser.feed(event), *parser.feed(b"\n\n"))
        return next((one for one in found if isinstance(one, Failed)), None)

    def _interrupted(self) -> Failed:
        return Failed.of(
            StreamInterrupted(
                "the stream ended before the answer did: no terminal event came",
                provider=self._context.provider or None,
                model=self._context.model or None,
            )
        )

    def _fail(self, event: bytes, failed: Failed | None) -> Seen:
        self._over = self._over or failed is not None
        return Seen(raw=event, failed=failed)


def _shows(event: _Event) -> bool:
    """Whether an event that tells of an item shows something: empty messages and hidden thinking do not."""
    item = event.item
    if item is None or item.type not in ("message", "reasoning", None):
        return True
    return bool(item.content or item.summary)


def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
    """What a whole answer says was consumed; never raises."""
    try:
        body = response.body
        if context.quirk.response is not None:
            body = msgspec.json.encode(context.quirk.response(_any.decode(body)))
        told = _decode_response(body)
        return parse_usage(told.usage, told.tool_usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError, AttributeError):
        return None


_STATUS = re.compile(rb'"status"\s*:\s*"(completed|incomplete|in_progress|queued)"')
_REASON = re.compile(rb'"incomplete_details"\s*:\s*\{\s*"reason"\s*:\s*"(\w+)"')
_CALL = re.compile(rb'"type"\s*:\s*"(?:function_call|custom_tool_call)"')
_REFUSAL = re.compile(rb'"type"\s*:\s*"refusal"')


def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
    """Why an answer ended; see `ports.lens.Lens.finish`. The format has no word for it, so what was said tells."""
    status = _STATUS.search(data)
    if status is None or b'"output"' not in data:
        return None
    reason = _REASON.search(data)
    if reason is not None:
        return FinishReason(INCOMPLETE.get(reason[1].decode(), "length"), reason[1].decode())
    word = status[1].decode()
    if word in PENDING:
        return FinishReason("pause", word)
    said: FinishKind = "refusal" if _REFUSAL.search(data) else "stop"
    return FinishReason("tool_call" if called or _CALL.search(data) else said, "completed")
