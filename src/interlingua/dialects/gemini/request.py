"""Requests. Model and streaming stand in the path, everything about sampling and form in `generationConfig`."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from interlingua.dialects.gemini.contents import ContentWriter, parse_contents, parse_plain, parse_system
from interlingua.dialects.gemini.json_schema import parse_schema, render_schema
from interlingua.dialects.gemini.plain import PlainRequest, read_request
from interlingua.dialects.gemini.schema import ID, ProtoFields, bad_request, checked, luggage, own
from interlingua.dialects.gemini.thinking import parse_thinking, render_thinking
from interlingua.dialects.gemini.tools import parse_tool_config, parse_tools, render_tool_config, render_tools
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.opaque import Json
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning

MOST_STOPS = 5
"""How many stop strings a request may hold."""

_PATH = re.compile(r".*?/(?P<kind>models|tunedModels)/(?P<name>.+):(?P<method>\w+)", re.DOTALL)
_SAFE = "/:@!$&'()*+,;=~"
_KINDS = ("models/", "tunedModels/")
_JSON = "application/json"
_UNSAID = ChatRequest(model="")
_TIERS = {"default": "standard", "fast": "priority"}
_OWN_TIERS = ("flex", "standard", "priority")
_UNKNOWN_HERE = {
    "logit_bias": "token ids mean nothing to another model",
    "end_user": "there is no field for the person behind the call",
    "cache_key": "the provider finds shared prompts by itself",
    "cache": "the provider caches by itself, or by cachedContents made beforehand",
    "verbosity": "there is no such setting",
}


def parse_path(path: str) -> tuple[str, bool]:
    """The model that a path names, and whether it asks for a stream; empty and False for a path without either."""
    found = _PATH.fullmatch(path.partition("?")[0])
    if found is None:
        return "", False
    name = unquote(found["name"])
    model = name if found["kind"] == "models" else f"tunedModels/{name}"
    return model, found["method"].startswith("stream")


def render_path(model: str, stream: bool) -> str:
    """The path below the endpoint's base address.

    Raises:
        InvalidRequest: the name would lead to another path of the host, with our credential.
    """
    if not {".", ".."}.isdisjoint(model.split("/")):
        raise bad_request("model", f"{model!r} is no name: no segment of it may be . or ..")
    name = quote(model, safe=_SAFE)
    place = name if name.startswith(_KINDS) else f"models/{name}"
    return f"/{place}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"


def parse_request(request: WireRequest, context: TranslationContext) -> ChatRequest:
    """What a client asks.

    Raises:
        InvalidRequest: the body is not this dialect's; the message names the field.
    """
    source = checked(request.body, bad_request)
    model, stream = parse_path(request.path)
    if (plain := read_request(source)) is not None:
        return _parse_plain(plain, model, stream, context)
    body = ProtoFields(source, bad_request)
    named = body.text("model")
    messages = parse_contents(body, context)
    system = body.child("systemInstruction")
    choice, left_of_choice = parse_tool_config(body.child("toolConfig"))
    settings, left_of_settings = _parse_config(body.child("generationConfig"))
    messages = [*parse_system(system, context), *messages]
    return ChatRequest(
        model=model or (named or "").removeprefix("models/"),
        stream=stream,
        messages=tuple(messages),
        tools=parse_tools(body.list_of("tools")),
        tool_choice=choice,
        metadata=_parse_labels(body),
        service_tier=body.text("serviceTier"),
        store=body.boolean("store"),
        extra=luggage(body.rest(), left_of_choice, left_of_settings),
        **settings,
    )


def _parse_plain(plain: PlainRequest, model: str, stream: bool, context: TranslationContext) -> ChatRequest:
    system, config = plain.system_instruction, plain.generation_config
    messages = parse_plain(plain.contents, context)
    if system is not None:
        messages = [*system.message(), *messages]
    return ChatRequest(
        model=model or (plain.model or "").removeprefix("models/"),
        stream=stream,
        messages=tuple(messages),
        tools=tuple([one.tool() for tool in plain.tools for one in tool.functionDeclarations]) if plain.tools else (),
        **(config.settings() if config is not None else {}),
    )


def _parse_labels(body: ProtoFields) -> dict[str, str]:
    labels = body.json("labels")
    if labels is None:
        return {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise body.error("labels", "expected an object of strings")
    return labels


def _parse_config(config: ProtoFields | None) -> tuple[dict[str, Any], dict[str, Json]]:
    if config is None:
        return {}, {}
    reasoning, left = parse_thinking(config.child("thinkingConfig"))
    found: dict[str, Any] = {
        "temperature": config.number("temperature"),
        "top_p": config.number("topP"),
        "top_k": config.integer("topK"),
        "n": config.integer("candidateCount", least=1),
        "max_output_tokens": config.integer("maxOutputTokens", least=0),
        "stop": config.texts("stopSequences"),
        "seed": config.integer("seed"),
        "presence_penalty": config.number("presencePenalty"),
        "frequency_penalty": config.number("frequencyPenalty"),
        "logprobs": config.boolean("responseLogprobs"),
        "top_logprobs": config.integer("logprobs", least=0),
        "modalities": tuple(word.lower() for word in config.texts("responseModalities")),
        "output": _parse_output(config),
        "reasoning": reasoning,
    }
    rest = config.rest() | ({"thinkingConfig": left} if left else {})
    return found, {"generationConfig": rest} if rest else {}


def _parse_output(config: ProtoFields) -> OutputFormat | None:
    word = config.look("responseMimeType")
    if word not in (None, "", "text/plain", _JSON):
        return None  # such as text/x.enum: it stays with the leftovers, schema and all
    config.skip("responseMimeType")
    plain, openapi = config.json("responseJsonSchema"), config.json("responseSchema")
    if plain is not None or openapi is not None:
        return OutputFormat(kind="json_schema", schema=plain if plain is not None else parse_schema(openapi))
    if word == _JSON:
        return OutputFormat(kind="json")
    return OutputFormat(kind="text") if word == "text/plain" else None


def render_request(request: ChatRequest, context: TranslationContext) -> WireRequest:
    """What we ask a provider; what cannot be carried goes to the context's losses.

    Raises:
        Unsupported: content that cannot be carried, where that is refused.
        InvalidRequest: a tool result answers no call.
    """
    request = _without_refused(request, context)
    _lose_unknown(request, context)
    system, contents = ContentWriter(request.messages, context).write()
    body: dict[str, Any] = {"contents": contents}
    if system is not None:
        body["systemInstruction"] = system
    tools = render_tools(request.tools, context)
    if tools:
        body["tools"] = tools
    has_functions = any("functionDeclarations" in tool for tool in tools)
    config = render_tool_config(request, has_functions, context)
    if config:
        body["toolConfig"] = config
    settings = _render_config(request, context)
    if settings:
        body["generationConfig"] = settings
    if request.metadata:
        body["labels"] = request.metadata
    tier = _render_tier(request.service_tier, context)
    if tier:
        body["serviceTier"] = tier
    if request.store is not None:
        body["store"] = request.store
    for key, value in own(request.extra).items():
        body.setdefault(key, value)
    if context.quirk.request is not None:
        body = context.quirk.request(msgspec.json.decode(msgspec.json.encode(body)))
    return WireRequest(
        path=render_path(request.model if not context.model else context.model, request.stream),
        body=msgspec.json.encode(body),
        headers=(("content-type", _JSON),),
    )


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
    if request.previous_response_id is not None:
        context.lose("previous_response_id", "the provider keeps no conversations here", "content")
    parts = [part for message in request.messages for part in message.parts]
    cited = [part.annotations for part in parts if isinstance(part, TextPart) and part.annotations]
    if any(annotation.dialect != ID for annotations in cited for annotation in annotations):
        context.lose("annotations", "citations of earlier answers have no place in a request")
    if request.cache is None and [item for item in (*parts, *request.tools) if item.cache]:
        context.lose("cache", _UNKNOWN_HERE["cache"])
    carriers = [item for item in (request, *request.messages, *parts, *request.tools) if item.extra]
    foreign = {key: None for item in carriers for key, value in item.extra.items() if key != ID and value}
    for key in foreign:
        context.lose(f"extra.{key}", f"fields that only {key} knows")


def _render_tier(tier: str | None, context: TranslationContext) -> str | None:
    if tier in (None, "auto"):
        return None
    word = _TIERS.get(tier, tier)
    if word not in _OWN_TIERS:
        context.lose("service_tier", f"there is no tier {tier!r}")
        return None
    if word != tier:
        context.emulate("service_tier", f"{tier!r} sent as {word!r}")
    return word


def _render_config(request: ChatRequest, context: TranslationContext) -> dict[str, Any]:
    sampling: dict[str, Any] = {"temperature": request.temperature, "topP": request.top_p, "topK": request.top_k}
    if context.traits.sampling is False:
        for name in ("temperature", "top_p", "top_k"):
            if getattr(request, name) is not None:
                context.lose(name, "this model takes no sampling settings")
        sampling = {}
    stop = list(request.stop)
    if len(stop) > MOST_STOPS:
        context.lose("stop", f"only the first {MOST_STOPS} strings are sent")
        stop = stop[:MOST_STOPS]
    wire: dict[str, Any] = sampling | {
        "candidateCount": request.n,
        "maxOutputTokens": request.max_output_tokens,
        "stopSequences": stop or None,
        "seed": request.seed,
        "presencePenalty": request.presence_penalty,
        "frequencyPenalty": request.frequency_penalty,
        "responseLogprobs": request.logprobs,
        "logprobs": request.top_logprobs,
        "responseModalities": [word.upper() for word in request.modalities] or None,
        **_render_output(request.output, context),
        "thinkingConfig": _render_thinking(request.reasoning, request, context) or None,
    }
    found = {key: value for key, value in wire.items() if value is not None}
    kept = own(request.extra).get("generationConfig")
    if isinstance(kept, dict):
        found = {key: value for key, value in kept.items() if key != "thinkingConfig"} | found
    return found


def _render_thinking(reasoning: Reasoning | None, request: ChatRequest, context: TranslationContext) -> dict[str, Any]:
    kept = own(request.extra).get("generationConfig", {})
    left = kept.get("thinkingConfig", {}) if isinstance(kept, dict) else {}
    return (left if isinstance(left, dict) else {}) | render_thinking(reasoning, context)


def _render_output(output: OutputFormat | None, context: TranslationContext) -> dict[str, Any]:
    if output is None:
        return {}
    if output.kind == "text":
        return {"responseMimeType": "text/plain"}
    wire: dict[str, Any] = {"responseMimeType": _JSON}
    if output.kind == "json_schema":
        schema, rewritten = render_schema(output.schema)
        if rewritten:
            context.emulate("output.schema", "keywords that the provider does not know written another way")
        if output.description and isinstance(schema, dict):
            schema = {"description": output.description, **schema}
        wire["responseJsonSchema"] = schema if schema is not None else {"type": "object"}
    return wire
