"""Whole answers. A prompt that was blocked is an answer without candidates: one choice that a filter ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from interlingua.dialects.gemini.citations import annotate, render_citations
from interlingua.dialects.gemini.errors import parse_error_value
from interlingua.dialects.gemini.parts import PartReader, render_part
from interlingua.dialects.gemini.plain import PlainCandidate, PlainResponse, read_response
from interlingua.dialects.gemini.schema import (
    FINISH_KINDS,
    FINISH_WORDS,
    FINISH_WORDS_BY_NUMBER,
    LAST_CHOICE,
    ProtoFields,
    bad_answer,
    camel,
    checked,
    luggage,
    own,
)
from interlingua.dialects.gemini.usage import parse_usage, render_usage
from interlingua.errors import UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

JSON_HEADERS = (("content-type", "application/json"),)
_LAST_SECOND = 253_402_300_799
"""Of the year 9999; a host's time may be any number."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds the candidates of an answer, whole or a piece of it."""

    id: str
    model: str
    created: int | None
    service_tier: str | None
    usage: Usage | None
    block_reason: str | None
    candidates: list[ProtoFields]
    extra: dict[str, Json]


def parse_envelope(body: ProtoFields) -> Envelope:
    """Reads an answer down to its candidates."""
    raw_usage, feedback = body.json("usageMetadata"), body.json("promptFeedback")
    usage = parse_usage(raw_usage)
    uncounted = _uncounted(raw_usage) if usage is None else {}
    tier = raw_usage.get("serviceTier") if isinstance(raw_usage, dict) else None
    reason = None
    if isinstance(feedback, dict):
        feedback = {camel(key): value for key, value in feedback.items()}
        reason = feedback.get("blockReason")
    return Envelope(
        id=body.text("responseId") or "",
        model=body.text("modelVersion") or "",
        created=_parse_time(body.text("createTime")),
        service_tier=tier if isinstance(tier, str) else None,
        usage=usage,
        block_reason=reason if isinstance(reason, str) else None,
        candidates=body.list_of("candidates"),
        extra=body.rest() | uncounted | ({"promptFeedback": feedback} if feedback else {}),
    )


def _uncounted(raw: Json) -> dict[str, Json]:
    """Metadata about usage that counts nothing, such as how the traffic was billed, as luggage."""
    left = {key: value for key, value in raw.items() if key != "serviceTier"} if isinstance(raw, dict) else {}
    return {"usageMetadata": left} if left else {}


def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
    """What a provider answered.

    Raises:
        UpstreamError: it is not this dialect, or it holds no answer at all.
        InterlinguaError: the error that a 200 hides.
    """
    source = checked(response.body, bad_answer)
    if context.quirk.response is None and (plain := read_response(source)) is not None:
        usage = parse_usage(plain.usage_metadata)
        if usage is not None:
            return _parse_plain(plain, usage, context)
    if context.quirk.response is not None:
        source = msgspec.json.encode(context.quirk.response(Fields(source, bad_answer).rest()))
    body = ProtoFields(source, bad_answer)
    if body.peek("error") is not None:
        raise parse_error_value({"error": body.json("error")}, response, context)
    envelope = parse_envelope(body)
    if not envelope.candidates and envelope.block_reason is None:
        raise UpstreamError("the provider's answer holds no candidates", provider=context.provider or None)
    id = envelope.id or context.new_id("response-")
    choices = _numbered([_parse_candidate(fields, i, context) for i, fields in enumerate(envelope.candidates)])
    return ChatResponse(
        id=id,
        model=envelope.model or context.model,
        created=envelope.created,
        service_tier=envelope.service_tier,
        usage=envelope.usage,
        choices=choices or (blocked(envelope.block_reason or "", context),),
        extra=luggage(envelope.extra),
    )


def _numbered(choices: list[Choice]) -> tuple[Choice, ...]:
    if len({choice.index for choice in choices}) < len(choices):  # numbered alike, or some not at all
        return tuple(msgspec.structs.replace(choice, index=i) for i, choice in enumerate(choices))
    return tuple(choices)


def _parse_plain(plain: PlainResponse, usage: Usage, context: TranslationContext) -> ChatResponse:
    tier = plain.usage_metadata.get("serviceTier")
    return ChatResponse(
        id=plain.response_id or context.new_id("response-"),
        model=plain.model_version or context.model,
        created=_parse_time(plain.create_time),
        service_tier=tier if isinstance(tier, str) else None,
        usage=usage,
        choices=_numbered([_plain_choice(candidate, i, context) for i, candidate in enumerate(plain.candidates)]),
    )


def _plain_choice(plain: PlainCandidate, place: int, context: TranslationContext) -> Choice:
    parts = plain.parts(context)
    return Choice(
        index=place if plain.index is None else plain.index,
        message=Message(role="assistant", parts=parts, origin=context.origin),
        finish=finish_of(plain.finish_reason, any(isinstance(part, ToolCallPart) for part in parts)),
        extra=plain.extra(),
    )


def parse_word(candidate: ProtoFields) -> str:
    """The finishReason of a candidate; a number, as proto3 JSON may have it, by its name where all agree on that."""
    if candidate.kind("finishReason") != "number":
        return candidate.text("finishReason") or ""
    number = candidate.integer("finishReason", least=0) or 0
    return FINISH_WORDS_BY_NUMBER[number] if number < len(FINISH_WORDS_BY_NUMBER) else str(number)


def blocked(reason: str, context: TranslationContext) -> Choice:
    """The choice that stands for a prompt which was blocked."""
    message = Message(role="assistant", origin=context.origin)
    return Choice(message=message, finish=FinishReason("content_filter", reason))


