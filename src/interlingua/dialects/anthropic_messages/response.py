"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.blocks import Block, Writer
from interlingua.dialects.anthropic_messages.content import luggage, parse_block
from interlingua.dialects.anthropic_messages.errors import parse_in_band, render_error
from interlingua.dialects.anthropic_messages.plain import PlainResponse, read_response
from interlingua.dialects.anthropic_messages.schema import FINISH, ID, LATE, STOP_REASON
from interlingua.dialects.anthropic_messages.usage import parse_usage, render_usage
from interlingua.errors import UpstreamError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.parts import RefusalPart, ToolCallPart
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.wire.fields import Fail, Fields


def nonsense(context: TranslationContext) -> Fail:
    """Makes the error for an answer that is not of this format."""

    def fail(path: str, reason: str) -> Exception:
        where = f" at {path}" if path else ""
        return UpstreamError(
            f"the answer is not {ID}{where}: {reason}", provider=context.provider or None, model=context.model or None
        )

    return fail


def parse_response(response: WireResponse, context: TranslationContext) -> ChatResponse:
    """What a provider answered with a 2xx; see `Dialect.parse_response`."""
    fail, body = nonsense(context), response.body
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise fail("", str(error)) from error
    if context.quirk.response is None and (plain := read_response(body)) is not None:
        return _parse_plain(plain, context)
    fields = Fields(body, fail)
    if context.quirk.response is not None:
        fields = Fields(msgspec.json.encode(context.quirk.response(fields.rest())), fail)
    if fields.kind("error") == "object":
        raise parse_in_band({"error": fields.json("error"), "request_id": fields.text("request_id")}, context, response)
    if fields.kind("content") not in ("array", "null"):
        raise fields.error("content", "required, an array")
    usage_raw = fields.json("usage")
    parts = tuple(parse_block(block, context) for block in fields.children("content"))
    called = any(isinstance(part, ToolCallPart) for part in parts)
    finish = finish_of(fields.text("stop_reason"), fields.text("stop_sequence"), called)
    answer_id, model = fields.text("id") or context.new_id("msg_"), fields.text("model") or context.model
    fields.skip("type", "role")
    message = Message(role="assistant", parts=parts, origin=context.origin)
    early = fields.rest()
    late = {key: early.pop(key) for key in LATE if key in early}
    return ChatResponse(
        id=answer_id,
        model=model,
        choices=(Choice(message=message, finish=finish, extra=luggage(late)),),
        usage=parse_usage(usage_raw),
        service_tier=tier_of(usage_raw),
        extra=luggage(early),
    )


def _parse_plain(plain: PlainResponse, context: TranslationContext) -> ChatResponse:
    parts = plain.parts(context)
    called = any(isinstance(part, ToolCallPart) for part in parts)
    message = Message(role="assistant", parts=parts, origin=context.origin)
    return ChatResponse(
        id=plain.id or context.new_id("msg_"),
        model=plain.model or context.model,
        choices=(Choice(message=message, finish=finish_of(plain.stop_reason, plain.stop_sequence, called)),),
        usage=parse_usage(plain.usage),
        service_tier=tier_of(plain.usage),
    )


def finish_of(reason: str | None, stop_sequence: str | None, called: bool) -> FinishReason:
    """Why an answer ended; where a server says a plain stop though tools were `called`, the content is trusted."""
    kind = FINISH.get(reason or "", "stop")
    if kind == "stop" and called:
        kind = "tool_call"
    return FinishReason(kind, reason or "", stop_sequence)


def tier_of(usage: Any) -> str | None:
    """The service tier, which stands in the usage object."""
    tier = usage.get("service_tier") if isinstance(usage, dict) else None
    return tier if isinstance(tier, str) else None


def stop_reason(finish: FinishReason, refused: bool) -> str:
    """The word for why an answer ended; `refused` if its text is a refusal."""
    if FINISH.get(finish.raw) == finish.kind:
        return finish.raw
    return "refusal" if refused and finish.kind == "stop" else STOP_REASON[finish.kind]


def failed_finish(finish: FinishReason) -> UpstreamError:
    """The error for an answer that ended with `error`: the format has no stop_reason for it."""
    return UpstreamError(f"the model's answer ended with an error: {finish.raw}", raw_code=finish.raw)


def render_response(response: ChatResponse, context: TranslationContext) -> WireResponse:
    """What a client gets; see `Dialect.render_response`. An answer that ended with `error` becomes an error."""
    if not response.choices:
        return render_error(UpstreamError("the model gave no answer"), context)
    for choice in response.choices[1:]:
        context.lose(f"choices[{choice.index}]", "one answer holds one choice")
    choice = response.choices[0]
    if choice.finish.kind == "error":
        return render_error(failed_finish(choice.finish), context)
    writer = Writer(context, reply=True)
    for extra in (response.extra, choice.extra, choice.message.extra):
        writer.foreign(extra, "")
    if choice.logprobs:
        context.lose("logprobs", "answers hold no token probabilities")
    content: list[Block] = []
    for i, part in enumerate(choice.message.parts):
        content += writer.said(part, f"choices[0].message.parts[{i}]")
    body: dict[str, Any] = {
        "id": response.id or context.new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": content,
        "stop_reason": stop_reason(choice.finish, any(isinstance(part, RefusalPart) for part in choice.message.parts)),
        "stop_sequence": choice.finish.stop_sequence,
        "stop_details": None,
        "usage": render_usage(response.usage, response.service_tier),
    }
    for extra in (choice.message.extra, choice.extra, response.extra):
        for key, value in extra.get(ID, {}).items():
            if body.get(key) is None:
                body[key] = value
    return WireResponse(body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))
