"""Whole answers, and the lines of streams, which have the same shape."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.ollama.content import Pieces, parse_image
from interlingua.dialects.ollama.errors import parse_error_value
from interlingua.dialects.ollama.generate import is_marked
from interlingua.dialects.ollama.plain import PlainResponse, read_response
from interlingua.dialects.ollama.schema import (
    GENERATE,
    Body,
    bad_answer,
    finish_of,
    finish_word,
    lose_once,
    luggage,
    own,
    parse_time,
    put_back,
    render_time,
)
from interlingua.dialects.ollama.tools import parse_calls
from interlingua.dialects.ollama.usage import FIGURES, parse_usage, render_usage, usage_of
from interlingua.errors import UpstreamError
from interlingua.ports.context import Adapt, TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Extra, Json
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

JSON_HEADERS = (("content-type", "application/json"),)
_TOKEN = ("token", "logprob", "bytes", "top_logprobs")
_AT_THE_END = ("context",)
"""Fields that only the last line has, and that belong to the choice: the tokens of /api/generate."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the wire: a piece of an answer, or all of it."""

    model: str
    created: int | None
    done: bool
    reason: str
    thinking: str
    text: str
    media: tuple[Part, ...]
    calls: tuple[ToolCallPart, ...]
    logprobs: tuple[TokenLogprob, ...]
    usage: Usage | None
    extra: dict[str, Json]
    end_extra: dict[str, Json]
    message_extra: dict[str, Json]


def decode(source: bytes, adapt: Adapt | None) -> Fields:
    """The object under reading, as the host's quirk lets us see it."""
    if adapt is not None:
        try:
            value = msgspec.json.decode(source)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise bad_answer("", f"malformed JSON: {error}") from error
        source = msgspec.json.encode(adapt(value)) if isinstance(value, dict) else source
    return Fields(source, bad_answer)


def read_line(fields: Fields, context: TranslationContext) -> Line:
    """Reads one object of either path.

    Raises:
        UpstreamError: it is not of this dialect.
    """
    done = fields.boolean("done") or False
    message = fields.child("message")
    generate = message is None and fields.has("response")
    if message is None and not generate and not done:
        raise fields.error("message", "required")
    said = message or fields
    said.skip(*(("role",) if message else ()))
    images = [*said.texts("images"), *([image] if generate and (image := said.text("image")) else [])]
    end = {key: value for key in _AT_THE_END if (value := fields.json(key)) is not None}
    mark: dict[str, Json] = {GENERATE: True} if generate else {}
    return Line(
        model=fields.text("model") or "",
        created=parse_time(fields.text("created_at")),
        done=done,
        reason=fields.text("done_reason") or "",
        thinking=said.text("thinking") or "",
        text=said.text("response" if generate else "content") or "",
        media=tuple(parse_image(image) for image in images),
        calls=tuple(parse_calls(said, lambda _: context.new_id("call_"))),
        logprobs=_parse_logprobs(fields.json("logprobs")),
        usage=parse_usage(fields),
        message_extra=message.rest() if message else {},
        extra=mark | fields.rest(),
        end_extra=end,
    )


def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
    """What a provider answered.

    Raises:
        UpstreamError: it is not this dialect, or not whole.
        InterlinguaError: the error that a 200 hides.
    """
    if context.quirk.response is None and (plain := read_response(response.body)) is not None:
        return _parse_plain(plain, context)
    fields = decode(response.body, context.quirk.response)
    if fields.kind("error") not in ("", "null"):
        raise parse_error_value(fields.rest(), response, context)
    line = read_line(fields, context)
    if not line.done:
        raise UpstreamError("the provider's answer is not whole: done is not true", provider=context.provider or None)
    parts: list[Part] = [ReasoningPart(text=line.thinking)] if line.thinking else []
    parts += [TextPart(text=line.text)] if line.text else []
    parts += [*line.media, *line.calls]
    choice = Choice(
        message=Message(role="assistant", parts=tuple(parts), origin=context.origin, extra=luggage(line.message_extra)),
        finish=finish_of(line.reason, called=bool(line.calls)),
        logprobs=line.logprobs,
        extra=luggage(line.end_extra),
    )
    return ChatResponse(
        id=context.new_id("response-"),
        model=line.model or context.model,
        created=line.created,
        usage=line.usage,
        choices=(choice,),
        extra=luggage(line.extra),
    )


