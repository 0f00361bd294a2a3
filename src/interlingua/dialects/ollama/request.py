"""Requests. What tunes an answer stands in `options`; `stream` is true unless the client says otherwise."""

from __future__ import annotations

from typing import Any

import msgspec

from interlingua.dialects.ollama.generate import PATH as GENERATE_PATH
from interlingua.dialects.ollama.generate import as_prompt, is_generate, is_marked, parse_prompt
from interlingua.dialects.ollama.messages import ConversationReader, ConversationWriter
from interlingua.dialects.ollama.plain import PlainOptions, PlainRequest, read_request
from interlingua.dialects.ollama.schema import GENERATE, Body, bad_request, lose_foreign, luggage, put_back
from interlingua.dialects.ollama.thinking import parse_think, render_think
from interlingua.dialects.ollama.tools import parse_tools, render_tools
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.opaque import Json
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest, OutputFormat
from interlingua.wire.fields import Fields

PATH = "/api/chat"

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_INTEGERS = ("top_k", "seed")
_UNKNOWN_HERE = {
    "logit_bias": "tokens cannot be weighted",
    "metadata": "there is no field for labels",
    "end_user": "there is no field for the person behind the call",
    "cache_key": "the server finds shared prompts by itself",
    "cache": "the server caches by itself",
    "verbosity": "there is no such setting",
    "store": "nothing is stored here",
}
_UNTUNED = PlainOptions()
_UNSAID = ChatRequest(model="")
_PLAIN_TIERS = (None, "auto", "default", "standard_only")


def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """What a client asks, on either path; a conversation without messages asks only to load the model.

    Raises:
        InvalidRequest: the body is not this dialect's; the message names the field.
    """
    generate = is_generate(request.path)
    if not generate and (plain := read_request(request.body)) is not None:
        return _parse_plain(plain, context)
    fields = Fields(request.body, bad_request)
    messages = parse_prompt(fields) if generate else ConversationReader(context).read(fields)
    settings, options = _parse_options(fields.child("options"))
    stream = fields.boolean("stream")
    known: dict[str, Any] = {
        "model": fields.text("model") or "",
        "tools": parse_tools(fields),
        "output": _parse_format(fields),
        "reasoning": parse_think(fields),
        "logprobs": fields.boolean("logprobs"),
        "top_logprobs": fields.integer("top_logprobs", least=0),
    }
    left = {GENERATE: True} if generate else {}
    extra = luggage(fields.rest(), {"options": options} if options else {}, left)
    return ChatRequest(messages=messages, stream=stream is not False, extra=extra, **known, **settings)


def _parse_plain(plain: PlainRequest, context: TranslationContext) -> ChatRequest:
    options = plain.options or _UNTUNED
    return ChatRequest(
        model=plain.model,
        messages=ConversationReader(context).read_plain(plain.messages),
        tools=tuple([tool.tool() for tool in plain.tools]) if plain.tools else (),
        stream=plain.stream is not False,
        max_output_tokens=options.num_predict,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        seed=options.seed,
        stop=tuple(options.stop) if options.stop else (),
    )


def _parse_options(options: Fields | None) -> tuple[dict[str, Any], dict[str, Json]]:
    if options is None:
        return {}, {}
    limit = options.integer("num_predict")
    found: dict[str, Any] = {key: options.number(key) for key in _NUMBERS}
    found |= {key: options.integer(key) for key in _INTEGERS}
    found["stop"] = (options.need_text("stop"),) if options.kind("stop") == "string" else options.texts("stop")
    left = options.rest()
    if limit is not None and limit < 0:  # -1 is no limit, -2 all of the context
        left["num_predict"], limit = limit, None
    return found | {"max_output_tokens": limit}, left


def _parse_format(fields: Fields) -> OutputFormat | None:
    if fields.kind("format") == "object":
        return OutputFormat(kind="json_schema", schema=fields.json("format"))
    word = fields.text("format")
    if word not in (None, "", "json"):
        raise fields.error("format", f'expected "json" or a JSON schema, got {word!r}')
    return OutputFormat(kind="json") if word else None


def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider; what cannot be carried goes to the context's losses.

    Raises:
        Unsupported: content that cannot be carried, where that is refused.
    """
    request = _without_refused(request, context)
    _lose_unknown(request, context)
    body: Body = {
        "model": context.model or request.model,
        "messages": ConversationWriter(request.messages, context).write(),
        "stream": request.stream,
    }
    think = render_think(request.reasoning, context)
    optional = (
        ("tools", render_tools(request, context) or None),
        ("format", _render_format(request.output)),
        ("think", think),
        ("logprobs", request.logprobs),
        ("top_logprobs", request.top_logprobs),
        ("options", _render_options(request) or None),
    )
    body |= {key: value for key, value in optional if value is not None}
    put_back(body, request.extra)
    lose_foreign(request.extra, context)
    body.pop(GENERATE, None)
    prompt = as_prompt(body, context) if is_marked(request.extra) else None
    path, body = (PATH, body) if prompt is None else (GENERATE_PATH, prompt)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(path=path, body=msgspec.json.encode(body), headers=(("content-type", "application/json"),))


def _without_refused(request: ChatRequest, context: TranslationContext) -> ChatRequest:
    """The request without the fields that the host is known to reject."""
    changes: dict[str, Any] = {}
    for name in context.host.refuses:
        unsaid = getattr(_UNSAID, name, None)
        if getattr(request, name, unsaid) != unsaid:
            context.lose(name, "this host does not take it")
            changes[name] = unsaid
    return msgspec.structs.replace(request, **changes) if changes else request


def _lose_unknown(request: ChatRequest, context: TranslationContext) -> None:
    for name, reason in _UNKNOWN_HERE.items():
        if getattr(request, name):
            context.lose(name, reason)
    if request.service_tier not in _PLAIN_TIERS:
        context.lose("service_tier", "there is one tier")
    if request.n is not None and request.n > 1:
        context.lose("n", "there is one answer to a request")
    if request.previous_response_id is not None:
        context.lose("previous_response_id", "no conversations are kept here", "content")
    if set(request.modalities) - {"text"}:
        context.lose("modalities", "answers are text", "content")
    parts = [part for message in request.messages for part in message.parts]
    if [part for part in parts if isinstance(part, TextPart) and part.annotations]:
        context.lose("annotations", "citations of earlier answers have no place in a request")
    if request.cache is None and [item for item in (*parts, *request.tools) if item.cache]:
        context.lose("cache", _UNKNOWN_HERE["cache"])


def _render_format(output: OutputFormat | None) -> Json:
    if output is None or output.kind == "text":
        return None
    if output.kind == "json" or output.schema is None:
        return "json"
    if output.description and isinstance(output.schema, dict):
        return {"description": output.description, **output.schema}
    return output.schema


def _render_options(request: ChatRequest) -> Body:
    found = {key: getattr(request, key) for key in (*_NUMBERS, *_INTEGERS)}
    found |= {"num_predict": request.max_output_tokens, "stop": list(request.stop) or None}
    return {key: value for key, value in found.items() if value is not None}
