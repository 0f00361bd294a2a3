"""Streams: server-sent data without names and without a terminator; each event is a piece of a whole answer.

Texts are deltas, everything else comes whole. An answer is complete with a finishReason (or a blocked prompt) and a
clean end of the stream; what still comes in between, often a signature on an empty text, belongs to it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from interlingua.dialects.gemini.citations import CITED, METADATA, Citations
from interlingua.dialects.gemini.errors import parse_error_value
from interlingua.dialects.gemini.partial_args import GrowingArguments
from interlingua.dialects.gemini.parts import PartReader, id_luggage
from interlingua.dialects.gemini.response import blocked, finish_of, parse_envelope, parse_logprobs, parse_word
from interlingua.dialects.gemini.schema import LAST_CHOICE, SIGNATURE, ProtoFields, bad_answer, luggage
from interlingua.dialects.gemini.usage import parse_usage
from interlingua.errors import InterlinguaError, StreamInterrupted, UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.events import Event, Failed, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.opaque import Json, Opaque
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart
from interlingua.types.response import FinishReason
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields, read_plain
from interlingua.wire.sse import SSEParser

_NO_RESPONSE = WireResponse()
_pieces: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    thought: bool = False


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[_Text]
    role: str | None = None


class _Candidate(msgspec.Struct, forbid_unknown_fields=True):
    content: _Content
    index: Literal[0] = 0


class _Plain(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The piece that streams are made of: nothing but more text; one with anything else in it is read with care."""

    candidates: Annotated[list[_Candidate], msgspec.Meta(min_length=1, max_length=1)]
    usage_metadata: msgspec.Raw = msgspec.Raw(b"null")
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None


_plain = msgspec.json.Decoder(_Plain)