def _parse_plain(plain: PlainResponse, context: TranslationContext) -> ChatResponse:
    parts = plain.message.parts(context)
    message = Message(role="assistant", parts=parts, origin=context.origin)
    finish = finish_of(plain.done_reason or "", called=bool(plain.message.tool_calls))
    return ChatResponse(
        id=context.new_id("response-"),
        model=plain.model or context.model,
        created=parse_time(plain.created_at),
        usage=usage_of({key: getattr(plain, key) for key in FIGURES}),
        choices=(Choice(message=message, finish=finish),),
    )


def _parse_logprobs(value: Json) -> tuple[TokenLogprob, ...]:
    return tuple(_parse_token(item) for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def _parse_token(item: dict[str, Json]) -> TokenLogprob:
    value, octets = item.get("logprob"), item.get("bytes")
    return TokenLogprob(
        token=str(item.get("token", "")),
        logprob=float(value) if isinstance(value, int | float) else 0.0,
        bytes=tuple(octets) if isinstance(octets, list) else None,
        top=_parse_logprobs(item.get("top_logprobs")),
        extra=luggage({key: value for key, value in item.items() if key not in _TOKEN and value is not None}),
    )


def render_logprobs(logprobs: tuple[TokenLogprob, ...]) -> Body:
    """The field `logprobs`; empty where there are none."""
    return {"logprobs": [_render_token(token) for token in logprobs]} if logprobs else {}


def _render_token(token: TokenLogprob) -> Body:
    wire: Body = {"token": token.token, "logprob": token.logprob}
    if token.bytes is not None:
        wire["bytes"] = list(token.bytes)
    wire |= {"top_logprobs": [_render_token(top) for top in token.top]} if token.top else {}
    put_back(wire, token.extra)
    return wire


def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
    """What a client gets, in the shape of /api/generate where `extra` is marked so (`generate.py`)."""
    for choice in response.choices[1:]:
        context.lose(f"choices[{choice.index}]", "there is one answer to a request")
    lose_service_tier(response.service_tier, context)
    choice = response.choices[0]
    pieces = Pieces(context, "setting")
    for i, part in enumerate(choice.message.parts):
        where = f"choices[0].message.parts[{i}]"
        pieces.add(part, where)
        if isinstance(part, TextPart) and part.annotations:
            lose_once("annotations", "answers have no citations", context)
    said = render_said(
        text="".join(pieces.texts),
        thinking="".join(pieces.thinking),
        images=pieces.images,
        calls=numbered(pieces.calls, 0),
        extra=choice.message.extra,
        generate=is_marked(response.extra),
    )
    body: Body = {
        **render_head(response.model or context.model, response.created, context),
        **said,
        **render_end(choice.finish, response.usage),
        **render_logprobs(choice.logprobs),
    }
    put_back(body, choice.extra)
    put_back(body, unmarked(response.extra))
    return WireResponse(status=200, body=msgspec.json.encode(body), headers=JSON_HEADERS)


def lose_service_tier(tier: str | None, context: TranslationContext) -> None:
    """Notes that an answer's tier has no field here."""
    if tier is not None:
        lose_once("service_tier", "answers name no tier", context)


def unmarked(extra: Extra) -> Extra:
    """An answer's luggage without the mark of its path."""
    return luggage({key: value for key, value in own(extra).items() if key != GENERATE})


def render_head(model: str, created: int | None, context: TranslationContext) -> Body:
    """The fields that every object begins with."""
    return {"model": model, "created_at": render_time(context.created if created is None else created)}


def render_said(
    *,
    text: str = "",
    thinking: str = "",
    images: list[str] | None = None,
    calls: list[Body] | None = None,
    extra: Extra | None = None,
    generate: bool = False,
) -> Body:
    """What is said, in the shape of either path."""
    found: dict[str, Any] = {"thinking": thinking, "images": images, "tool_calls": calls}
    more = {key: value for key, value in found.items() if value}
    if generate:
        return {"response": text, **more}
    message: Body = {"role": "assistant", "content": text, **more}
    put_back(message, extra or {})
    return {"message": message}


def numbered(calls: list[Body], first: int) -> list[Body]:
    """Calls with their places in the answer."""
    return [{**call, "function": {"index": first + i, **call["function"]}} for i, call in enumerate(calls)]


def render_end(finish: FinishReason, usage: Usage | None) -> Body:
    """The fields that tell that an answer is whole."""
    word = finish_word(finish)
    return {"done": True, **({"done_reason": word} if word else {}), **render_usage(usage)}
