"""The verbatim lane's view of Messages: what policy must see and change of bytes that pass through untouched.

Requests: the top level is cut, and blocks are read for nothing but types and marks. Streams: each event is decoded into
the few fields that tell what it is. What can be shown stands in content blocks, those of unknown types included; an
event of an unknown type is none, since the format has its clients pass over such. Usage comes without being asked for.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.reasoning import parse_reasoning
from interlingua.dialects.anthropic_messages.response import finish_of
from interlingua.dialects.anthropic_messages.stream import StreamParser
from interlingua.dialects.anthropic_messages.usage import merge_usage, parse_usage
from interlingua.errors import InvalidRequest, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Naming, Peek, Seen
from interlingua.types.events import Failed
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.cutter import SSECutter, data_of, json_of, name_of
from interlingua.wire.fields import Fields, kind_of
from interlingua.wire.strict_json import cut, joined

PATH = "/messages"

# Requests

_CALLS = frozenset({"tool_use", "tool_result"})
_STATE = frozenset({"thinking", "redacted_thinking", "signature"})
_THINKING = ("thinking", "output_config")
_FORMS = ("output_config", "output_format")
_ABSENT = msgspec.Raw(b"")


class _Block(msgspec.Struct, gc=False):
    """A content block or the source of one, but for what it says."""

    type: Any = ""
    media_type: Any = None
    source: str | _Block | None = None  # a mere address in search results
    content: str | list[_Block | str] | _Block | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Block | str] | None = None


_messages = msgspec.json.Decoder(list[_Message])
_system = msgspec.json.Decoder(str | list[_Block] | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(request: WireRequest) -> Peek:
    """What policy must know of a request; the word `calls` in its needs tells of tool calls in the history."""
    values = cut(request.body)
    if values.get("messages") is None:
        raise InvalidRequest("messages: required, an array", path="messages")
    if kind_of(values.get("model", b"")) in ("", "null"):
        raise InvalidRequest("model: required", path="model")
    words = _words(values["messages"])
    if "system" in values:
        words |= _words_of_system(values["system"])
    needs = words & {"image", "pdf"}
    if not words.isdisjoint(_CALLS):
        needs.add("calls")
    if glance.holds(values, "tools"):
        needs.add("tools")
    if _wants_thought(values):
        needs.add("reasoning")
    if not values.keys().isdisjoint(_FORMS) and "json_schema" in glance.words(
        msgspec.Raw(glance.some(values, *_FORMS))
    ):
        needs.add("structured_output")
    return Peek(
        model=glance.text(values, "model"),
        stream=glance.flag(values, "stream") or False,
        asks_usage=True,
        needs=frozenset(needs),
        has_state=not words.isdisjoint(_STATE),
        most_output=glance.count(values, "max_tokens"),
    )


def _words(raw: msgspec.Raw) -> set[str]:
    """The types that stand in messages; of messages of an unknown shape, all that stands in them."""
    words: set[str] = set()
    try:
        messages = _messages.decode(raw)
    except msgspec.ValidationError:
        return _any_words(raw)
    for message in messages:
        if isinstance(message.content, list):
            _add_blocks(message.content, words)
    return words


def _words_of_system(raw: msgspec.Raw) -> set[str]:
    words: set[str] = set()
    try:
        blocks = _system.decode(raw)
    except msgspec.ValidationError:
        return _any_words(raw)
    if isinstance(blocks, list):
        _add_blocks(blocks, words)
    return words


def _any_words(raw: msgspec.Raw) -> set[str]:
    words = glance.words(raw)
    return words | {"pdf"} if "document" in words else words


def _add_blocks(blocks: list[_Block | str] | list[_Block], words: set[str]) -> None:
    for block in blocks:
        if isinstance(block, str):
            continue
        if block.type == "text":
            continue
        words.add(str(block.type))
        if block.type == "document" and _is_pdf(block.source):
            words.add("pdf")
        for inner in (block.content, block.source.content if isinstance(block.source, _Block) else None):
            if isinstance(inner, list):
                _add_blocks(inner, words)
            elif isinstance(inner, _Block):
                _add_blocks([inner], words)


def _is_pdf(source: str | _Block | None) -> bool:
    """Whether a document is none that is read as text."""
    if not isinstance(source, _Block) or source.type == "content":
        return False
    mime = source.media_type if isinstance(source.media_type, str) else ""
    return not mime.startswith("text/") if mime else source.type != "text"


def _wants_thought(values: glance.Values) -> bool:
    if values.keys().isdisjoint(_THINKING):
        return False
    try:
        fields = Fields(glance.some(values, *_THINKING), _refuse)
        wanted, _ = parse_reasoning(fields, fields.child("output_config"))
    except InvalidRequest:
        return True
    return wanted is not None and bool(wanted.effort not in (None, "none") or wanted.budget_tokens or wanted.enabled)


def _refuse(path: str, reason: str) -> Exception:
    return InvalidRequest(f"{path}: {reason}", path=path)


def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
    """The request for `model`; usage comes without being asked for."""
    values = _object.decode(request.body)
    if "model" not in values:
        values = {"model": _ABSENT, **values}
    values["model"] = msgspec.Raw(msgspec.json.encode(model))
    query = request.path.partition("?")[2]
    path = f"{PATH}?{query}" if query else PATH
    return WireRequest(method=request.method, path=path, body=joined(values), headers=request.headers)


NAMING = Naming(end_user="metadata.user_id", stays=("system", "tools"), turns=("messages",))
ELSEWHERE = frozenset({"container", "mcp_servers"})
"""Fields that tie an answer to what lies elsewhere: containers, servers of tools."""


# Answers


class _Growth(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None


class _Start(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None


class _Answer(msgspec.Struct, gc=False):
    usage: Any = None


class _Event(msgspec.Struct, gc=False):
    """What must be known of an event."""

    type: Any = None
    delta: _Growth | None = None
    content_block: _Start | None = None
    message: _Answer | None = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_GROWTH = ("text_delta", "thinking_delta", "input_json_delta", "signature_delta")
"""Deltas that show what is in them, and the one that shows nothing; others are taken to show something."""
_UNSAID = ("text", "thinking", "redacted_thinking")
"""Blocks whose mere beginning shows nothing."""


class Watcher:
    """Watches a stream; see `ports.lens.Watcher`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._cutter = SSECutter()
        self._usage: dict[str, Any] = {}
        self._over = False
        self._plain = context.quirk.chunk is None

    def feed(self, data: bytes) -> list[Seen]:
        """The events that `data` completes."""
        try:
            return [self._see(event) for event in self._cutter.feed(data)]
        except UpstreamError as error:
            return [self._fail(b"", Failed.of(error))]

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; a failure where no message_stop came."""
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
        delta = found.delta
        if delta is not None and found.type == "content_block_delta":
            said = delta.text or delta.thinking or delta.partial_json
            return Seen(raw=event, content=bool(said) or delta.type not in _GROWTH)
        kind = found.type or name_of(event)
        if kind == "content_block_start":
            block = found.content_block
            shown = block is not None and bool(block.text or block.thinking or block.type not in _UNSAID)
            return Seen(raw=event, content=shown)
        if kind == "message_start":
            return Seen(raw=event, usage=self._count(found.message.usage if found.message is not None else None))
        if kind == "message_delta":
            return Seen(raw=event, usage=self._count(found.usage))
        if kind == "message_stop":
            self._over = True
            return Seen(raw=event, terminal=True)
        if kind == "error" or (found.error and kind not in ("content_block_delta", "content_block_stop")):
            return self._fail(event, self._failure(event))
        return Seen(raw=event)

    def _count(self, raw: Any) -> Usage | None:
        if not isinstance(raw, dict) or not raw:
            return None
        self._usage = merge_usage(self._usage, raw)
        return parse_usage(self._usage)

    def _look(self, event: bytes, last: bool) -> Seen:
        """Looks at what is not read at once: comments, lines in another order, odd shapes, what a quirk changes."""
        text = data_of(event).decode("utf-8", "replace").strip()
        if not text or text == "[DONE]":
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

    def _failure(self, event: bytes) -> Failed | None:
        """What the dialect's own reader makes of an event that it refuses."""
        parser = StreamParser(self._context)
        found = (*parser.feed(event), *parser.feed(b"\n\n"))
        return next((one for one in found if isinstance(one, Failed)), None)

    def _interrupted(self) -> Failed:
        return Failed.of(
            StreamInterrupted(
                "the answer broke off before its end",
                provider=self._context.provider or None,
                model=self._context.model or None,
            )
        )

    def _fail(self, event: bytes, failed: Failed | None) -> Seen:
        self._over = self._over or failed is not None
        return Seen(raw=event, failed=failed)


def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
    """What a whole answer says was consumed; never raises."""
    try:
        body = response.body
        if context.quirk.response is not None:
            body = msgspec.json.encode(context.quirk.response(_any.decode(body)))
        return parse_usage(_decode_answer(body).usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError, AttributeError):
        return None


_FINISH = re.compile(rb'"stop_reason"\s*:\s*"(\w+)"')
"""Why an answer ended: the last such, because a call's input is JSON and stands before it."""


def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
    """Why an answer ended; see `ports.lens.Lens.finish`."""
    words = _FINISH.findall(data)
    return finish_of(words[-1].decode(), None, called) if words else None


def limit_headers(what: str, limit: int, remaining: int, reset: float, now: float) -> tuple[tuple[str, str], ...]:
    """How clients are told a limit, the time written out; see `ports.lens.Lens.limit_headers`."""
    when = datetime.fromtimestamp(int(now + reset) + 1, UTC)  # never too early
    return (
        (f"anthropic-ratelimit-{what}-limit", str(limit)),
        (f"anthropic-ratelimit-{what}-remaining", str(remaining)),
        (f"anthropic-ratelimit-{what}-reset", f"{when:%Y-%m-%dT%H:%M:%SZ}"),
    )
