"""Requests: what a client asks, and what we ask a provider.

We are stateless unless asked otherwise: nothing is stored at the provider, and the encrypted reasoning that makes a
next turn possible is asked for. System messages stay among the items where they stood, with their role, because
`instructions` cannot hold several, nor cache breakpoints, nor a place; only what came as `instructions` goes as such.
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.openai_responses.added_tools import parse_added, put_added_back
from interlingua.dialects.openai_responses.content import cache_ttl
from interlingua.dialects.openai_responses.items import parse_input, render_input
from interlingua.dialects.openai_responses.plain import parse_plain
from interlingua.dialects.openai_responses.reasoning import parse_reasoning, render_reasoning
from interlingua.dialects.openai_responses.schema import (
    ENCRYPTED,
    ID,
    INSTRUCTIONS,
    LOGPROBS,
    Body,
    bad_request,
    checked,
    lose_foreign,
    luggage,
    own,
    put_back,
)
from interlingua.dialects.openai_responses.tools import parse_choice, parse_tools, render_tools
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.loss import LossAction
from interlingua.types.messages import Message, system
from interlingua.types.opaque import Json
from interlingua.types.parts import CacheHint, TextPart
from interlingua.types.request import ChatRequest, OutputFormat
from interlingua.wire.fields import Fields

PATH = "/responses"

_DEFAULTS = {name: getattr(ChatRequest(model=""), name) for name in ChatRequest.__struct_fields__}
_UNKNOWN = ("top_k", "frequency_penalty", "presence_penalty", "seed", "stop", "logit_bias")
"""Settings that this format has no field for."""
_SAMPLING = ("temperature", "top_p", "logprobs", "top_logprobs")
_PLAIN = (
    "previous_response_id",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_logprobs",
)
"""Fields of one name and meaning on both sides."""
_TIERS = {"standard": "default", "standard_only": "default"}
"""Tiers that other dialects call otherwise; any other word goes out as it is."""
_ELSEWHERE = ("conversation", "previous_response_id", "prompt")
"""Where the conversation may stand if there is no `input`."""
_STATEFUL = ("conversation", "background")
"""Fields that only make sense where the provider stores the answer."""
_FORMATS = {"text": OutputFormat(kind="text"), "json_object": OutputFormat(kind="json")}


def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """What a client asks.

    Raises:
        InvalidRequest: names the field that is missing or of the wrong shape.
    """
    if (plain := parse_plain(request.body, context)) is not None:
        return plain
    fields = Fields(checked(request.body, bad_request), bad_request)
    if fields.kind("input") in ("", "null") and all(fields.kind(key) in ("", "null") for key in _ELSEWHERE):
        raise fields.error("input", "required")
    messages, added = parse_added(parse_input(fields, context))
    if instructions := fields.text("instructions"):
        first = Message(role="system", raw_role=INSTRUCTIONS, parts=(TextPart(text=instructions),))
        messages.insert(0, first)
    left: Body = {}
    tools = (*parse_tools(fields), *added)
    tool_choice, left["tool_choice"] = parse_choice(fields)
    reasoning, left["reasoning"] = parse_reasoning(fields)
    output, verbosity, left["text"] = _parse_text(fields)
    include = fields.texts("include")
    left["include"] = [word for word in include if word != LOGPROBS]
    cache, left["prompt_cache_options"] = _parse_cache(fields)
    users = [fields.text(key) for key in ("safety_identifier", "user")]
    return ChatRequest(
        model=fields.text("model") or "",
        messages=tuple(messages),
        tools=tools,
        tool_choice=tool_choice,
        parallel_tool_calls=fields.boolean("parallel_tool_calls"),
        max_output_tokens=fields.integer("max_output_tokens", least=1),
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        logprobs=True if LOGPROBS in include else None,
        top_logprobs=fields.integer("top_logprobs"),
        output=output,
        reasoning=reasoning,
        stream=fields.boolean("stream") or False,
        metadata=_parse_metadata(fields),
        end_user=next((user for user in users if user is not None), None),
        cache_key=fields.text("prompt_cache_key"),
        cache=cache,
        service_tier=fields.text("service_tier"),
        verbosity=verbosity,
        store=fields.boolean("store"),
        previous_response_id=fields.text("previous_response_id"),
        extra=luggage({**fields.rest(), **{key: value for key, value in left.items() if value}}),
    )


def _parse_metadata(fields: Fields) -> dict[str, str]:
    child = fields.child("metadata")
    if child is None:
        return {}
    return {key: child.need_text(key) for key in child.keys()}  # noqa: SIM118 - no dict


def _parse_text(fields: Fields) -> tuple[OutputFormat | None, str | None, Body]:
    """(form of the answer, verbosity, the rest of `text`)."""
    text = fields.child("text")
    if text is None:
        return None, None, {}
    verbosity = text.text("verbosity")
    child = text.child("format")
    output, rest = _parse_format(child) if child is not None else (None, {})
    return output, verbosity, {**text.rest(), **({"format": rest} if rest else {})}


def _parse_format(fields: Fields) -> tuple[OutputFormat | None, Body]:
    kind = fields.need_text("type")
    if kind == "json_schema":
        output = OutputFormat(
            kind="json_schema",
            name=fields.need_text("name"),
            schema=fields.json("schema"),
            strict=fields.boolean("strict"),
            description=fields.text("description"),
        )
        return output, fields.rest()
    if kind not in _FORMATS:
        return None, {"type": kind, **fields.rest()}
    return _FORMATS[kind], fields.rest()


def _parse_cache(fields: Fields) -> tuple[CacheHint | None, Body]:
    """Implicit caching is a hint that every dialect knows; other options are this one's own."""
    child = fields.child("prompt_cache_options")
    options = child.rest() if child is not None else {}
    if options.get("mode") == "implicit" and options.keys() <= {"mode", "ttl"}:
        return CacheHint(ttl=str(options.get("ttl", ""))), {}
    return None, options


