"""The verbatim lane's view of generateContent: what policy must see and change of bytes that pass through untouched.

Requests: model and method stand in the path. The top level is cut, and parts are read for nothing but which data they
hold. Streams: there are no types of events; each piece is decoded into the few fields that tell what it is, and a part
that is no text counts as content whatever it is. Whether the answer is complete only the end tells (contracts §1.2),
so nothing but `close` is terminal. Every piece repeats the usage; between the first and the last it is read only now
and then, for answers that break off.

Providers are asked for server-sent events whatever the client asks for; one that answers with a JSON array all the same
has each element made an event. A client that asks for the array gets one at the end of its way (`json_array.py`).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from interlingua.dialects.gemini.answer import method_path
from interlingua.dialects.gemini.json_array import JsonArray, asking_events, wants_array
from interlingua.dialects.gemini.request import parse_path
from interlingua.dialects.gemini.response import finish_of
from interlingua.dialects.gemini.schema import ProtoFields, bad_request, camel
from interlingua.dialects.gemini.stream import StreamParser
from interlingua.dialects.gemini.thinking import parse_thinking
from interlingua.dialects.gemini.usage import parse_usage
from interlingua.errors import InvalidRequest, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Naming, Peek, Seen
from interlingua.types.events import Failed
from interlingua.types.opaque import Json
from interlingua.types.parts import modality_of
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from interlingua.wire import glance
from interlingua.wire.cutter import ArrayCutter, SSECutter, data_of, json_of
from interlingua.wire.fields import kind_of
from interlingua.wire.rate_limits import limit_headers as limit_headers
from interlingua.wire.strict_json import cut, joined

# Requests

_SECRETS = frozenset({"key", "access_token", "oauth_token"})
"""Parameters in which a client says who it is; what it says to us is nothing to the provider."""
_KINDS = ("models/", "tunedModels/")
_VIDEO_PAGES = "youtu"
_NEEDS = {"image": "image", "audio": "audio", "video": "video", "document": "pdf"}
_MEDIA = frozenset({"inlineData", "inline_data", "fileData", "file_data"})
_SCHEMAS = ("responseJsonSchema", "responseSchema")
_ABSENT = msgspec.Raw(b"")


class _Media(msgspec.Struct, gc=False, rename="camel"):
    mime_type: Any = None
    file_uri: Any = None
    mime: Any = msgspec.field(default=None, name="mime_type")
    uri: Any = msgspec.field(default=None, name="file_uri")


class _Result(msgspec.Struct, gc=False):
    parts: list[_Part] | _Part | None = None


class _Part(msgspec.Struct, gc=False, rename="camel"):
    """A part, but for what it says; each field in both spellings."""

    inline_data: _Media | None = None
    file_data: _Media | None = None
    function_call: msgspec.Raw = _ABSENT
    function_response: _Result | None = None
    thought_signature: Any = None
    snake_inline_data: _Media | None = msgspec.field(default=None, name="inline_data")
    snake_file_data: _Media | None = msgspec.field(default=None, name="file_data")
    snake_function_call: msgspec.Raw = msgspec.field(default=_ABSENT, name="function_call")
    snake_function_response: _Result | None = msgspec.field(default=None, name="function_response")
    snake_thought_signature: Any = msgspec.field(default=None, name="thought_signature")


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | _Part | None = None


_contents = msgspec.json.Decoder(list[_Content] | _Content | None)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Look:
    """What was found in the contents of a request."""

    __slots__ = ("choices", "has_state", "needs")

    def __init__(self) -> None:
        self.choices = 1
        self.needs: set[str] = set()
        self.has_state = False

    def read(self, raw: msgspec.Raw) -> None:
        try:
            found = _contents.decode(raw)
        except msgspec.ValidationError:
            self._read_unknown(glance.words(raw))
            return
        for content in found if isinstance(found, list) else [found]:
            if content is not None:
                self._parts(content.parts)

    def _read_unknown(self, words: set[str]) -> None:
        """Contents of an unknown shape: anything that they may hold."""
        if not words.isdisjoint(_MEDIA):
            self.needs.update(_NEEDS.values())
        if words & {"functionCall", "function_call", "functionResponse", "function_response"}:
            self.needs.add("calls")
        self.has_state = self.has_state or bool(words & {"thoughtSignature", "thought_signature"})

    def _parts(self, parts: list[_Part] | _Part | None) -> None:
        for part in parts if isinstance(parts, list) else [parts]:
            if part is None:
                continue
            for media in (part.inline_data, part.file_data, part.snake_inline_data, part.snake_file_data):
                if media is not None:
                    self._media(media)
            result = part.function_response or part.snake_function_response
            if result is not None:
                self.needs.add("calls")
                self._parts(result.parts)
            if part.function_call is not _ABSENT or part.snake_function_call is not _ABSENT:
                self.needs.add("calls")
            if part.thought_signature or part.snake_thought_signature:
                self.has_state = True

    def _media(self, media: _Media) -> None:
        mime, uri = media.mime_type or media.mime or "", media.file_uri or media.uri
        if isinstance(mime, str) and not mime.startswith("text/"):
            self.needs.add(_NEEDS[modality_of(mime)])
        if not mime and isinstance(uri, str) and _VIDEO_PAGES in uri.lower():
            self.needs.add("video")


def peek(request: WireRequest) -> Peek:
    """What policy must know of a request; the word `calls` in its needs tells of tool calls in the history."""
    values = _camel(cut(request.body))
    if kind_of(values.get("contents", b"")) in ("", "null"):
        raise InvalidRequest("contents: required", path="contents")
    model, stream = parse_path(request.path)
    look = _Look()
    look.read(values["contents"])
    if "systemInstruction" in values:
        look.read(values["systemInstruction"])
    if glance.holds(values, "tools"):
        look.needs.add("tools")
    config = values.get("generationConfig")
    return Peek(
        model=model or glance.text(values, "model").removeprefix("models/"),
        stream=stream,
        asks_usage=True,
        most_output=_settings(config, look) if config is not None else None,
        needs=frozenset(look.needs),
        has_state=look.has_state,
        reframing=JsonArray if stream and wants_array(request.path) else None,
        choices=look.choices,
    )


def _settings(raw: msgspec.Raw, look: _Look) -> int | None:
    """Adds what settings need, and how many answers are asked for; gives the limit of each."""
    config = _camel(glance.members(raw))
    if "thinkingConfig" in config and _wants_thought(glance.some(config, "thinkingConfig")):
        look.needs.add("reasoning")
    if any(kind_of(config.get(key, b"")) not in ("", "null") for key in _SCHEMAS):
        look.needs.add("structured_output")
    if "responseMimeType" in config and glance.words(config["responseMimeType"]) - {"", "text/plain"}:
        look.needs.add("structured_output")
    if "responseModalities" in config:
        outputs = {word.lower() for word in glance.words(config["responseModalities"])}
        look.needs.update(f"{word} output" for word in outputs - {"text"})
    look.choices = _count(raw, config, "candidateCount") or 1
    return _count(raw, config, "maxOutputTokens")


def _count(raw: msgspec.Raw, config: glance.Values, key: str) -> int | None:
    """A whole number, which this format may write as a text too."""
    if kind_of(config.get(key, b"")) == "string":
        return ProtoFields(raw, bad_request, "generationConfig").integer(key, least=0)
    return glance.count(config, key)


def _wants_thought(source: bytes) -> bool:
    try:
        wanted, _ = parse_thinking(ProtoFields(source, bad_request).child("thinkingConfig"))
    except InvalidRequest:
        return True
    return wanted is not None and bool(wanted.effort not in (None, "none") or wanted.budget_tokens)


def _camel(values: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Fields by their camelCase names. Raises InvalidRequest: one is written in both ways, and each may be read."""
    if not any("_" in key for key in values):
        return values
    found = {camel(key): value for key, value in values.items()}
    if len(found) < len(values):
        twice = next(name for name in found if sum(camel(key) == name for key in values) > 1)
        raise bad_request(twice, "is also there as another spelling of it")
    return found


