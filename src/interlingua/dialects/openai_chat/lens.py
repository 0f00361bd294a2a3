"""The verbatim lane's view of Chat Completions: what policy must see and change of bytes that pass through untouched.

Requests: the top level is cut, and messages are read for nothing but types and marks, which is exact and costs less
than one search for a word. Streams: each chunk is decoded into the few fields that tell what it is; the C decoder
passes over the rest. An answer counts as complete with the chunk that gives the last finish_reason; usage and `[DONE]`
may follow. There are no types of events here, so that whatever a delta holds beside its role counts as content.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.openai_chat.reasoning import parse_reasoning
from interlingua.dialects.openai_chat.request import PATH
from interlingua.dialects.openai_chat.schema import FINISH_KINDS, MESSAGE_STATE, bad_request
from interlingua.dialects.openai_chat.stream import DONE, StreamParser
from interlingua.dialects.openai_chat.usage import parse_usage
from interlingua.errors import InvalidRequest, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Naming, Peek, Seen
from interlingua.types.events import Failed
from interlingua.types.opaque import Json
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.cutter import SSECutter, data_of, json_of
from interlingua.wire.fields import Fields
from interlingua.wire.rate_limits import limit_headers as limit_headers
from interlingua.wire.strict_json import cut, joined

# Requests

_MEDIA_FILES = {"data:image": "image", "data:audio": "audio", "data:video": "video"}
"""How a file may begin that is no document."""
_NEEDS = {
    "image_url": "image",
    "video_url": "video",
    "input_audio": "audio",
    "file": "pdf",
    **_MEDIA_FILES,
    **dict.fromkeys(("tool_calls", "function_call", "tool", "function"), "calls"),
}
"""What a type or mark needs."""
_STATE = frozenset({"reasoning_details", "signature", *MESSAGE_STATE})
_MARKS = _STATE.union(_NEEDS)
_LIMITS = ("max_completion_tokens", "max_tokens")
_RESULTS = ("tool", "function")
_THINKING = ("reasoning", "reasoning_effort", "thinking", "enable_thinking", "chat_template_kwargs")
_ABSENT = msgspec.Raw(b"")


class _File(msgspec.Struct, gc=False):
    file_data: Any = None


class _Piece(msgspec.Struct, gc=False):
    type: Any = ""
    signature: Any = None
    file: _File | None = None


class _Call(msgspec.Struct, gc=False):
    extra_content: Any = None
    thought_signature: Any = None


class _Message(msgspec.Struct, gc=False):
    """A message, but for what it says."""

    role: Any = ""
    content: str | list[_Piece | str] | None = None
    tool_calls: list[_Call] | None = None
    function_call: Any = None
    reasoning_details: Any = None
    extra_content: Any = None
    thought_signature: Any = None


_messages = msgspec.json.Decoder(list[_Message])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def peek(request: WireRequest) -> Peek:
    """What policy must know of a request; the word `calls` in its needs tells of tool calls in the history."""
    values = cut(request.body)
    if values.get("messages") is None:
        raise InvalidRequest("messages: required", path="messages")
    words = _words(values["messages"]) & _MARKS
    needs = {_NEEDS[word] for word in words if word in _NEEDS}
    if glance.holds(values, "tools") or glance.holds(values, "functions"):
        needs.add("tools")
    if _wants_thought(values):
        needs.add("reasoning")
    if "modalities" in values:
        needs.update(f"{word} output" for word in glance.words(values["modalities"]) if word != "text")
    if "response_format" in values and glance.words(values["response_format"]) & {"json_object", "json_schema"}:
        needs.add("structured_output")
    limits = [limit for key in _LIMITS if (limit := glance.count(values, key)) is not None and limit >= 0]
    return Peek(
        model=glance.text(values, "model"),
        stream=glance.flag(values, "stream") or False,
        asks_usage=_asks_usage(values),
        needs=frozenset(needs),
        has_state=not words.isdisjoint(_STATE),
        most_output=max(limits, default=None),  # of two, a host may know either
        choices=glance.count(values, "n") or 1 if "n" in values else 1,
    )


def _words(raw: msgspec.Raw) -> set[str]:
    """The types and marks that stand in messages; of messages of an unknown shape, all that stands in them."""
    try:
        messages = _messages.decode(raw)
    except msgspec.ValidationError:
        found = glance.words(raw)
        return found.union(_MEDIA_FILES) if "file" in found else found
    words: set[str] = set()
    for message in messages:
        if message.role in _RESULTS:
            words.add("tool")
        if isinstance(message.content, list):
            for piece in message.content:
                if isinstance(piece, _Piece):
                    _add_piece(piece, words)
        if message.tool_calls:
            words.add("tool_calls")
            words.update(key for call in message.tool_calls for key in MESSAGE_STATE if getattr(call, key) is not None)
        if message.function_call is not None:
            words.add("function_call")
        if message.reasoning_details:
            words.add("reasoning_details")
        if message.extra_content is not None or message.thought_signature is not None:
            words.update(MESSAGE_STATE)
    return words


def _add_piece(piece: _Piece, words: set[str]) -> None:
    words.add(str(piece.type))
    if piece.signature:
        words.add("signature")
    data = piece.file.file_data if piece.file is not None else None
    if isinstance(data, str) and data.startswith("data:"):
        kind = data[:16].partition("/")[0].lower()
        words.add(kind)


def _wants_thought(values: glance.Values) -> bool:
    if values.keys().isdisjoint(_THINKING):
        return False
    try:
        wanted, _ = parse_reasoning(Fields(glance.some(values, *_THINKING), bad_request))
    except InvalidRequest:
        return True
    return wanted is not None and bool(wanted.effort not in (None, "none") or wanted.budget_tokens or wanted.enabled)


def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
    """The request for `model`; of `stream_options`, if usage must be asked for, only that member changes."""
    values = _object.decode(request.body)
    changed = {"model": msgspec.json.encode(model)}
    if ask_usage and not _asks_usage(values):
        changed["stream_options"] = _asking(values.get("stream_options"))
    query = request.path.partition("?")[2]
    return WireRequest(
        method=request.method,
        path=f"{PATH}?{query}" if query else PATH,
        body=joined(_changed(values, changed)),
        headers=request.headers,
    )


def _asks_usage(values: glance.Values) -> bool:
    if "stream_options" not in values:
        return False
    return glance.flag(glance.members(values["stream_options"]), "include_usage") or False


def _asking(raw: msgspec.Raw | None) -> bytes:
    return joined(_changed(glance.members(raw), {"include_usage": b"true"}))


def _changed(values: dict[str, msgspec.Raw], changed: dict[str, bytes]) -> dict[str, msgspec.Raw]:
    """The values with some replaced where they stood; a new model goes to the front, where readers look for it."""
    if "model" in changed and "model" not in values:
        values = {"model": _ABSENT, **values}
    return values | {key: msgspec.Raw(value) for key, value in changed.items()}


NAMING = Naming(cache_key="prompt_cache_key", end_user="metadata.user_id", turns=("messages",))
ELSEWHERE = frozenset({"audio", "plugins", "search_parameters", "web_search_options"})
"""Fields that tie an answer to what lies elsewhere: voices that are kept for an hour, searches."""


# Answers


class _Delta(msgspec.Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: msgspec.Raw = _ABSENT


class _Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: Any = None
    finishReason: Any = None  # noqa: N815 - as some hosts write it
    usage: Any = None


class _Chunk(msgspec.Struct, gc=False):
    """What must be known of a chunk."""

    choices: list[_Choice] | None = None
    usage: Any = None
    x_groq: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_UNSEEN = ("role", "name", "token_id")
"""Members of a delta that nobody shows."""


class Watcher:
    """Watches a stream; see `ports.lens.Watcher`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._cutter = SSECutter()
        self._begun: set[int] = set()
        self._open: set[int] = set()
        self._over = False
        self._plain = context.quirk.chunk is None

    def feed(self, data: bytes) -> list[Seen]:
        """The events that `data` completes."""
        try:
            return [self._see(event) for event in self._cutter.feed(data)]
        except UpstreamError as error:
            return [self._fail(b"", Failed.of(error))]

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; a failure where the answer is not complete."""
        rest = self._cutter.close()
        found = [self._see(rest, last=True)] if rest else []
        if not self._over and (self._open or not self._begun):
            found.append(self._fail(b"", self._interrupted()))
        self._over = True
        return found

    def _see(self, event: bytes, *, last: bool = False) -> Seen:
        if self._over:
            return Seen(raw=event)
        if not self._plain:
            return self._look(event, last)
        try:
            chunk = _decode(json_of(event))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._look(event, last)
        if chunk.choices is None or len(chunk.choices) != 1 or chunk.error or chunk.usage or chunk.x_groq:
            return self._tell(event, chunk)
        choice = chunk.choices[0]
        delta = choice.delta
        word = choice.finish_reason or choice.finishReason
        if word or delta is None or choice.index not in self._begun or choice.usage:
            return self._tell(event, chunk)
        if delta.content or delta.reasoning_content or delta.reasoning:
            return Seen(raw=event, content=True)
        called = delta.tool_calls is not _ABSENT and memoryview(delta.tool_calls).nbytes > len("null")
        return Seen(raw=event, content=called or _shows(event), called=called)

    def _look(self, event: bytes, last: bool) -> Seen:
        """Looks at what is no plain chunk: the terminator, comments, odd shapes, and what a quirk must read first."""
        text = data_of(event).decode("utf-8", "replace").strip()
        if not text:
            return Seen(raw=event)
        if text == DONE:
            if self._open or not self._begun:
                return self._fail(event, self._interrupted())
            self._over = True
            return Seen(raw=event, terminal=True)
        try:
            value = _any.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return self._fail(event, self._interrupted() if last else self._failure(event))
        if self._context.quirk.chunk is not None and isinstance(value, dict):
            value = self._context.quirk.chunk(value)
        if not isinstance(value, dict):
            return self._fail(event, self._failure(event))
        return self._tell(event, _lenient(value))

    def _tell(self, event: bytes, chunk: _Chunk) -> Seen:
        if chunk.error or chunk.choices is None:
            failed = self._failure(event)
            if failed is not None:
                return self._fail(event, failed)
        choices = chunk.choices or []
        finished = False
        for place, choice in enumerate(choices):
            index = place if choice.index is None else choice.index
            if index not in self._begun:
                self._begun.add(index)
                self._open.add(index)
            word = choice.finish_reason or choice.finishReason
            if isinstance(word, str) and word:
                self._open.discard(index)
                finished = True
        usage = _usage(chunk)
        return Seen(
            raw=event,
            content=bool(choices) and _shows(event),
            usage=usage,
            only_usage=usage is not None and not choices,
            terminal=finished and not self._open,
        )

    def _failure(self, event: bytes) -> Failed | None:
        """What the dialect's own reader makes of an event that it refuses."""
        parser = StreamParser(self._context)
        found = (*parser.feed(event), *parser.feed(b"\n\n"))
        return next((one for one in found if isinstance(one, Failed)), None)

    def _interrupted(self) -> Failed:
        where = f"choice {min(self._open)} has no finish_reason" if self._open else "it held no choice"
        return Failed.of(
            StreamInterrupted(
                f"the stream ended before the answer did: {where}",
                provider=self._context.provider or None,
                model=self._context.model or None,
            )
        )

    def _fail(self, event: bytes, failed: Failed | None) -> Seen:
        self._over = self._over or failed is not None
        return Seen(raw=event, failed=failed)


