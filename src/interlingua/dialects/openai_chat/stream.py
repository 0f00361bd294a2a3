"""A provider's event stream, read: chunks to events.

Strategy: a choice has at most one open part that is said (text, thinking, refusal) and any number of open tool
calls. A part that is said ends when the next part begins. A tool call ends then too if its arguments are whole JSON;
else it stays open, because some hosts interleave the fragments of several calls. What must come last is held:
reasoning details until their part ends, spoken audio until its choice ends, `MessageEnd` until the stream ends, since
usage follows the finish_reason. `[DONE]` is neither needed nor enough; a finish_reason for every choice is both.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import msgspec

from interlingua.dialects.openai_chat.errors import error_of
from interlingua.dialects.openai_chat.growing_call import GrowingCall
from interlingua.dialects.openai_chat.messages import parse_annotation
from interlingua.dialects.openai_chat.reasoning import details_text, merge_details, only_summaries
from interlingua.dialects.openai_chat.response import finish_of, parse_logprobs
from interlingua.dialects.openai_chat.schema import (
    DETAILS,
    ID,
    LAST_CHOICE,
    MESSAGE_STATE,
    NOISE,
    SIGNATURE,
    luggage,
    merge,
)
from interlingua.dialects.openai_chat.think_tags import ThinkTags
from interlingua.dialects.openai_chat.tools import LEGACY
from interlingua.dialects.openai_chat.usage import parse_usage
from interlingua.errors import InterlinguaError, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Json, Opaque
from interlingua.types.parts import (
    BlobPart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    UriPart,
    tool_call,
)
from interlingua.types.response import TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.data_url import parse_data_url
from interlingua.wire.fields import read_plain
from interlingua.wire.sse import SSEParser

Body = dict[str, Any]
Spoken = Literal["text", "reasoning", "refusal"]

DONE = "[DONE]"
LATE = "chunk"
"""Key of a choice's luggage under which fields of the whole answer stand that came after its beginning."""

_CHUNK = ("id", "object", "created", "model", "choices", "usage", "service_tier", *NOISE)
_CHOICE = ("index", "delta", "message", "finish_reason", "finishReason", "logprobs", "text", "usage")
_DELTA = (
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "annotations",
    "audio",
    "images",
    "token_id",
    *MESSAGE_STATE,
)
_CALL = ("index", "id", "type", "function", "custom", *MESSAGE_STATE)
_THOUGHTS = ("reasoning", "reasoning_content")
_decode = msgspec.json.Decoder().decode


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    refusal: None = None
    tool_calls: None = None


class _PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    delta: _Said
    index: int = 0
    finish_reason: None = None
    logprobs: None = None


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """The chunk that streams are made of: nothing but more text; one with anything else in it is read with care."""

    choices: Annotated[list[_PlainChoice], msgspec.Meta(min_length=1, max_length=1)]
    id: str | None = None
    object: str | None = None
    created: float | None = None
    model: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    obfuscation: str | None = None
    usage: None = None


_plain = msgspec.json.Decoder(_Plain)


