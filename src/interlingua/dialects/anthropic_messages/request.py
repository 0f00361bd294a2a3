"""Requests, both ways."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.anthropic_messages.blocks import Writer
from interlingua.dialects.anthropic_messages.content import luggage, parse_cache
from interlingua.dialects.anthropic_messages.messages import parse_messages, render_messages
from interlingua.dialects.anthropic_messages.plain import parse_plain
from interlingua.dialects.anthropic_messages.reasoning import Thinking, parse_reasoning
from interlingua.dialects.anthropic_messages.schema import (
    BETA_HEADER,
    DEFAULT_MAX_TOKENS,
    ID,
    SAMPLING_VERSION,
    THREAD,
    THREAD_REFUSALS,
    VERSION,
    VERSION_HEADER,
)
from interlingua.dialects.anthropic_messages.tools import (
    closed,
    parse_tool,
    parse_tool_choice,
    render_tool_choice,
    render_tools,
)
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.loss import LossKind
from interlingua.types.opaque import Json
from interlingua.types.request import ChatRequest, OutputFormat
from interlingua.wire.fields import Fields

_REFUSED: tuple[tuple[str, str, LossKind], ...] = (
    ("frequency_penalty", "there is no such setting", "setting"),
    ("presence_penalty", "there is no such setting", "setting"),
    ("seed", "there is no such setting", "setting"),
    ("logit_bias", "there is no such setting", "setting"),
    ("logprobs", "token probabilities are not given", "setting"),
    ("top_logprobs", "token probabilities are not given", "setting"),
    ("verbosity", "there is no such setting", "setting"),
    ("metadata", "requests take no labels, only the end user's id", "setting"),
    ("cache_key", "prompts are cached by marks, not by key", "setting"),
    ("store", "answers are not stored for later use", "setting"),
    ("previous_response_id", "the conversation must be sent whole", "content"),
)
"""Canonical fields that the format cannot say."""

_UNSAID = ChatRequest(model="")
_TIERS = ("auto", "standard_only")
_APART = ("thinking", "output_config", "metadata", BETA_HEADER)
"""Keys of `extra` that join what else stands in their place."""


def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """What a client asks; see `Dialect.parse_request`."""
    body, betas = _utf8(request.body), _betas(request)
    if (plain := parse_plain(body, luggage(betas), context)) is not None:
        return plain
    fields = Fields(body, _refuse)
    if fields.kind(THREAD) not in ("", "null"):
        raise Unsupported(
            "thread: conversations are not kept here between requests",
            feature=THREAD,
            path=THREAD,
            raw_code=THREAD_REFUSALS[0],
            remedy="Send the whole conversation in messages, without thread.",
        )
    config, metadata = fields.child("output_config"), fields.child("metadata")
    reasoning, more = parse_reasoning(fields, config)
    output = _parse_output(config.child("format") if config else None) or _parse_output(fields.child("output_format"))
    choice, parallel = parse_tool_choice(fields)
    cache, cache_more = parse_cache(fields)
    asked: dict[str, Any] = {
        "model": fields.need_text("model"),
        "messages": parse_messages(fields, context),
        "tools": tuple(parse_tool(tool) for tool in fields.children("tools")),
        "tool_choice": choice,
        "parallel_tool_calls": parallel,
        "max_output_tokens": fields.integer("max_tokens", least=0),
        "temperature": fields.number("temperature", least=0, most=1),
        "top_p": fields.number("top_p", least=0, most=1),
        "top_k": fields.integer("top_k", least=0),
        "stop": fields.texts("stop_sequences"),
        "output": output,
        "reasoning": reasoning,
        "stream": fields.boolean("stream") or False,
        "end_user": metadata.text("user_id") if metadata else None,
        "cache": cache,
        "service_tier": fields.text("service_tier"),
    }
    extra = fields.rest() | cache_more
    for key, left in (("output_config", config.rest() if config else {}), ("metadata", _rest(metadata))):
        if left:
            extra[key] = left
    for key, left in more.items():
        extra[key] = extra.get(key, {}) | left
    extra.pop(BETA_HEADER, None)  # a field of the body by that name is no header
    extra |= betas
    both = asked["temperature"] is not None and asked["top_p"] is not None
    return ChatRequest(**asked, extra={ID: extra} if both else luggage(extra))


def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider; see `Dialect.render_request`."""
    request = _without_refused(request, context)
    own = request.extra.get(ID, {})
    writer = Writer(context)
    writer.foreign(request.extra, "")
    thinking = Thinking(request, context, _max_tokens(request, context), request.max_output_tokens is not None)
    config = {key: value for key, value in (own.get("output_config") or {}).items() if key != "effort"}
    if thinking.effort is not None:
        config["effort"] = thinking.effort
    output, instructions = _output(request.output, context)
    if output is not None:
        config["format"] = output
    tools = render_tools(request, writer)
    system, messages = render_messages(request.messages, writer, instructions)
    if thinking.kind == "enabled" and _resumes_without_thinking(messages):
        thinking.leave_out("the tool calls in progress were made without this model's thinking")
    writer.limit_marks(0 if request.cache is None else 1)
    sampling = _sampling(request, context, thinking.kind)
    body: dict[str, Any] = {
        "model": context.model or request.model,
        "max_tokens": thinking.max_tokens,
        "system": system or None,
        "messages": messages,
        "tools": tools or None,
        "tool_choice": render_tool_choice(request, writer, tools=bool(tools), thinking=thinking.kind),
        "thinking": thinking.wire or None,
        "output_config": config or None,
        **sampling,
        "stop_sequences": _stops(request.stop, context) or None,
        "cache_control": None if request.cache is None else writer.control(request.cache, "request"),
        "metadata": _metadata(request) or None,
        "service_tier": _service_tier(request.service_tier, context),
        "stream": request.stream or None,
    }
    for key, value in own.items():
        if key == "cache_control" and body[key] is not None:
            body[key] = body[key] | value
        elif key not in _APART and body.get(key) is None:
            body[key] = value
    body = {key: value for key, value in body.items() if value is not None}
    version = context.host.api_version or (SAMPLING_VERSION if sampling else VERSION)
    headers = [(VERSION_HEADER, version)]
    if betas := own.get(BETA_HEADER):
        headers.append((BETA_HEADER, ",".join(betas)))
    encoded = msgspec.json.encode(body)
    if context.quirk.request is not None:
        encoded = msgspec.json.encode(context.quirk.request(msgspec.json.decode(encoded)))
    return WireRequest(path="/messages", body=encoded, headers=tuple(headers))