def _lenient(value: dict[str, Json]) -> _Chunk:
    """A chunk whose members may be of any type, as hosts vary them."""
    choices = value.get("choices")
    chunk = _Chunk(usage=value.get("usage"), x_groq=value.get("x_groq"), error=value.get("error"))
    if isinstance(choices, list):
        chunk.choices = [
            _Choice(
                index=index if type(index := choice.get("index")) is int else place,  # a boolean counts as an int
                finish_reason=choice.get("finish_reason"),
                finishReason=choice.get("finishReason"),
                usage=choice.get("usage"),
            )
            for place, choice in enumerate(choices)
            if isinstance(choice, dict)
        ]
    return chunk


def _shows(event: bytes) -> bool:
    """Whether anything in the deltas of a chunk could be shown."""
    try:
        value = _any.decode(data_of(event).decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return False
    choices = value.get("choices") if isinstance(value, dict) else None
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            said = next((choice[key] for key in ("delta", "message") if isinstance(choice.get(key), dict)), None)
            if said is None:
                said = {"text": choice.get("text")}
            if any(value and key not in _UNSEEN for key, value in said.items()):
                return True
    return False


class _Answer(msgspec.Struct, gc=False):
    """What of a whole answer tells its usage, where a host is not odd."""

    usage: Any = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def _usage(chunk: _Chunk) -> Usage | None:
    found = [chunk.usage, chunk.x_groq.get("usage") if isinstance(chunk.x_groq, dict) else None]
    found += [choice.usage for choice in chunk.choices or ()]
    return next((usage for raw in found if raw and (usage := parse_usage(raw)) is not None), None)


def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
    """What a whole answer says was consumed; never raises."""
    try:
        if context.quirk.response is None:
            plain = _decode_answer(response.body).usage
            return parse_usage(plain) if plain else _usage(_decode(response.body))
        return _usage(_lenient(context.quirk.response(_any.decode(response.body))))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError, AttributeError):
        return None


_FINISH = re.compile(rb'"(?:finish_reason|finishReason)"\s*:\s*"(\w+)"')
"""Why a choice ended; within a JSON string the quotes would be escaped."""


def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
    """Why the first choice ended; see `ports.lens.Lens.finish`."""
    found = _FINISH.search(data)
    if found is None:
        return None
    word = found[1].decode()
    kind = FINISH_KINDS.get(word, "stop")
    return FinishReason("tool_call" if kind == "stop" and (called or b'"tool_calls":[{' in data) else kind, word)