class _Choice:
    """One candidate while it arrives."""

    def __init__(self, index: int, context: TranslationContext) -> None:
        self.index = index
        self.finish = ""
        self.extra: dict[str, Json] = {}
        self.message_extra: dict[str, Json] = {}
        self.has_calls = False
        self._context = context
        self._reader = PartReader(context)
        self._citations = Citations()
        self._count = 0
        self._open: type[Part] | None = None
        self._place = 0
        self._sealed = False  # nothing may be appended to the open part: it is signed, or a signature followed it
        self._spoken: list[str] = []
        self._growing: GrowingArguments | None = None

    def read(self, candidate: ProtoFields, events: list[Event]) -> None:
        """Takes a piece of the candidate."""
        content = candidate.child("content")
        self.finish = parse_word(candidate) or self.finish
        logprobs = parse_logprobs(candidate.json("logprobsResult"))
        self._keep(candidate.rest())
        if content is not None:
            content.skip("role")
            for fields in content.list_of("parts"):
                self._part(fields, events)
            self.message_extra |= content.rest()
        if logprobs and self._open is TextPart:
            events.append(PartDelta(index=self._place, logprobs=logprobs, choice=self.index))

    def end(self, events: list[Event]) -> None:
        """Ends the part that is open."""
        if self._growing is not None:
            self._end_call(events)
        elif self._open is not None:
            if self._open is TextPart:
                cited = self._citations.take("".join(self._spoken))
                events += [PartDelta(index=self._place, annotation=each, choice=self.index) for each in cited]
            events.append(PartEnd(index=self._place, choice=self.index))
        self._open, self._spoken = None, []

    def _keep(self, rest: dict[str, Json]) -> None:
        if not rest:
            return
        if any(key in rest for key in METADATA):
            self._citations.add(rest)
        before, now = self.extra.get("citationMetadata"), rest.get("citationMetadata")
        self.extra |= rest
        if isinstance(before, dict) and isinstance(now, dict):
            lists = {key: [*_listed(before, key), *_listed(now, key)] for key in CITED}
            self.extra["citationMetadata"] = before | now | {key: cited for key, cited in lists.items() if cited}

    def _part(self, fields: ProtoFields, events: list[Event]) -> None:
        if fields.peek("functionCall") is not None and self._piece_of_call(fields, events):
            return
        part = self._reader.read(fields)
        if isinstance(part, TextPart | ReasoningPart):
            self._text(part, events)
        elif isinstance(part, ToolCallPart):
            self._begin(msgspec.structs.replace(part, raw="", arguments={}), events)
            events.append(PartDelta(index=self._place, text=part.raw, choice=self.index))
            self.end(events)
        elif part is not None:
            self._begin(part, events)
            self.end(events)

    def say(self, pieces: list[_Text], events: list[Event]) -> None:
        """Takes texts that nothing is attached to."""
        for piece in pieces:
            if piece.text:
                part = ReasoningPart(text=piece.text, summary=True) if piece.thought else TextPart(text=piece.text)
                self._text(part, events)

    def _text(self, part: TextPart | ReasoningPart, events: list[Event]) -> None:
        plain = not part.opaque and not part.extra
        if not part.text and self._open is TextPart:
            # Citations of the text before it may still come, so that one stays open beside the mere signature.
            self._sealed = True
            events.append(PartStart(index=self._count, part=part, choice=self.index))
            events.append(PartEnd(index=self._count, choice=self.index))
            self._count += 1
            return
        if not (plain and self._open is type(part) and not self._sealed):
            self._begin(msgspec.structs.replace(part, text=""), events)
            self._sealed = not plain
        if part.text:
            events.append(PartDelta(index=self._place, text=part.text, choice=self.index))
            if isinstance(part, TextPart):
                self._spoken.append(part.text)

    def _begin(self, part: Part, events: list[Event]) -> None:
        self.end(events)
        self._open, self._place, self._sealed = type(part), self._count, True
        self.has_calls = self.has_calls or isinstance(part, ToolCallPart)
        events.append(PartStart(index=self._count, part=part, choice=self.index))
        self._count += 1

    def _piece_of_call(self, fields: ProtoFields, events: list[Event]) -> bool:
        """Takes a call, or the next piece of one, whose arguments come in pieces; False for a whole call."""
        raw = fields.peek("functionCall")
        assert raw is not None
        call = ProtoFields(raw, bad_answer, fields.at("functionCall"))
        name, pieces, more = call.text("name"), call.list_of("partialArgs"), call.boolean("willContinue")
        if not (pieces or more) and (self._growing is None or name):
            return False
        if name or self._growing is None:
            id, signature = call.text("id"), fields.text("thoughtSignature")
            part = ToolCallPart(
                id=id or self._context.new_id("call_"),
                name=name or call.need_text("name"),
                arguments={},
                opaque=(Opaque(SIGNATURE, signature, self._context.origin),) if signature else (),
                extra=luggage(id_luggage(id)),
            )
            self._begin(part, events)
            first = call.json("args")
            self._growing = GrowingArguments(first if isinstance(first, dict) else None)
        for piece in pieces:
            self._growing.add(piece)
        if not more:
            self.end(events)
        return True

    def _end_call(self, events: list[Event]) -> None:
        if self._growing is not None:
            events.append(PartDelta(index=self._place, text=self._growing.text(), choice=self.index))
            events.append(PartEnd(index=self._place, choice=self.index))
            self._growing = None


_OPENS, _CLOSES = ("{", "["), ("}", "]")
"""How JSON begins and ends that was not cut."""