def _resumes_without_thinking(messages: list[dict[str, Any]]) -> bool:
    """Whether tools were just answered whose calls no thinking precedes: with a budget the format refuses that."""
    if len(messages) < 2:
        return False
    calls, results = messages[-2]["content"], messages[-1]["content"]
    if isinstance(calls, str) or isinstance(results, str) or results[0]["type"] != "tool_result":
        return False
    return calls[0]["type"] not in ("thinking", "redacted_thinking")


def _refuse(path: str, reason: str) -> Exception:
    return InvalidRequest(f"{path}: {reason}" if path else reason, path=path)


def _utf8(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    return body


def _rest(fields: Fields | None) -> dict[str, Any]:
    return fields.rest() if fields else {}


def _betas(request: WireRequest) -> dict[str, Any]:
    """The betas that the headers ask for, as luggage."""
    betas = [beta for name, value in request.headers if name == BETA_HEADER for beta in value.split(",")]
    named = [beta.strip() for beta in betas if beta.strip()]
    return {BETA_HEADER: named} if named else {}


def _parse_output(fields: Fields | None) -> OutputFormat | None:
    if fields is None:
        return None
    kind = fields.need_text("type")
    if kind != "json_schema":
        raise fields.error("type", f"expected json_schema, got {kind!r}")
    return OutputFormat(kind="json_schema", schema=fields.json("schema"))


def _without_refused(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request without what the format or the host cannot take, each noted as lost."""
    refused = [*_REFUSED, *((name, "the host does not take it", "setting") for name in context.host.refuses)]
    dropped: dict[str, Any] = {}
    for name, reason, kind in refused:
        value, default = getattr(request, name, None), getattr(_UNSAID, name, None)
        if value == default or name in dropped or name in ("model", "messages"):
            continue
        if value is not False:
            context.lose(name, reason, "content" if kind == "content" else "setting")
        dropped[name] = default
    if request.n is not None and request.n > 1:
        context.lose("n", "one call gives one answer")
    for modality in request.modalities:
        if modality != "text":
            context.lose("modalities", f"answers are text, not {modality}", kind="content")
    return msgspec.structs.replace(request, **dropped) if dropped else request


def _max_tokens(request: ChatRequest, context: TranslationContext) -> int:
    most, wanted = context.traits.max_output, request.max_output_tokens
    if wanted is None:
        return most or DEFAULT_MAX_TOKENS
    if most is not None and wanted > most:
        context.emulate("max_output_tokens", f"{wanted} becomes {most}, the most that the model gives")
        return most
    return wanted


def _output(output: OutputFormat | None, context: TranslationContext) -> tuple[dict[str, Any] | None, list[str]]:
    """(`output_config.format`, instructions to the model where there is no such setting)."""
    if output is None or output.kind == "text":
        return None, []
    native = context.host.json_schema and context.traits.structured_output is not False
    if output.kind == "json_schema" and native:
        return {"type": "json_schema", "schema": closed(output.schema)}, []
    context.emulate("output", "the model is told in words to answer in JSON")
    instruction = "Answer with one JSON object and nothing else: no other text, no code fence."
    if output.kind == "json_schema":
        schema: Json = msgspec.json.encode(output.schema).decode()
        instruction += f" It must match this JSON Schema: {schema}"
    return None, [instruction]


def _sampling(request: ChatRequest, context: TranslationContext, thinking: str) -> dict[str, Any]:
    """Temperature, top_p and top_k as far as the model takes them (wire: never under the current version, never
    temperature together with top_p, and with thinking only values that change nothing)."""
    wanted = {name: getattr(request, name) for name in ("temperature", "top_p", "top_k")}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    if wanted and (context.traits.sampling is False or context.host.api_version == VERSION):
        for name in wanted:
            context.lose(name, "the model takes no sampling settings")
        return {}
    if wanted.get("temperature", 0) > 1:
        context.emulate("temperature", f"{wanted['temperature']:g} becomes 1, the highest there is")
        wanted["temperature"] = 1.0
    if thinking in ("enabled", "adaptive"):
        for name in [name for name, value in wanted.items() if not _goes_with_thinking(name, value)]:
            context.lose(name, "not taken while the model thinks")
            del wanted[name]
    # Newer models refuse the two together; who wrote both in this very format (its luggage tells) knows the model.
    if "temperature" in wanted and "top_p" in wanted and ID not in request.extra:
        context.lose("top_p", "not taken together with temperature")
        del wanted["top_p"]
    return wanted


def _goes_with_thinking(name: str, value: float) -> bool:
    return (name == "temperature" and value == 1) or (name == "top_p" and value >= 0.95)


def _stops(stop: tuple[str, ...], context: TranslationContext) -> list[str]:
    for i, text in enumerate(stop):
        if not text.strip():
            context.lose(f"stop[{i}]", "a stop string must hold more than white space")
    return [text for text in stop if text.strip()]


def _metadata(request: ChatRequest) -> dict[str, Any]:
    metadata: dict[str, Any] = {} if request.end_user is None else {"user_id": request.end_user}
    return metadata | (request.extra.get(ID, {}).get("metadata") or {})


def _service_tier(tier: str | None, context: TranslationContext) -> str | None:
    if tier in ("default", "standard"):
        context.emulate("service_tier", f"{tier} becomes standard_only")
        return "standard_only"
    if tier is None or tier in _TIERS:
        return tier
    context.lose("service_tier", f"there is no tier {tier}; known: {', '.join(_TIERS)}")
    return None