def finish_of(word: str, has_calls: bool) -> FinishReason:
    """Why a candidate ended; calls of tools end with STOP here."""
    kind = FINISH_KINDS.get(word, "error")
    return FinishReason("tool_call" if kind == "stop" and has_calls else kind, word)


def _parse_candidate(fields: ProtoFields, place: int, context: TranslationContext) -> Choice:
    index = fields.integer("index", least=0, most=LAST_CHOICE)
    content = fields.child("content")
    parts: tuple[Part, ...] = ()
    left: dict[str, Json] = {}
    if content is not None:
        content.skip("role")
        reader = PartReader(context)
        parts = tuple(part for part in map(reader.read, content.list_of("parts")) if part is not None)
        left = content.rest()
    finish = parse_word(fields) or FINISH_WORDS_BY_NUMBER[0]
    logprobs = parse_logprobs(fields.json("logprobsResult"))
    extra = fields.rest()
    return Choice(
        index=place if index is None else index,
        message=Message(role="assistant", parts=annotate(parts, extra), origin=context.origin, extra=luggage(left)),
        finish=finish_of(finish, any(isinstance(part, ToolCallPart) for part in parts)),
        logprobs=logprobs,
        extra=luggage(extra),
    )


def parse_logprobs(value: Json) -> tuple[TokenLogprob, ...]:
    """The token probabilities of a logprobsResult; a probability of 1 is left out on the wire."""
    if not isinstance(value, dict):
        return ()
    chosen, tops = value.get("chosenCandidates"), value.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    found = []
    for i, item in enumerate(chosen if isinstance(chosen, list) else []):
        top = tops[i].get("candidates") if i < len(tops) and isinstance(tops[i], dict) else None
        others = tuple(_parse_token(other) for other in top if isinstance(other, dict)) if isinstance(top, list) else ()
        if isinstance(item, dict):
            found.append(msgspec.structs.replace(_parse_token(item), top=others))
    return tuple(found)


def _parse_token(item: dict[str, Json]) -> TokenLogprob:
    value = item.get("logProbability")
    logprob = float(value) if isinstance(value, int | float) else 0.0
    rest = {key: value for key, value in item.items() if key not in ("token", "logProbability")}
    return TokenLogprob(str(item.get("token", "")), logprob, extra=luggage(rest))


def render_logprobs(logprobs: tuple[TokenLogprob, ...]) -> dict[str, Any]:
    """The logprobsResult of tokens; empty where there are none."""
    if not logprobs:
        return {}
    result: dict[str, Any] = {"chosenCandidates": [_render_token(token) for token in logprobs]}
    if any(token.top for token in logprobs):
        result["topCandidates"] = [{"candidates": [_render_token(other) for other in token.top]} for token in logprobs]
    return {"logprobsResult": result}


def _render_token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logProbability": token.logprob, **own(token.extra)}


def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
    """What a client gets."""
    body: dict[str, Any] = {}
    if not is_block(response.choices, own(response.extra)):
        body["candidates"] = [_render_choice(choice, context) for choice in response.choices]
    usage = render_usage(response.usage, response.service_tier)
    if response.usage is None:
        usage = (own(response.extra).get("usageMetadata") or {}) | usage
    if usage:
        body["usageMetadata"] = usage
    body |= render_head(response.id, response.model, response.created)
    body |= {key: value for key, value in own(response.extra).items() if key not in body}
    return WireResponse(status=200, body=msgspec.json.encode(body), headers=JSON_HEADERS)


def is_block(choices: tuple[Choice, ...], extra: dict[str, Json]) -> bool:
    """Whether an answer is a blocked prompt of this dialect, which has no candidates."""
    feedback = extra.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return len(choices) == 1 and not choices[0].message.parts and choices[0].finish.raw == reason


def render_head(id: str, model: str, created: int | None) -> dict[str, Any]:
    """The fields that every answer and every piece of one has."""
    head: dict[str, Any] = {"modelVersion": model, "responseId": id}
    if created is not None:
        moment = datetime.fromtimestamp(min(max(created, 0), _LAST_SECOND), UTC)
        head["createTime"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return head


def finish_word(finish: FinishReason) -> str:
    """The word of this dialect for why an answer ended; its own word where it says the same."""
    return finish.raw if FINISH_KINDS.get(finish.raw) == finish.kind else FINISH_WORDS[finish.kind]


def _render_choice(choice: Choice, context: TranslationContext) -> dict[str, Any]:
    message = choice.message
    wires = [
        render_reply_part(part, f"choices[{choice.index}].message.parts[{j}]", context)
        for j, part in enumerate(message.parts)
    ]
    parts = [wire for wire in wires if wire is not None]
    content: dict[str, Any] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    texts = ((part.text, part.annotations) for part in message.parts if isinstance(part, TextPart))
    candidate: dict[str, Any] = {
        "content": content | own(message.extra),
        "finishReason": finish_word(choice.finish),
        "index": choice.index,
        **render_logprobs(choice.logprobs),
    }
    return candidate | render_citations(texts) | own(choice.extra)


def render_reply_part(part: Part, where: str, context: TranslationContext) -> dict[str, Any] | None:
    """A part of an answer; tool calls show their id, for the client's results are to carry it."""
    wire = render_part(part, where, context, "setting")
    if wire is not None and isinstance(part, ToolCallPart) and "id" not in wire["functionCall"]:
        wire["functionCall"] = {"id": part.id, **wire["functionCall"]}
    return wire


def _parse_time(text: str | None) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