def edit(request: WireRequest, model: str, *, ask_usage: bool = False) -> WireRequest:
    """The request for `model`: its name in the path, and in the body where the client wrote it there too."""
    path, _, query = request.path.partition("?")
    method = path.rpartition(":")[2] if ":" in path else "generateContent"
    path = method_path(model, method)
    kept = "&".join(pair for pair in query.split("&") if pair and pair.partition("=")[0] not in _SECRETS)
    if method.startswith("stream") and kept != "alt=sse":
        kept = asking_events(kept)
    body = request.body
    if b'"model"' in body or b"\\u" in body:
        values = _object.decode(body)
        if "model" in values:
            full = glance.text(values, "model").startswith(_KINDS) and not model.startswith(_KINDS)
            values["model"] = msgspec.Raw(msgspec.json.encode(f"models/{model}" if full else model))
            body = joined(values)
    return WireRequest(
        method=request.method, path=f"{path}?{kept}" if kept else path, body=body, headers=request.headers
    )


NAMING = Naming(stays=("systemInstruction", "system_instruction", "tools"), turns=("contents",))
ELSEWHERE = frozenset({"cachedContent", "cached_content"})
"""Fields that tie an answer to what lies elsewhere: prompts that are kept."""


# Answers


class _Said(msgspec.Struct, gc=False):
    text: Any = msgspec.UNSET


