"""Our API as OpenAPI 3.1: made of the table of routes and of the types that read the bodies, so that it cannot lie."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from interlingua._version import __version__
from interlingua.client.presets import Preset
from interlingua.dialects import registry
from interlingua.engine.usage import By
from interlingua.gateway import (
    admin,
    benchmarks,
    chats,
    credential_routes,
    facts,
    key_routes,
    local_routes,
    raw_request,
    run_routes,
    run_tools,
    session_routes,
)
from interlingua.gateway.answers import ANSWERS, Told
from interlingua.gateway.asked import MOST_ITEMS, Asked, tagged
from interlingua.gateway.routes import ANTHROPIC, CHAT, GEMINI, OLLAMA, RESPONSES, ROUTES, Route
from interlingua.ports.dialect import WireResponse
from interlingua.types.opaque import Json

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/session"): session_routes.SignIn,
    ("POST", "/api/conversations"): chats.New,
    ("PATCH", "/api/conversations/{id}"): chats.Changes,
    ("POST", "/api/conversations/{id}/messages"): chats.Said,
    ("POST", "/api/conversations/{id}/fork"): chats.Forked,
    ("POST", "/api/runs"): run_routes.Start,
    ("POST", "/api/runs/{id}/tools/{call}/approve"): run_tools.Decision,
    ("POST", "/api/estimate"): facts.Draft,
    ("POST", "/api/providers/{id}/test"): admin.Trial,
    ("POST", "/api/benchmarks"): benchmarks.New,
    ("PUT", "/api/providers/active"): admin.Active,
    ("PUT", "/api/settings/{path}"): admin.Setting,
    ("PUT", "/api/credentials/{provider}/{profile}"): credential_routes.New,
    ("POST", "/api/virtual-keys"): key_routes.New,
    ("POST", "/api/local/pull"): local_routes.Pull,
    ("PUT", "/api/presets/{name}"): Preset,
    ("PUT", "/api/routes/{name:path}"): dict[str, Json],
}
_MAY_BE_EMPTY = (admin.Trial,)
_LIMIT = Annotated[int, Meta(ge=1, le=MOST_ITEMS)]
_PAGE = (("after", str), ("limit", _LIMIT))
QUERIES: dict[tuple[str, str], tuple[tuple[str, Any], ...]] = {
    ("GET", "/api/conversations"): (
        *(("q", str), ("folder", str), ("pinned", bool), ("archived", bool)),
        *_PAGE,
    ),
    ("GET", "/api/conversations/{id}/messages/{message}/request"): (("form", Literal[raw_request.FORMS]),),
    ("GET", "/api/conversations/{id}/export"): (
        ("format", Literal["markdown", "json", "openai_chat"]),
        ("whole", bool),
    ),
    ("GET", "/api/runs"): (("conversation", str),),
    ("GET", "/api/runs/{id}/events"): (("after", Annotated[int, Meta(ge=0, lt=10**11)]),),
    ("GET", "/api/requests"): (("status", Literal["ok", "failed"]), ("model", str), ("key", str), *_PAGE),
    ("GET", "/api/performance"): (("since", datetime),),
    ("GET", "/api/usage"): (
        *(("by", list[By]), ("since", datetime), ("until", datetime), ("key", str), ("tenant", str)),
    ),
}
"""What may stand in a path's query, by name; nothing of it must."""
_TAKES_ANY = ("/api/chat/stream", "/api/chat/complete", "/api/explain", "/api/conversations/import")
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_JSON = "application/json"
_ELSEWHERE = Told(200)
"""The answers of dialects, which their makers describe."""
_ERRORS = {GEMINI: "GeminiError", OLLAMA: "OllamaError", ANTHROPIC: "AnthropicError", CHAT: "OpenAIError"}
_ERRORS |= {RESPONSES: "OpenAIError"}


async def described(asked: Asked) -> WireResponse:
    """The description."""
    return tagged(asked, description())


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document."""
    kinds = [*BODIES.values(), *(told.kind for told in ANSWERS.values() if told.kind is not None)]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.operation == "page":
            continue
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Interlingua", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": {**components, **_errors()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A virtual key or a session."},
                "admin": {"type": "http", "scheme": "bearer", "description": "The administrator's token or session."},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "tags": [route.dialect or "interlingua"],
        "responses": _responses(route),
    }
    if route.access != "public":
        found["security"] = [{"admin": []}] if route.access == "admin" else [{"key": []}, {"admin": []}]
    if route.access == "key":
        found["security"].append({})  # open on the loopback while there are no keys
    parameters = [_parameter(name, "path", required=True) for name in _PARAMETER.findall(route.path)]
    parameters += [_parameter(name, "query", kind) for name, kind in QUERIES.get((route.method, route.path), ())]
    if parameters:
        found["parameters"] = parameters
    body = BODIES.get((route.method, route.path))
    if body is not None:
        found["requestBody"] = {
            "required": body not in _MAY_BE_EMPTY,
            "content": {_JSON: {"schema": _schema(body)}},
        }
    elif (route.dialect or route.path in _TAKES_ANY) and route.method == "POST":
        # What is in it is the business of a dialect, whose maker describes it.
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": {"type": "object"}}}}
    return found


def _responses(route: Route) -> dict[str, Any]:
    error = {"$ref": f"#/components/schemas/{_ERRORS.get(route.dialect, 'Error')}"}
    found: dict[str, Any] = {"default": {"description": "Why it did not.", "content": {_JSON: {"schema": error}}}}
    if route.operation == "unsupported":
        return {
            "501": {**found["default"], "description": "It is not offered, and what is instead."},
            **found,
        }
    told = ANSWERS.get((route.method, route.path), _ELSEWHERE)
    good: dict[str, Any] = {"description": "It went well."}
    if told.content:
        streams = (registry.dialect(route.dialect).STREAM_CONTENT_TYPE,) if route.operation == "chat" else ()
        schema = {} if told.kind is None else {"schema": _schema(told.kind)}
        good["content"] = dict.fromkeys((*told.content, *streams), schema)
    found[str(told.status)] = good
    if told.tagged:
        found["304"] = {"description": "It is as the tag says that was sent."}
    if route.path == "/readyz":
        found["503"] = {"description": "It takes no calls now.", "content": {_JSON: {}}}
    return dict(sorted(found.items()))


def _parameter(name: str, place: str, kind: Any = str, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1} if required else _schema(kind)
    return {"name": name, "in": place, "required": required, "schema": schema}


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    return schema


def _errors() -> dict[str, Any]:
    """The envelopes of errors: ours, and those of the dialects, as far as every one of theirs has them."""
    text, some = {"type": ["string", "null"]}, {"type": "string"}

    def envelope(**fields: Any) -> dict[str, Any]:
        inner = {"type": "object", "properties": fields, "required": list(fields)}
        return {"type": "object", "properties": {"error": inner}, "required": ["error"]}

    own = {"code": text, "message": some, "remedy": text, "fault": some, "request_id": text}
    return {
        "Error": envelope(**own, retryable={"type": "boolean"}),
        "OpenAIError": envelope(message=some, type=text, param=text, code=text),
        "AnthropicError": envelope(type=some, message=some),
        "GeminiError": envelope(code={"type": "integer"}, message=some, status=some),
        "OllamaError": {"type": "object", "properties": {"error": some}, "required": ["error"]},
    }
