"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_chat.errors import error_of
from interlingua.dialects.openai_chat.messages import parse_answer, render_annotation
from interlingua.dialects.openai_chat.plain import PlainChoice, PlainResponse, read_response
from interlingua.dialects.openai_chat.reasoning import joined_details, render_state
from interlingua.dialects.openai_chat.schema import (
    DETAILS,
    FINISH_KINDS,
    FINISH_WORDS,
    ID,
    LAST_CHOICE,
    NOISE,
    OFFICIAL,
    as_raw,
    bad_answer,
    checked,
    lose_opaque,
    luggage,
    put_back,
    text_or,
)
from interlingua.dialects.openai_chat.think_tags import untagged
from interlingua.dialects.openai_chat.tools import CALL, LEGACY, render_call
from interlingua.dialects.openai_chat.usage import parse_usage, render_usage
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import (
    BlobPart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    UriPart,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.wire.data_url import render_data_url
from interlingua.wire.fields import Fields

Body = dict[str, Any]

_TOKEN = ("token", "logprob", "bytes", "top_logprobs")


def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
    """What a provider answered with a 2xx.

    Raises:
        UpstreamError: it is no chat completion.
        InterlinguaError: the error that stands inside it.
    """
    source = response.body
    careful = context.host.think_tags or context.quirk.response is not None
    if not careful and (plain := read_response(source)) is not None:
        return _parse_plain(plain, context)
    if context.quirk.response is not None:
        decoded = _decode(source)
        source = msgspec.json.encode(context.quirk.response(decoded)) if isinstance(decoded, dict) else source
    fields = Fields(checked(source, bad_answer), bad_answer)
    if fields.kind("error") in ("object", "string", "array") or not fields.has("choices"):
        raise error_of(_decode(source), response.status, response, context)
    choices = _numbered([_parse_choice(child, i, context) for i, child in enumerate(fields.children("choices"))])
    if not choices:
        raise fields.error("choices", "there are none")
    fields.skip("object", *NOISE)
    usage = fields.json("usage")
    created = fields.number("created") if fields.kind("created") == "number" else None
    return ChatResponse(
        id=text_or(fields, "id"),
        model=text_or(fields, "model"),
        created=None if created is None else int(created),
        service_tier=text_or(fields, "service_tier") or None,
        usage=parse_usage(usage),
        choices=choices,
        extra=luggage(_named(fields, "id", "model", "service_tier")),
    )


def _numbered(choices: list[Choice]) -> tuple[Choice, ...]:
    if len({choice.index for choice in choices}) < len(choices):  # a host that gives several the same number
        return tuple(msgspec.structs.replace(choice, index=i) for i, choice in enumerate(choices))
    return tuple(choices)


def _parse_plain(plain: PlainResponse, context: TranslationContext) -> ChatResponse:
    mark = plain.system_fingerprint
    return ChatResponse(
        id=plain.id,
        model=plain.model,
        created=plain.created,
        service_tier=plain.service_tier or None,
        usage=parse_usage(plain.usage),
        choices=_numbered([_plain_choice(choice, i, context) for i, choice in enumerate(plain.choices)]),
        extra={} if mark is None else luggage({"system_fingerprint": mark}),
    )


def _plain_choice(plain: PlainChoice, place: int, context: TranslationContext) -> Choice:
    parts = plain.message.parts()
    return Choice(
        index=place if plain.index is None else plain.index,
        message=Message(role="assistant", parts=parts, origin=context.origin),
        finish=finish_of(plain.finish_reason or "", parts),
    )


def _decode(source: bytes) -> Json:
    try:
        return msgspec.json.decode(source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return source.decode("utf-8", "replace")


def _named(fields: Fields, *empty: str) -> Body:
    """The rest, without fields that were there but empty."""
    return {key: value for key, value in fields.rest().items() if not (key in empty and value == "")}


def _parse_choice(fields: Fields, place: int, context: TranslationContext) -> Choice:
    index = fields.integer("index", least=0, most=LAST_CHOICE) if fields.kind("index") == "number" else None
    child = fields.child("message")
    if child is None:
        raise fields.error("message", "required")
    child.skip("role")
    parts = parse_answer(child, bad_answer, context)
    if context.host.think_tags:
        parts = untagged(parts)
    fields.skip("delta")  # one host repeats the message as an empty delta
    word = text_or(fields, "finish_reason") or text_or(fields, "finishReason")
    fields.skip("finish_reason", "finishReason")
    stop = fields.text("stop_reason") if fields.kind("stop_reason") == "string" else None
    logprobs, left = parse_logprobs(fields.json("logprobs"))
    rest = fields.rest()
    return Choice(
        index=place if index is None else index,
        message=Message(
            role="assistant", parts=tuple(parts), origin=context.origin, extra=luggage(_named(child, "name"))
        ),
        finish=finish_of(word, parts, stop),
        logprobs=logprobs,
        extra=luggage({**rest, **({"logprobs": left} if left else {})}),
    )


def finish_of(word: str, parts: list[Part] | tuple[Part, ...], stop: str | None = None) -> FinishReason:
    """Why a choice ended: the word counts less than what was said.

    Args:
        word: finish_reason; empty where there is none.
        parts: what the choice holds.
        stop: the stop string that was met, where the host says it.
    """
    kind = FINISH_KINDS.get(word, "stop")
    if kind == "stop":
        if any(isinstance(part, ToolCallPart) for part in parts):
            kind = "tool_call"
        elif any(isinstance(part, RefusalPart) for part in parts):
            kind = "refusal"
        elif stop:
            return FinishReason("stop_sequence", word, stop)
    return FinishReason(kind, word)


def finish_word(finish: FinishReason, *, refused: bool) -> str:
    """The word for an ending; `refused` tells that the model's words of refusal were given."""
    if finish.raw in OFFICIAL and FINISH_KINDS[finish.raw] == finish.kind:
        return finish.raw
    return "stop" if finish.kind == "refusal" and refused else FINISH_WORDS[finish.kind]


def parse_logprobs(raw: Json) -> tuple[tuple[TokenLogprob, ...], Body]:
    """Token probabilities, and what else stood with them; the old parallel arrays are understood too."""
    if not isinstance(raw, dict):
        return (), {}
    left = {key: value for key, value in raw.items() if value}
    found: list[TokenLogprob] = []
    for key in ("content", "refusal"):
        entries = left.pop(key, None)
        if isinstance(entries, list):
            found.extend(_logprob(entry) for entry in entries if isinstance(entry, dict))
    tokens, values = left.get("tokens"), left.get("token_logprobs")
    if not found and isinstance(tokens, list) and isinstance(values, list):
        left.pop("tokens"), left.pop("token_logprobs")
        found = [TokenLogprob(str(token), _float(value, 0.0)) for token, value in zip(tokens, values, strict=False)]
    return tuple(found), left


def _logprob(raw: Body) -> TokenLogprob:
    value, octets, top = raw.get("logprob"), raw.get("bytes"), raw.get("top_logprobs")
    rest = {key: value for key, value in raw.items() if key not in _TOKEN and value is not None}
    return TokenLogprob(
        token=str(raw.get("token", "")),
        logprob=_float(value, -9999.0),
        bytes=tuple(octets) if isinstance(octets, list) else None,
        top=tuple(_logprob(one) for one in top if isinstance(one, dict)) if isinstance(top, list) else (),
        extra=luggage(rest),
    )


def _float(value: Json, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise


def render_logprobs(logprobs: tuple[TokenLogprob, ...], *, refused: bool = False) -> Body:
    """Token probabilities of an answer, or of a refusal."""
    entries = [{**_render_logprob(one), "top_logprobs": [_render_logprob(top) for top in one.top]} for one in logprobs]
    return {"content": None if refused else entries, "refusal": entries if refused else None}


def _render_logprob(one: TokenLogprob) -> Body:
    body: Body = {
        "token": one.token,
        "logprob": one.logprob,
        "bytes": None if one.bytes is None else list(one.bytes),
    }
    put_back(body, one.extra)
    return body


def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
    """What a client gets."""
    body: Body = {
        "id": response.id or context.new_id("chatcmpl-"),
        "object": "chat.completion",
        "created": response.created if response.created is not None else context.created,
        "model": response.model or context.model,
        "choices": [_render_choice(choice, context) for choice in response.choices],
    }
    if response.usage is not None:
        body["usage"] = render_usage(response.usage)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    put_back(body, response.extra)
    return WireResponse(status=200, body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def _render_choice(choice: Choice, context: TranslationContext) -> Body:
    parts = choice.message.parts
    path = f"choices[{choice.index}].message"
    message: Body = {"role": "assistant", "content": None, "refusal": None}
    for i, part in enumerate(parts):
        add_part(message, part, f"{path}.parts[{i}]", context)
        if not isinstance(part, ReasoningPart):
            lose_opaque(part.opaque, f"{path}.parts[{i}]", context)
    details = message.pop(DETAILS, None)
    if details:
        message["reasoning_details"] = as_raw(details[0]) if len(details) == 1 else joined_details(details)
    put_back(message, choice.message.extra)
    refused = message["refusal"] is not None and message["content"] is None
    body: Body = {
        "index": choice.index,
        "message": message,
        "finish_reason": finish_word(choice.finish, refused=message["refusal"] is not None),
        "logprobs": render_logprobs(choice.logprobs, refused=refused) if choice.logprobs else None,
    }
    if choice.finish.stop_sequence is not None:
        body["stop_reason"] = choice.finish.stop_sequence
    if body["logprobs"] is None and "logprobs" in choice.extra.get(ID, {}):
        del body["logprobs"]
    put_back(body, choice.extra)
    return body


def add_part(message: Body, part: Part, path: str, context: TranslationContext) -> None:
    """Adds a part to an answer's message; texts of one kind are joined. Details gather under their opaque kind."""
    if isinstance(part, TextPart):
        if part.text:
            message["content"] = (message.get("content") or "") + part.text
        cited = [one for annotation in part.annotations if (one := render_annotation(annotation)) is not None]
        if cited:
            message.setdefault("annotations", []).extend(cited)
    elif isinstance(part, RefusalPart):
        message["refusal"] = (message.get("refusal") or "") + part.text
    elif isinstance(part, ReasoningPart):
        if part.text:
            key = thinking_field(context)
            message[key] = message.get(key, "") + part.text
        add_state(message, part, path, context)
    elif isinstance(part, ToolCallPart) and part.extra.get(ID, {}).get(LEGACY):
        message["function_call"] = {"name": part.name, "arguments": part.raw if part.raw.strip() else "{}"}
    elif isinstance(part, ToolCallPart):
        message.setdefault("tool_calls", []).append(render_call(part, context))
    elif isinstance(part, OpaquePart) and part.dialect == ID and part.kind.startswith(CALL):
        message.setdefault("tool_calls", []).append(as_raw(part.raw))
    elif isinstance(part, BlobPart) and part.modality == "audio":
        message["audio"] = render_audio(part, context)
    elif isinstance(part, BlobPart | UriPart) and part.modality == "image":
        images = message.setdefault("images", [])
        images.append(render_image(part, len(images)))
    else:
        context.lose(path, f"an answer in this format holds no {type(part).__name__}")


def thinking_field(context: TranslationContext) -> str:
    """Where a client finds thinking: the host's own field, else the one that most clients read."""
    return "reasoning" if context.host.reasoning_field in ("reasoning", "reasoning_details") else "reasoning_content"


def add_state(message: Body, part: ReasoningPart, path: str, context: TranslationContext) -> None:
    """Adds what a reasoning part carries unread, as far as it is this dialect's."""
    render_state(message, part.opaque)
    for one in part.opaque:
        if one.kind == DETAILS:
            message.setdefault(DETAILS, []).append(one.data)
    lose_opaque(part.opaque, path, context)


def render_audio(part: BlobPart, context: TranslationContext) -> Body:
    """Spoken output."""
    own = part.extra.get(ID, {})
    return {
        "id": own.get("id") or context.new_id("audio_"),
        "data": part.content,
        "expires_at": own.get("expires_at") or context.created,
        "transcript": own.get("transcript") or "",
    }


def render_image(part: BlobPart | UriPart, index: int) -> Body:
    """A generated image, as routers send it."""
    url = part.uri if isinstance(part, UriPart) else render_data_url(part.mime_type or "image/png", part.content)
    return {"type": "image_url", "image_url": {"url": url}, "index": index}