class _Saying(msgspec.Struct, gc=False):
    parts: list[_Said] | _Said | None = None


class _Candidate(msgspec.Struct, gc=False):
    index: int | str | None = None
    content: _Saying | None = None
    finishReason: Any = None  # noqa: N815 - as it is written
    finish_reason: Any = None


class _Chunk(msgspec.Struct, gc=False):
    """What must be known of a piece; each field in both spellings."""

    candidates: list[_Candidate] | _Candidate | None = None
    usageMetadata: msgspec.Raw = _ABSENT  # noqa: N815 - as it is written
    usage_metadata: msgspec.Raw = _ABSENT
    promptFeedback: Any = None  # noqa: N815 - as it is written
    prompt_feedback: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_UNSEEN = frozenset({"thought", "thoughtSignature", "text"})
"""Fields of a part that alone show nothing; a text that does is seen at the first look."""
_BETWEEN = b"[], \t\r\n"
_OFTEN = 16
"""Of so many pieces that are mere text the usage is read once; of all others each time."""


class Watcher:
    """Watches a stream; see `ports.lens.Watcher`."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._cutter: SSECutter | ArrayCutter = SSECutter()
        self._array: ArrayCutter | None = None
        self._begun = False
        self._open: dict[int, bool] = {}
        self._blocked = False
        self._over = False
        self._count = 0
        self._unread: msgspec.Raw | None = None
        self._plain = context.quirk.chunk is None

    def feed(self, data: bytes) -> list[Seen]:
        """The events that `data` completes."""
        if not self._begun and (head := data.lstrip()):
            self._begun = True
            if head.startswith(b"["):
                data = self._cutter.close() + data
                self._cutter = self._array = ArrayCutter()
        try:
            found = [self._see(event) for event in self._cutter.feed(data)]
        except UpstreamError as error:
            return [self._fail(b"", Failed.of(error))]
        return found if self._array is None else [_as_event(seen) for seen in found]

    def close(self) -> list[Seen]:
        """The unfinished rest, if any; then how it ended: complete, or a failure."""
        rest = self._cutter.close()
        found = [self._see(rest, last=True)] if rest.strip(_BETWEEN) else [Seen(raw=rest)] if rest else []
        if self._array is not None:
            found = [_as_event(seen) for seen in found]
        if self._over:
            return found
        whole = self._blocked or (bool(self._open) and all(self._open.values()))
        failed = None if whole and (self._array is None or self._array.closed) else self._interrupted()
        self._over = True
        return [*found, Seen(raw=b"", usage=self._read_usage(), failed=failed, terminal=failed is None)]

    def _see(self, event: bytes, *, last: bool = False) -> Seen:
        if self._over:
            return Seen(raw=event)
        if not self._plain or self._array is not None:
            return self._look(event, last)
        try:
            return self._tell(event, _decode(json_of(event)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._look(event, last)

    def _tell(self, event: bytes, chunk: _Chunk) -> Seen:
        raw = chunk.usageMetadata if chunk.usageMetadata is not _ABSENT else chunk.usage_metadata
        if raw is not _ABSENT:
            self._unread = raw
        if self._is_text(chunk):
            self._count += 1
            return Seen(raw=event, content=True, usage=None if self._count % _OFTEN else self._read_usage())
        if chunk.error is not None:
            return self._fail(event, self._failure(event))
        return self._tell_all(event, chunk)

    def _is_text(self, chunk: _Chunk) -> bool:
        """Whether a piece is just one more text of a candidate that has begun; false tells nothing."""
        candidates = chunk.candidates
        if type(candidates) is not list or len(candidates) != 1 or chunk.promptFeedback or chunk.error is not None:
            return False
        one = candidates[0]
        content = one.content
        if content is None or one.finishReason is not None or one.finish_reason is not None or chunk.prompt_feedback:
            return False
        parts = content.parts
        return type(parts) is list and len(parts) == 1 and bool(parts[0].text) and (one.index or 0) in self._open

    def _tell_all(self, event: bytes, chunk: _Chunk) -> Seen:
        if chunk.promptFeedback or chunk.prompt_feedback:
            self._blocked = self._is_block(chunk.promptFeedback or chunk.prompt_feedback) or self._blocked
        content = False
        candidates = chunk.candidates
        for candidate in candidates if isinstance(candidates, list) else (candidates,):
            if candidate is not None:
                word = candidate.finish_reason if candidate.finishReason is None else candidate.finishReason
                ended = isinstance(word, str | int) and word != "" and word is not False
                self._note(candidate.index, ended)
                if candidate.content is not None and not content:
                    content = self._shows(candidate.content.parts, event)
        return Seen(raw=event, content=content, usage=self._read_usage(), called=_CALL.search(event) is not None)

    def _text(self, event: bytes) -> str:
        data = data_of(event) if self._array is None else event.strip(_BETWEEN)
        return data.decode("utf-8", "replace").strip()

    def _shows(self, parts: list[_Said] | _Said | None, event: bytes) -> bool:
        listed = parts if isinstance(parts, list) else (parts,)
        if any(part is not None and part.text is not msgspec.UNSET and part.text for part in listed):
            return True
        if all(part is None or part.text is not msgspec.UNSET for part in listed):
            return False
        # A part without text: what it holds takes a second look, for which there is time where calls and media come.
        return not _UNSEEN.issuperset(_keys_of_parts(_any.decode(self._text(event))))

    def _note(self, given: int | str | None, ended: bool) -> None:
        index = given if isinstance(given, int) else int(given) if given and given.isdigit() else 0
        self._open[index] = ended or self._open.get(index, False)

    @staticmethod
    def _is_block(feedback: object) -> bool:
        found = feedback if isinstance(feedback, dict) else {}
        reason = found.get("blockReason") or found.get("block_reason")
        return isinstance(reason, str) and bool(reason)

    def _read_usage(self) -> Usage | None:
        raw, self._unread = self._unread, None
        try:
            return None if raw is None else parse_usage(_any.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _look(self, event: bytes, last: bool) -> Seen:
        """Looks at what is not read at once: comments, elements of an array, odd shapes, what a quirk changes."""
        text = self._text(event)
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

    def _read(self, text: str) -> _Chunk:
        chunk = self._context.quirk.chunk
        if chunk is None:
            return _decode(text)
        value = _any.decode(text)
        return _decode(msgspec.json.encode(chunk(value) if isinstance(value, dict) else value))

    def _failure(self, event: bytes) -> Failed | None:
        """What the dialect's own reader makes of a piece that it refuses."""
        parser = StreamParser(self._context)
        data = event if self._array is None else b"data: " + event.strip(_BETWEEN).replace(b"\n", b"")
        found = (*parser.feed(data), *parser.feed(b"\n\n"))
        return next((one for one in found if isinstance(one, Failed)), None)

    def _interrupted(self) -> Failed:
        came = "before the answer was whole" if self._open else "before anything came"
        return Failed.of(
            StreamInterrupted(
                f"the stream ended {came}",
                provider=self._context.provider or None,
                model=self._context.model or None,
            )
        )

    def _fail(self, event: bytes, failed: Failed | None) -> Seen:
        self._over = self._over or failed is not None
        return Seen(raw=event, usage=self._read_usage() if failed is not None else None, failed=failed)