class _Choice:
    """One choice's parts and luggage."""

    def __init__(self, index: int, context: TranslationContext, events: list[Event]) -> None:
        self.index = index
        self.word = ""
        self.stop: str | None = None
        self.extra: Body = {}
        self.message_extra: Body = {}
        self._context = context
        self._events = events
        self._kinds: list[Part] = []
        self._open: tuple[Spoken, int] | None = None
        self._worded = False  # whether thinking has a field of its own; then details only repeat it
        self._details: list[Json] = []
        self._open_calls: dict[int, GrowingCall] = {}  # by index of the part
        self._grown: dict[int, GrowingCall] = {}  # those of them that grew since the latest part began
        self._latest: dict[str, GrowingCall] = {}  # by the index that the fragments name
        self._by_id: dict[str, GrowingCall] = {}
        self._last: GrowingCall | None = None
        self._audio: Body = {}
        self._sound: list[str] = []
        self._logprobs: tuple[TokenLogprob, ...] = ()
        self._tags = ThinkTags() if context.host.think_tags else None

    def take(self, choice: Body) -> None:
        """Reads one chunk's part of this choice."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")} if "text" in choice else {}
        if choice.get("logprobs"):
            logprobs, left = parse_logprobs(choice["logprobs"])
            self._logprobs += logprobs
            if left:
                self.extra = merge(self.extra, {"logprobs": left})
        self._think(delta)
        self._say(delta)
        for call in _list(delta.get("tool_calls")):
            if isinstance(call, dict):
                self._call(call)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict) and any(legacy.values()):
            self._call({"index": LEGACY, "function": legacy})
        for image in _list(delta.get("images")):
            self._whole(_image(image))
        if isinstance(delta.get("audio"), dict):
            self._hear(delta["audio"])
        self._keep(choice, delta)
        word = choice.get("finish_reason") or choice.get("finishReason")
        if isinstance(word, str):
            self.word = word
            self.finish()

    def go_on(self, said: _Said) -> None:
        """Reads a delta that is nothing but more text."""
        if said.reasoning_content:
            self._worded = True
            self._speak("reasoning", said.reasoning_content)
        if said.content is not None:
            self._content(said.content)

    def _keep(self, choice: Body, delta: Body) -> None:
        for key, value in choice.items():
            if value is None or key in _CHOICE:
                continue
            if key == "stop_reason" and isinstance(value, str):
                self.stop = value
            else:
                self.extra[key] = merge(self.extra[key], value) if key in self.extra else value
        for key, value in delta.items():
            if value is not None and key not in _DELTA and not (key == "name" and value == ""):
                kept = self.message_extra
                kept[key] = merge(kept[key], value) if key in kept else value

    def _think(self, delta: Body) -> None:
        details = delta.get("reasoning_details")
        said = next((said for key in _THOUGHTS if isinstance(said := delta.get(key), str) and said), "")
        self._worded = self._worded or bool(said)
        if isinstance(details, list) and details:
            self._speak("reasoning", said if self._worded else details_text(details), summary=only_summaries(details))
            self._details.extend(details)
        elif said:
            self._speak("reasoning", said)
        for key in MESSAGE_STATE:
            if delta.get(key) is not None:
                data = msgspec.json.encode(delta[key]).decode()
                self._attach(Opaque(f"{ID}.{key}", data, self._context.origin))

    def _attach(self, opaque: Opaque) -> None:
        index = self._speak("reasoning", "")
        self._events.append(PartDelta(index=index, opaque=opaque, choice=self.index))

    def _say(self, delta: Body) -> None:
        content = delta.get("content")
        if isinstance(content, str):
            self._content(content)
        elif isinstance(content, list):
            for piece in content:
                self._piece(piece)
        elif isinstance(content, dict):
            self._content(msgspec.json.encode(content).decode())
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._speak("refusal", refusal)
        for raw in _list(delta.get("annotations")):
            index = self._speak("text", "")
            if isinstance(raw, dict):
                raw = {key: value for key, value in raw.items() if key != "index"}  # its place in the stream
            self._events.append(PartDelta(index=index, annotation=parse_annotation(raw), choice=self.index))

    def _content(self, text: str) -> None:
        if self._tags is None:
            if text:
                self._speak("text", text)
            return
        for kind, said in self._tags.feed(text):
            self._speak(kind, said)

    def _piece(self, piece: Json) -> None:
        """One member of a content array."""
        if isinstance(piece, str):
            self._content(piece)
        elif not isinstance(piece, dict):
            return
        elif piece.get("type") == "text":
            self._content(str(piece.get("text") or ""))
        elif piece.get("type") == "thinking":
            said = piece.get("thinking")
            if isinstance(said, list):
                said = "".join(str(one.get("text") or "") for one in said if isinstance(one, dict))
            if isinstance(said, str) and said:
                self._speak("reasoning", said)
            if piece.get("signature"):
                self._attach(Opaque(SIGNATURE, str(piece["signature"]), self._context.origin))
        else:
            raw = msgspec.json.encode(piece).decode()
            self._whole(OpaquePart(dialect=ID, kind=str(piece.get("type") or ""), raw=raw))

    def _speak(self, kind: Spoken, text: str, *, summary: bool = False) -> int:
        """Says `text` in the open part of that kind, beginning one if need be; gives its index."""
        if self._open is None or self._open[0] != kind:
            part: Part
            if kind == "reasoning":
                part = ReasoningPart(summary=summary)
            else:
                part = TextPart(text="") if kind == "text" else RefusalPart(text="")
            self._open = (kind, self._begin(part))
        index = self._open[1]
        logprobs: tuple[TokenLogprob, ...] = ()
        if kind != "reasoning":
            logprobs, self._logprobs = self._logprobs, ()
        if text or logprobs:
            self._events.append(PartDelta(index=index, text=text, logprobs=logprobs, choice=self.index))
        return index

    def _begin(self, part: Part) -> int:
        self._close_spoken()
        for call in self._grown.values():
            if not call.done and call.whole():
                self._end_call(call)
        self._grown.clear()
        self._kinds.append(part)
        index = len(self._kinds) - 1
        self._events.append(PartStart(index=index, part=part, choice=self.index))
        return index

    def _whole(self, part: Part | None) -> None:
        if part is not None:
            self._events.append(PartEnd(index=self._begin(part), choice=self.index))

    def _close_spoken(self) -> None:
        if self._open is None:
            return
        kind, index = self._open
        if kind == "reasoning" and self._details:
            data = msgspec.json.encode(merge_details(self._details)).decode()
            self._details = []
            opaque = Opaque(DETAILS, data, self._context.origin)
            self._events.append(PartDelta(index=index, opaque=opaque, choice=self.index))
        self._events.append(PartEnd(index=index, choice=self.index))
        self._open = None

    def _call(self, raw: Body) -> None:
        """One fragment of a tool call."""
        inner = raw.get("function")
        custom = raw.get("type") == "custom" or (inner is None and isinstance(raw.get("custom"), dict))
        inner = raw.get("custom") if custom else inner
        inner = inner if isinstance(inner, dict) else {}
        given, name = raw.get("id"), inner.get("name")
        call_id, named = given if isinstance(given, str) else "", isinstance(name, str) and bool(name)
        call = self._find(raw.get("index"), call_id, named)
        if call is None:
            index = raw.get("index")
            more = {key: value for key, value in raw.items() if value is not None and key not in _CALL}
            part = tool_call(
                call_id or self._context.new_id("call_"),
                name if isinstance(name, str) else "",
                custom=custom,
                extra={ID: {LEGACY: True}} if index == LEGACY else luggage(more),
            )
            call = GrowingCall(call_id, self._begin(part), custom)
            self._open_calls[call.index] = call
            self._latest[str(index)] = call
            self._by_id.setdefault(call_id, call)
        self._last = call
        for key in MESSAGE_STATE:
            if raw.get(key) is not None:
                data = msgspec.json.encode(raw[key]).decode()
                opaque = Opaque(f"{ID}.{key}", data, self._context.origin)
                if call.done:  # the message keeps what comes too late for the call
                    self._attach(opaque)
                else:
                    self._events.append(PartDelta(index=call.index, opaque=opaque, choice=self.index))
        piece = inner.get("input" if custom else "arguments")
        if piece is not None and not isinstance(piece, str):
            piece = msgspec.json.encode(piece).decode()
        if not piece:
            return
        if call.done:
            if piece.strip():
                raise UpstreamError("the stream goes on with a tool call whose arguments were whole")
            return
        call.pieces.append(piece)
        self._grown[call.index] = call
        self._events.append(PartDelta(index=call.index, text=piece, choice=self.index))

    def _find(self, index: Json, call_id: str, named: bool) -> GrowingCall | None:
        """The call that a fragment continues; None where it begins one.

        The index tells, unless a new id with a name does (hosts that number every call 0); without an index the id,
        and without either the last call goes on.
        """
        if index is None:
            if not call_id:
                return None if named else self._last
            return self._by_id.get(call_id)
        call = self._latest.get(str(index))
        if call is not None and named and call_id and call.id and call.id != call_id:
            return None
        return call

    def _end_call(self, call: GrowingCall) -> None:
        call.done = True
        del self._open_calls[call.index]
        self._events.append(PartEnd(index=call.index, choice=self.index))

    def _hear(self, audio: Body) -> None:
        for key, value in audio.items():
            if key == "data" and isinstance(value, str):
                self._sound.append(value)
            elif key == "transcript" and isinstance(value, str):
                self._audio[key] = self._audio.get(key, "") + value
            elif value is not None:
                self._audio[key] = value

    def finish(self) -> None:
        """Ends every part."""
        if self._tags is not None:
            for kind, said in self._tags.close():
                self._speak(kind, said)
        if self._logprobs and self._open is not None and self._open[0] != "reasoning":
            self._speak(self._open[0], "")
        self._close_spoken()
        if any(self._sound) or self._audio.get("id"):
            extra = luggage(self._audio)
            self._whole(BlobPart(modality="audio", mime_type="", content=_joined(self._sound), extra=extra))
            self._sound, self._audio = [], {}
        for call in list(self._open_calls.values()):
            self._end_call(call)

    def end(self) -> MessageEnd:
        """The event that ends this choice."""
        return MessageEnd(
            finish=finish_of(self.word, self._kinds, self.stop),
            choice=self.index,
            extra=luggage(self.extra),
            message_extra=luggage(self.message_extra),
        )


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _joined(pieces: list[str]) -> str:
    """One base64 text of several; those that end in padding cannot simply be put together."""
    if not any(piece.endswith("=") for piece in pieces[:-1]):
        return "".join(pieces)
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except ValueError:
        return "".join(pieces)


def _image(raw: Json) -> Part | None:
    address = raw.get("image_url") if isinstance(raw, dict) else None
    url = address.get("url") if isinstance(address, dict) else address
    if not isinstance(url, str):
        return None
    data = parse_data_url(url)
    if data is None:
        return UriPart(modality="image", uri=url)
    return BlobPart(modality="image", mime_type=data[0], content=data[1])


class StreamParser:
    """Turns a provider's byte stream into events; see the head of this file."""

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._sse = SSEParser()
        self._events: list[Event] = []
        self._choices: dict[int, _Choice] = {}
        self._head: Body = {}
        self._extra: Body = {}
        self._late: Body = {}
        self._started = False
        self._over = False
        self._usage: Usage | None = None
        self._told: Usage | None = None

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
                self._finish()
            except InterlinguaError as error:
                self._fail(error)
        return self._drain()

    def _drain(self) -> list[Event]:
        drained = list(self._events)
        self._events.clear()
        return drained

    def _fail(self, error: InterlinguaError) -> None:
        if not self._over:
            error.provider = error.provider or self._context.provider or None
            error.model = error.model or self._context.model or None
            self._events.append(Failed.of(error))
            self._over = True

    def _take(self, data: str, *, last: bool = False) -> None:
        if self._over:
            return
        said = data.strip()
        if said == DONE:
            self._finish()
        if said in ("", DONE):  # some hosts keep the connection alive by events without data
            return
        if self._started and self._context.quirk.chunk is None and self._goes_on(data):
            return
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            if last:
                raise StreamInterrupted("the stream ended in the middle of an event") from error
            raise UpstreamError(f"the stream holds something that is not JSON: {data[:200]!r}") from error
        if self._context.quirk.chunk is not None and isinstance(chunk, dict):
            chunk = self._context.quirk.chunk(chunk)
        if not isinstance(chunk, dict) or chunk.get("error"):
            raise error_of(chunk, 200, None, self._context)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if "choices" not in chunk and not chunk.get("id") and ("message" in chunk or "detail" in chunk):
                raise error_of(chunk, 200, None, self._context)
            choices = []
        self._keep(chunk)
        for place, choice in enumerate(choices):
            if isinstance(choice, dict):
                self._choice(choice, place)
        self._count(chunk, choices)

    def _goes_on(self, data: str) -> bool:
        """Reads a chunk that is nothing but more text of a choice, the quick way; False for any other."""
        plain = read_plain(_plain, data)
        if plain is None:
            return False
        choice = self._choices.get(plain.choices[0].index)
        mark = plain.system_fingerprint
        if choice is None or (mark is not None and mark != self._extra.get("system_fingerprint")):
            return False
        choice.go_on(plain.choices[0].delta)
        return True

    def _keep(self, chunk: Body) -> None:
        """Keeps what the chunk says about the whole answer."""
        for key in ("id", "model", "created", "service_tier"):
            if chunk.get(key) is not None and not self._head.get(key):
                self._head[key] = chunk[key]
                if self._started and key == "service_tier":
                    self._late[key] = chunk[key]
        for key, value in chunk.items():
            if value is None or key in _CHUNK:
                continue
            if not self._started:
                self._extra[key] = merge(self._extra[key], value) if key in self._extra else value
            elif self._extra.get(key) != value:
                self._late[key] = merge(self._late[key], value) if key in self._late else value

    def _choice(self, raw: Body, place: int) -> None:
        if not self._started:
            self._start()
        given = raw.get("index")
        index = given if type(given) is int else place  # a boolean counts as an int
        if not 0 <= index <= LAST_CHOICE:
            raise UpstreamError(f"the stream holds a choice of index {index}")
        if index not in self._choices:
            self._choices[index] = _Choice(index, self._context, self._events)
        self._choices[index].take(raw)

    def _start(self) -> None:
        self._started = True
        created = self._head.get("created")
        tier = self._head.get("service_tier")
        self._events.append(
            MessageStart(
                id=str(self._head.get("id") or ""),
                model=str(self._head.get("model") or ""),
                created=int(created) if isinstance(created, int | float) else None,
                service_tier=tier if isinstance(tier, str) else None,
                origin=self._context.origin,
                extra=luggage(self._extra),
            )
        )

    def _count(self, chunk: Body, choices: list[Json]) -> None:
        """Takes usage from wherever hosts put it: the chunk, Groq's own member, or the choice."""
        groq = chunk.get("x_groq")
        found = [chunk.get("usage"), groq.get("usage") if isinstance(groq, dict) else None]
        found += [choice.get("usage") for choice in choices if isinstance(choice, dict)]
        usage = next((usage for raw in found if (usage := parse_usage(raw)) is not None), None)
        self._usage = usage or self._usage
        if self._started and self._usage is not None and self._usage != self._told:
            self._told = self._usage
            self._events.append(UsageUpdate(usage=self._usage))

    def _finish(self) -> None:
        """Ends the answer: well where every choice gave its reason, else as interrupted."""
        if self._over:
            return
        silent = [choice.index for choice in self._choices.values() if not choice.word]
        if silent or not self._choices:
            where = f"choice {silent[0]} has no finish_reason" if silent else "it held no choice"
            raise StreamInterrupted(f"the stream ended before the answer did: {where}")
        self._over = True
        for choice in self._choices.values():
            choice.finish()
        first = self._choices[min(self._choices)]
        if self._late:
            first.extra = merge(first.extra, {LATE: self._late})
        for index in sorted(self._choices):
            self._events.append(self._choices[index].end())