def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider.

    Raises:
        Unsupported: content that the host cannot take, or a setting where configuration refuses its loss.
    """
    request = put_added_back(_prompted(_allowed(request, context), context), context)
    model = context.model or request.model
    body: Body = {"model": model} if model else {}
    messages, words = _instructions(request.messages, context)
    if words:
        body["instructions"] = words
    items = render_input(messages, context, first=len(request.messages) - len(messages))
    if items or not any(own(request.extra).get(key) for key in _ELSEWHERE if key != "previous_response_id"):
        body["input"] = items
    render_settings(body, request, context)
    if request.stream:
        body["stream"] = True
    lose_foreign(request.extra, context)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(path=PATH, body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def render_settings(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    """Adds everything but the conversation."""
    render_tools(body, request, context)
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    tier = request.service_tier
    renamed = (
        ("service_tier", _TIERS.get(tier, tier) if tier is not None else None),
        ("safety_identifier", request.end_user),
        ("prompt_cache_key", request.cache_key),
        ("metadata", request.metadata),
    )
    body.update({key: value for key, value in renamed if value not in (None, {})})
    render_reasoning(body, request.reasoning, context)
    _render_text(body, request, context)
    _render_cache(body, request.cache, context)
    _render_state(body, request, context)
    if "tools" not in body:
        request = _without(request, "tool_choice")
    put_back(body, request.extra)


def _without(request: ChatRequest, key: str) -> ChatRequest:
    rest = {name: value for name, value in own(request.extra).items() if name != key}
    return msgspec.structs.replace(request, extra={**request.extra, ID: rest})


def _render_state(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    """Adds what is kept at the provider, which is nothing unless it was asked for, and what comes back instead."""
    luggage = own(request.extra)
    store = request.store
    stateful = request.previous_response_id is not None or any(luggage.get(key) for key in _STATEFUL)
    if store is None and not stateful and "store" not in context.host.refuses:
        store = False
    if store is not None:
        body["store"] = store
    include = [word for word in luggage.get("include") or [] if isinstance(word, str)]
    if store is False and context.traits.reasoning is not False and ENCRYPTED not in include:
        include.append(ENCRYPTED)
    if request.logprobs:
        include.append(LOGPROBS)
    if include:
        body["include"] = include


def _render_cache(body: Body, hint: CacheHint | None, context: TranslationContext) -> None:
    if hint is None:
        return
    if context.host.cache_field == "prompt_cache_breakpoint":
        body["prompt_cache_options"] = {"mode": "implicit", **cache_ttl(hint)}
    else:
        context.lose("cache", "prompts are cached automatically here, or not at all")


def _instructions(messages: tuple[Message, ...], context: TranslationContext) -> tuple[tuple[Message, ...], str]:
    """(the other messages, the instructions) where the first message came as such."""
    if not messages or messages[0].raw_role != INSTRUCTIONS or messages[0].role != "system":
        return messages, ""
    texts = [part.text for part in messages[0].parts if isinstance(part, TextPart)]
    if len(texts) < len(messages[0].parts) or any(part.cache for part in messages[0].parts):
        return messages, ""
    return messages[1:], "\n\n".join(text for text in texts if text)


def _allowed(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request without what the format, the host or the model refuses."""
    refused = dict.fromkeys(_UNKNOWN, "this format has no field for it")
    refused |= {name: "the host does not take it" for name in context.host.refuses if name in _DEFAULTS}
    if context.traits.sampling is False:
        refused |= dict.fromkeys(_SAMPLING, "the model takes no sampling settings")
    if context.traits.tools is False:
        refused["tools"] = "the model calls no tools"
    if request.n != 1:
        refused["n"] = "this format gives one answer"
    if "text" not in request.modalities or len(request.modalities) > 1:
        refused["modalities"] = "this format answers in text"
    changes: dict[str, Any] = {}
    for name, reason in refused.items():
        if getattr(request, name) != _DEFAULTS[name]:
            content = name in ("messages", "tools", "previous_response_id", "modalities")
            context.lose(name, reason, kind="content" if content else "setting")
            changes[name] = _DEFAULTS[name]
    return msgspec.structs.replace(request, **changes) if changes else request


