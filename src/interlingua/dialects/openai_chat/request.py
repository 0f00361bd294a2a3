"""Requests: what a client asks, and what we ask a provider."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_chat.messages import parse_messages, render_messages
from interlingua.dialects.openai_chat.plain import parse_plain
from interlingua.dialects.openai_chat.reasoning import parse_reasoning, render_reasoning
from interlingua.dialects.openai_chat.schema import ID, bad_request, checked, lose_foreign, luggage, put_back
from interlingua.dialects.openai_chat.tools import parse_choice, parse_tools, render_tools
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, system
from interlingua.types.opaque import Json
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import FunctionTool
from interlingua.wire.fields import Fields

Body = dict[str, Any]

PATH = "/chat/completions"

_DEFAULTS = {name: getattr(ChatRequest(model=""), name) for name in ChatRequest.__struct_fields__}
_CONTENT = ("messages", "tools", "previous_response_id")
_SAMPLING = ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs")
_PLAIN = (
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "service_tier",
    "verbosity",
    "store",
)
"""Fields of one name and meaning on both sides."""


def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """What a client asks.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape.
    """
    if (plain := parse_plain(request.body, context)) is not None:
        return plain
    fields = Fields(checked(request.body, bad_request), bad_request)
    if fields.kind("messages") in ("", "null"):
        raise fields.error("messages", "required")
    messages = parse_messages(fields, bad_request, context)
    if not messages:
        raise fields.error("messages", "must hold at least one message")
    reasoning, left = parse_reasoning(fields)
    options = fields.child("stream_options")
    include_usage = options.boolean("include_usage") if options else None
    left["stream_options"] = options.rest() if options else {}
    output = _parse_output(fields, left)
    limits = [fields.integer(key) for key in ("max_completion_tokens", "max_tokens")]
    users = [fields.text(key) for key in ("safety_identifier", "user")]
    seeds = [fields.integer(key) for key in ("seed", "random_seed")]
    return ChatRequest(
        model=fields.text("model") or "",
        messages=messages,
        tools=parse_tools(fields),
        tool_choice=parse_choice(fields),
        parallel_tool_calls=fields.boolean("parallel_tool_calls"),
        max_output_tokens=next((limit for limit in limits if limit is not None and limit >= 0), None),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.integer("top_k"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        seed=next((seed for seed in seeds if seed is not None), None),
        stop=_parse_stop(fields),
        n=fields.integer("n"),
        logit_bias=_parse_bias(fields),
        logprobs=fields.boolean("logprobs"),
        top_logprobs=fields.integer("top_logprobs"),
        output=output,
        reasoning=reasoning,
        stream=fields.boolean("stream") or False,
        include_usage=include_usage,
        metadata=_parse_metadata(fields),
        end_user=next((user for user in users if user is not None), None),
        cache_key=fields.text("prompt_cache_key"),
        service_tier=fields.text("service_tier"),
        verbosity=fields.text("verbosity"),
        store=fields.boolean("store"),
        modalities=fields.texts("modalities"),
        extra=luggage({**fields.rest(), **{key: value for key, value in left.items() if value}}),
    )


def _parse_stop(fields: Fields) -> tuple[str, ...]:
    if fields.kind("stop") == "string":
        return (fields.need_text("stop"),)
    return fields.texts("stop")


def _parse_bias(fields: Fields) -> dict[str, float]:
    child = fields.child("logit_bias")
    if child is None:
        return {}
    return {key: value for key in child.keys() if (value := child.number(key)) is not None}  # noqa: SIM118 - no dict


def _parse_metadata(fields: Fields) -> dict[str, str]:
    child = fields.child("metadata")
    if child is None:
        return {}
    return {key: child.need_text(key) for key in child.keys()}  # noqa: SIM118 - no dict


def _parse_output(fields: Fields, left: Body) -> OutputFormat | None:
    child = fields.child("response_format")
    if child is None:
        return None
    kind = child.need_text("type")
    if kind == "json_schema":
        inner = child.child("json_schema")
        if inner is None:
            raise child.error("json_schema", "required")
        output = OutputFormat(
            kind="json_schema",
            name=inner.text("name"),
            schema=inner.json("schema"),
            strict=inner.boolean("strict"),
            description=inner.text("description"),
        )
        rest = {**child.rest(), **({"json_schema": more} if (more := inner.rest()) else {})}
    else:
        known = {"text": OutputFormat(kind="text"), "json_object": OutputFormat(kind="json")}
        if kind not in known:
            left["response_format"] = {"type": kind, **child.rest()}
            return None
        output, rest = known[kind], child.rest()
    left["response_format"] = rest
    return output


def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider.

    Raises:
        Unsupported: content that the host cannot take, or a setting where configuration refuses its loss.
    """
    request = _prompted(_allowed(request, context), context)
    host = context.host
    messages = _system_in_front(request.messages, context)
    model = context.model or request.model
    body: Body = {**({"model": model} if model else {}), "messages": render_messages(messages, context)}
    render_tools(body, request, context)
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    renamed = (
        (host.max_tokens_field, request.max_output_tokens),
        (host.seed_field, request.seed),
        ("user", request.end_user),
        ("prompt_cache_key", request.cache_key),
        ("stop", list(request.stop)),
        ("logit_bias", request.logit_bias),
        ("metadata", request.metadata),
        ("modalities", list(request.modalities)),
    )
    body.update({key: value for key, value in renamed if value not in (None, [], {})})
    if request.output is not None:
        _render_output(body, request.output, context)
    _render_thinking(body, request, context)
    if request.stream:
        body["stream"] = True
        if host.usage == "asked":
            body["stream_options"] = {"include_usage": True}
    put_back(body, request.extra)
    lose_foreign(request.extra, context)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(path=PATH, body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def _allowed(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request without what the host or the model refuses."""
    refused = {name: "the host does not take it" for name in context.host.refuses if name in _DEFAULTS}
    if context.traits.sampling is False:
        refused |= dict.fromkeys(_SAMPLING, "the model takes no sampling settings")
    if context.traits.tools is False:
        refused["tools"] = "the model calls no tools"
    refused["previous_response_id"] = "this format keeps no conversations"
    changes = {}
    for name, reason in refused.items():
        if getattr(request, name) != _DEFAULTS[name]:
            context.lose(name, reason, kind="content" if name in _CONTENT else "setting")
            changes[name] = _DEFAULTS[name]
    if _cites_others(request):
        context.lose("annotations", "citations of earlier answers have no place in a request")
    if request.cache is not None and "cache" not in changes:
        context.lose("cache", "prompts are cached automatically here, or not at all")
    return msgspec.structs.replace(request, **changes) if changes else request


def _cites_others(request: ChatRequest) -> bool:
    """Whether citations of other formats stand in the history; those of this one were never meant to come back."""
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, TextPart) and any(annotation.dialect != ID for annotation in part.annotations):
                return True
    return False


def _render_thinking(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    wanted = request.reasoning
    if context.traits.tools_with_reasoning is False and any(isinstance(tool, FunctionTool) for tool in request.tools):
        if wanted is not None and wanted.effort != "none" and wanted.enabled is not False:
            context.lose("reasoning", "the model does not reason together with function tools on this endpoint")
        wanted = Reasoning(effort="none")
    if wanted is not None:
        render_reasoning(body, wanted, context)


def _prompted(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request with what must be said in the prompt because the host has no field for it."""
    output = request.output
    words = ""
    if output is not None and output.kind == "json_schema" and not _takes_schema(context):
        words = "Answer with one JSON object and nothing else. It must match this JSON Schema:\n" + _schema(
            output.schema
        )
        context.emulate("output.schema", "no output by schema; the schema is in the prompt")
    elif output is not None and output.kind == "json" and not any(_says_json(one) for one in request.messages):
        words = "Answer with one JSON object and nothing else."
        context.emulate("output", "this format wants the word JSON in the prompt")
    if not words:
        return request
    return msgspec.structs.replace(request, messages=_instructed(request.messages, words))


def _schema(schema: Json) -> str:
    return msgspec.json.encode(schema if schema is not None else {"type": "object"}).decode()


def _takes_schema(context: TranslationContext) -> bool:
    return context.host.json_schema and context.traits.structured_output is not False


def _says_json(message: Message) -> bool:
    return "json" in message.text.lower()


def _instructed(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """Messages with an instruction at the end of the leading system messages, where caches suffer least."""
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    if not count:
        return (system(words), *messages)
    last = messages[count - 1]
    joined = msgspec.structs.replace(last, parts=(*last.parts, TextPart(text=words)))
    return (*messages[: count - 1], joined, *messages[count:])


def _system_in_front(messages: tuple[Message, ...], context: TranslationContext) -> tuple[Message, ...]:
    """For hosts whose templates take one system message, at the head: joins the first ones, rewrites later ones."""
    if context.host.system_anywhere:
        return messages
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    leading: tuple[Message, ...] = messages[:count]
    if count > 1:
        context.emulate("messages", "several system messages go as one")
        leading = (system("\n\n".join(message.text for message in leading if message.text)),)
    return (*leading, *(_as_user(message, count + i, context) for i, message in enumerate(messages[count:])))


def _as_user(message: Message, place: int, context: TranslationContext) -> Message:
    if message.role != "system":
        return message
    context.emulate(f"messages[{place}]", "a later system message goes as marked user text")
    text = TextPart(text=f"<system>\n{message.text}\n</system>")
    return msgspec.structs.replace(message, role="user", raw_role=None, parts=(text,))


def _render_output(body: Body, output: OutputFormat, context: TranslationContext) -> None:
    if output.kind == "text":
        body["response_format"] = {"type": "text"}
    elif output.kind == "json" or not context.host.json_schema:
        if context.traits.structured_output is not False:
            body["response_format"] = {"type": "json_object"}
    elif _takes_schema(context):
        schema: Body = {"name": output.name or "answer", "schema": output.schema}
        for key in ("strict", "description"):
            if (value := getattr(output, key)) is not None:
                schema[key] = value
        if schema["schema"] is None:
            del schema["schema"]
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
