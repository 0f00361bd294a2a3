"""Whole answers, both ways; and the frame of an answer that streams share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from interlingua.dialects.openai_responses.errors import IN_RESPONSE, error_of
from interlingua.dialects.openai_responses.output import parse_item, render_output
from interlingua.dialects.openai_responses.plain import read_response
from interlingua.dialects.openai_responses.schema import (
    INCOMPLETE,
    INCOMPLETE_WORDS,
    PENDING,
    Body,
    bad_answer,
    checked,
    luggage,
    own,
    put_back,
    text_or,
)
from interlingua.dialects.openai_responses.usage import parse_usage, render_usage
from interlingua.errors import Cancelled, InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import Part, RefusalPart, ToolCallPart
from interlingua.types.response import ChatResponse, Choice, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from interlingua.wire.fields import Fields

_FAILED = ("failed", "cancelled")
_ENDED = ("completed", "incomplete")
_WHOLE = (int, type(None))
_LATEST = 2**53
TIERS = {tier: tier for tier in ("default", "flex", "scale", "priority", "fast", "ultrafast")} | {"standard": "default"}
"""The tiers that clients know, by how dialects call them."""


class Head(msgspec.Struct, frozen=True):
    """What an answer says about itself besides its output.

    Args:
        id, model: as in `ChatResponse`.
        created: seconds since 1970.
        service_tier: the tier that served it; None where only the wish `auto` is known.
        status: how far it is; `reason` why it is no further.
        usage: what it consumed.
        extra: everything else, the repetition of the request included.
    """

    id: str
    model: str
    created: int | None
    service_tier: str | None
    status: str
    reason: str
    usage: Usage | None
    extra: Body


def parse_head(fields: Fields, context: TranslationContext) -> Head:
    """Reads all but the output of a response object.

    Raises:
        InterlinguaError: the response failed; the error says how.
    """
    status = text_or(fields, "status") or "completed"
    error = fields.json("error") if fields.kind("error") != "null" else None
    if status in _FAILED or error:
        raise failure(status, error, context)
    details = fields.child("incomplete_details") if fields.kind("incomplete_details") == "object" else None
    reason = text_or(details, "reason") if details is not None else ""
    created = fields.number("created_at") if fields.kind("created_at") == "number" else None
    tool_usage, tier = fields.json("tool_usage"), text_or(fields, "service_tier")
    usage = parse_usage(fields.json("usage"), tool_usage)
    head = {key: text_or(fields, key) for key in ("id", "model")}
    fields.skip("object", "error", "incomplete_details", "obfuscation")
    rest = fields.rest() | ({"tool_usage": tool_usage} if tool_usage else {})
    for key in ("id", "model", "service_tier"):
        if rest.get(key) == "":
            del rest[key]
    if tier and tier not in TIERS:
        rest["service_tier"] = tier
    return Head(
        id=head["id"],
        model=head["model"],
        created=None if created is None else int(created),
        service_tier=tier if tier not in ("", "auto") else None,
        status=status,
        reason=reason,
        usage=usage,
        extra=rest,
    )


def failure(status: str, error: Json, context: TranslationContext) -> InterlinguaError:
    """The error that a failed or cancelled response stands for."""
    if status == "cancelled" and not error:
        return Cancelled(
            "the provider says that the answer was cancelled",
            provider=context.provider or None,
            model=context.model or None,
            raw_code=status,
        )
    told = error if error else {"message": "the provider says that the answer failed, and not why"}
    return error_of(told, 200, None, context)


def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
    """What a provider answered with a 2xx.

    Raises:
        UpstreamError: it is no response object.
        InterlinguaError: the error that stands inside it.
    """
    source = response.body
    if context.quirk.response is None and (plain := read_response(source)) is not None:
        head = _plain_head(plain[1])
        if head is not None:
            return _answer(head, plain[0], (), context)
    if context.quirk.response is not None:
        decoded = _decode(source)
        source = msgspec.json.encode(context.quirk.response(decoded)) if isinstance(decoded, dict) else source
    fields = Fields(checked(source, bad_answer), bad_answer)
    if fields.kind("output") != "array" and fields.kind("status") != "string":
        raise error_of(_decode(source), response.status, response, context)
    items = [parse_item(child, bad_answer, context) for child in fields.children("output")]
    fields.skip("output")
    head = parse_head(fields, context)
    parts = tuple(part for item in items for part in item.parts)
    return _answer(head, parts, tuple(one for item in items for one in item.logprobs), context)


def _plain_head(rest: Body) -> Head | None:
    """The head of a response object that tells of no failure and of nothing but tokens; None for any other.

    Args:
        rest: its fields without the output.
    """
    status, created, tier = rest.pop("status", None), rest.pop("created_at", None), rest.pop("service_tier", None)
    details, known = rest.pop("incomplete_details", None), (rest.pop("id", None), rest.pop("model", None))
    reason = details.get("reason") if isinstance(details, dict) else None
    if status not in _ENDED or rest.pop("error", None) is not None or "tool_usage" in rest or "obfuscation" in rest:
        return None
    plain = all(isinstance(text, str) and text for text in known) and isinstance(reason, str | None)
    plain = plain and isinstance(tier, str | None) and type(created) in _WHOLE
    if not plain or not 0 <= (created or 0) <= _LATEST:
        return None
    usage = parse_usage(rest.pop("usage", None))
    rest.pop("object", None)
    extra = {key: value for key, value in rest.items() if value is not None}
    if tier and tier not in TIERS:
        extra["service_tier"] = tier
    return Head(
        id=known[0],
        model=known[1],
        created=created,
        service_tier=tier if tier not in (None, "", "auto") else None,
        status=status,
        reason=reason or "",
        usage=usage,
        extra=extra,
    )


def _answer(
    head: Head, parts: tuple[Part, ...], logprobs: tuple[TokenLogprob, ...], context: TranslationContext
) -> ChatResponse:
    message = Message(role="assistant", parts=parts, origin=context.origin)
    choice = Choice(message=message, finish=finish_of(head, parts), logprobs=logprobs)
    return ChatResponse(
        id=head.id,
        model=head.model,
        created=head.created,
        service_tier=head.service_tier,
        usage=head.usage,
        choices=(choice,),
        extra=luggage(head.extra),
    )


def _decode(source: bytes) -> Json:
    try:
        return msgspec.json.decode(source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return source.decode("utf-8", "replace")


def finish_of(head: Head, parts: Iterable[Part]) -> FinishReason:
    """Why an answer ended: the format has no word for it, so what was said tells."""
    if head.status in PENDING:
        return FinishReason("pause", head.status)
    if head.status == "incomplete":
        return FinishReason(INCOMPLETE.get(head.reason, "length"), head.reason or head.status)
    said = tuple(parts)
    if any(isinstance(part, ToolCallPart) for part in said):
        return FinishReason("tool_call", head.status)
    if any(isinstance(part, RefusalPart) for part in said):
        return FinishReason("refusal", head.status)
    return FinishReason("stop", head.status)


def ending(finish: FinishReason, *, refused: bool) -> tuple[str, str]:
    """(status, reason of incompleteness or nothing) for why an answer ended.

    Args:
        finish: why.
        refused: whether words of refusal tell of one; without them it would be a complete answer that says nothing.
    """
    if finish.kind == "refusal" and not refused:
        return "incomplete", "content_filter"
    if finish.kind == "pause" and finish.raw in PENDING:
        return finish.raw, ""
    if INCOMPLETE.get(finish.raw) == finish.kind:
        return "incomplete", finish.raw
    if finish.kind == "error":
        return "failed", ""
    word = INCOMPLETE_WORDS.get(finish.kind, "")
    return ("incomplete", word) if word else ("completed", "")


def frame(
    *,
    id: str,
    model: str,
    created: int,
    status: str,
    reason: str = "",
    error: Body | None = None,
    output: Sequence[Any],
) -> Body:
    """A response object with every field that clients insist on.

    Args:
        id, model, created, status, output: as they stand in it.
        reason: why it is incomplete.
        error: code and message of a failure.
    """
    return {
        "id": id,
        "object": "response",
        "created_at": created,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
    }


def problem(error: InterlinguaError) -> Body:
    """A failure as a response tells of it."""
    return {"code": IN_RESPONSE.get(error.code, "server_error"), "message": error.message}


def item_status(status: str) -> str:
    """How the last item of an answer of that status ended."""
    return status if status in ("incomplete", "in_progress") else "incomplete" if status == "failed" else "completed"


def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
    """What a client gets."""
    for choice in response.choices[1:]:
        context.lose(f"choices[{choice.index}]", "this format gives one answer")
    parts: tuple[Part, ...] = response.message.parts if response.choices else ()
    finish = response.finish if response.choices else FinishReason("error", "")
    logprobs: tuple[TokenLogprob, ...] = response.choices[0].logprobs if response.choices else ()
    status, reason = ending(finish, refused=any(isinstance(part, RefusalPart) for part in parts))
    body = frame(
        id=response.id or context.new_id("resp_"),
        model=response.model or context.model,
        created=response.created if response.created is not None else context.created,
        status=status,
        reason=reason,
        error={"code": "server_error", "message": f"the answer ended with {finish.raw}"}
        if status == "failed"
        else None,
        output=render_output(parts, logprobs, item_status(status), context),
    )
    body |= own(response.extra)
    if response.usage is not None:
        body["usage"] = render_usage(response.usage)
    if response.service_tier in TIERS:
        body.setdefault("service_tier", TIERS[response.service_tier])
    if response.choices:
        put_back(body, response.message.extra)
        body |= own(response.choices[0].extra)
    return WireResponse(status=200, body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))