def _render_text(body: Body, request: ChatRequest, context: TranslationContext) -> None:
    text: Body = {}
    output = request.output
    if output is not None and output.kind == "text":
        text["format"] = {"type": "text"}
    elif output is not None and output.kind == "json" and context.traits.structured_output is not False:
        text["format"] = {"type": "json_object"}
    elif output is not None and output.kind == "json_schema" and _takes_schema(context):
        form = {"type": "json_schema", "name": output.name or "answer", "schema": output.schema}
        optional = {"strict": output.strict, "description": output.description}
        text["format"] = {**form, **{key: value for key, value in optional.items() if value is not None}}
        if output.schema is None:
            text["format"]["schema"] = {"type": "object"}
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        body["text"] = text
        left = own(request.extra).get("text")
        if isinstance(left, dict) and isinstance(left.get("format"), dict) and "format" in text:
            text["format"] = {**left["format"], **text["format"]}


def _takes_schema(context: TranslationContext) -> bool:
    return context.host.json_schema and context.traits.structured_output is not False


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


def _says_json(message: Message) -> bool:
    return message.raw_role != INSTRUCTIONS and "json" in message.text.lower()


def _instructed(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """Messages with an instruction behind the leading system messages, where caches suffer least."""
    count = next((i for i, message in enumerate(messages) if message.role != "system"), len(messages))
    return (*messages[:count], system(words), *messages[count:])


def echo(request: ChatRequest | None, context: TranslationContext) -> Body:
    """What an answer repeats of the request that it answers; nothing where the request is not known."""
    if request is None:
        return {}
    drop: dict[Any, LossAction] = {"setting": "drop", "content": "drop"}
    host = msgspec.structs.replace(context.host, namespaces=True)
    quiet = TranslationContext(dialect=ID, host=host, on_loss=drop)
    _, words = _instructions(request.messages, quiet)
    body: Body = {"instructions": words or None}
    render_settings(body, _allowed(msgspec.structs.replace(request, reasoning=None), quiet), quiet)
    if request.reasoning is not None:
        body["reasoning"] = {"effort": request.reasoning.effort, "summary": request.reasoning.display}
    for key in ("include", "service_tier", "stream_options"):
        body.pop(key, None)
    if request.store is None:
        body.pop("store", None)
    return body