class StreamParser:
    """Turns a provider's stream into events. A stream that is one JSON array (no `alt=sse`) is understood at its end.

    Args:
        context: who answers, and where invented ids come from.
    """

    def __init__(self, context: TranslationContext) -> None:
        self._context = context
        self._sse = SSEParser()
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._counted = b""
        self._blocked = ""
        self._started = False
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        events: list[Event] = []
        try:
            for event in self._sse.feed(data):
                self._take(event.data, events)
        except UpstreamError as error:
            self._fail(error, events)
        return events

    def close(self) -> list[Event]:
        """The events that the end of the stream completes."""
        events: list[Event] = []
        tail = ""
        try:
            for event in self._sse.close():
                tail = event.data.strip()
                self._take(tail, events)
            complete = self._complete()
        except UpstreamError as error:
            complete = False  # the end is not clean: an event was cut in two, or it never was this format
            if not self._started and not (tail[:1] in _OPENS and tail[-1:] not in _CLOSES):
                self._fail(error, events)
        if self._over:
            return events
        if not complete:
            came = "before the answer was whole" if self._started else "before anything came"
            self._fail(StreamInterrupted(f"the stream ended {came}", **self._who()), events)
            return events
        self._over = True
        for choice in self._choices.values():
            choice.end(events)
        for index, choice in sorted(self._choices.items()):
            finish = finish_of(choice.finish, choice.has_calls) if choice.finish else self._block_finish()
            events.append(
                MessageEnd(
                    finish=finish,
                    choice=index,
                    extra=luggage(choice.extra),
                    message_extra=luggage(choice.message_extra),
                )
            )
        if not self._choices:
            events.append(MessageEnd(finish=self._block_finish()))
        return events

    def _complete(self) -> bool:
        if self._blocked:
            return True
        return bool(self._choices) and all(choice.finish for choice in self._choices.values())

    def _block_finish(self) -> FinishReason:
        return blocked(self._blocked, self._context).finish

    def _who(self) -> Any:
        return {"provider": self._context.provider or None, "model": self._context.model or None}

    def _fail(self, error: InterlinguaError, events: list[Event]) -> None:
        if not self._over:
            self._over = True
            events.append(Failed.of(error))

    def _take(self, data: str, events: list[Event]) -> None:
        text = data.strip()
        if self._over or not text or text == "[DONE]":
            return
        if text[0] != "[":
            self._chunk(text, events)
            return
        try:
            pieces = _pieces.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise bad_answer("", str(error)) from error
        for piece in pieces:
            if not self._over:
                self._chunk(piece, events)

    def _chunk(self, source: str | msgspec.Raw | bytes, events: list[Event]) -> None:
        if self._context.quirk.chunk is None:
            if (plain := read_plain(_plain, source)) is not None and self._said(plain, events):
                return
        else:
            source = msgspec.json.encode(self._context.quirk.chunk(Fields(source, bad_answer).rest()))
        body = ProtoFields(source, bad_answer)
        if body.peek("error") is not None:
            self._fail(parse_error_value({"error": body.json("error")}, _NO_RESPONSE, self._context), events)
            return
        envelope = parse_envelope(body)
        if not self._started:
            self._started = True
            events.append(
                MessageStart(
                    id=envelope.id or self._context.new_id("response-"),
                    model=envelope.model or self._context.model,
                    created=envelope.created,
                    service_tier=envelope.service_tier,
                    origin=self._context.origin,
                    extra=luggage(envelope.extra),
                )
            )
        self._blocked = envelope.block_reason or self._blocked
        for candidate in envelope.candidates:
            index = candidate.integer("index", least=0, most=LAST_CHOICE) or 0
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice(index, self._context)
            choice.read(candidate, events)
        self._count(envelope.usage, events)

    def _said(self, plain: _Plain, events: list[Event]) -> bool:
        """Takes a piece that is nothing but more text; False where it does more than go on."""
        choice = self._choices.get(0)
        if choice is None:
            return False
        counted, usage = bytes(plain.usage_metadata), self._usage
        if counted != self._counted:
            self._counted, usage = counted, parse_usage(_usage(counted))
        choice.say(plain.candidates[0].content.parts, events)
        self._count(usage, events)
        return True

    def _count(self, usage: Usage | None, events: list[Event]) -> None:
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(UsageUpdate(usage=usage))


def _usage(source: bytes) -> Json:
    try:
        return msgspec.json.decode(source)
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_answer("usageMetadata", str(error)) from error


def _listed(found: dict[str, Json], key: str) -> list[Json]:
    value = found.get(key)
    return value if isinstance(value, list) else []