def _as_event(seen: Seen) -> Seen:
    """An element of an array as a server-sent event; a line's end in it can only be white space."""
    element = seen.raw.strip(_BETWEEN).replace(b"\n", b" ").replace(b"\r", b" ")
    return msgspec.structs.replace(seen, raw=b"data: " + element + b"\r\n\r\n" if element else b"")


def _keys_of_parts(value: Json) -> set[str]:
    """The names of all fields of all parts of a piece."""
    found: set[str] = set()
    for candidate in _listed(value.get("candidates") if isinstance(value, dict) else None):
        content = candidate.get("content") if isinstance(candidate, dict) else None
        for part in _listed(content.get("parts") if isinstance(content, dict) else None):
            found.update(map(camel, part) if isinstance(part, dict) else ())
    return found


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def usage(response: WireResponse, context: TranslationContext) -> Usage | None:
    """What a whole answer says was consumed; never raises."""
    try:
        body = response.body
        if context.quirk.response is not None:
            body = msgspec.json.encode(context.quirk.response(_any.decode(body)))
        chunk = _decode(body)
        raw = chunk.usageMetadata if chunk.usageMetadata is not _ABSENT else chunk.usage_metadata
        return None if raw is _ABSENT else parse_usage(_any.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, ArithmeticError, AttributeError):
        return None


_FINISH = re.compile(rb'"(?:finishReason|finish_reason)"\s*:\s*"(\w+)"')
_BLOCKED = re.compile(rb'"(?:blockReason|block_reason)"\s*:\s*"(\w+)"')
_CALL = re.compile(rb'"(?:functionCall|function_call)"\s*:\s*\{')


def finish(data: bytes, *, called: bool = False) -> FinishReason | None:
    """Why the last candidate ended; see `ports.lens.Lens.finish`."""
    words = _FINISH.findall(data)
    if words:
        return finish_of(words[-1].decode(), called or _CALL.search(data) is not None)
    blocked = _BLOCKED.search(data)
    return FinishReason("content_filter", blocked[1].decode()) if blocked else None
