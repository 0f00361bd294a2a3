"""Our API as OpenAPI 3.1: made of the table of routes and of the types that read the bodies, so that it cannot lie."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from interlingua._version import __version__
from interlingua.client.presets import Preset
from interlingua.gateway import (
    admin,
    chats,
    credential_routes,
    facts,
    key_routes,
    local_routes,
    run_routes,
    run_tools,
    session_routes,
)
from interlingua.gateway.asked import Asked, tagged
from interlingua.gateway.routes import ROUTES, Route
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
    ("PUT", "/api/providers/active"): admin.Active,
    ("PUT", "/api/settings/{path}"): admin.Setting,
    ("PUT", "/api/credentials/{provider}/{profile}"): credential_routes.New,
    ("POST", "/api/virtual-keys"): key_routes.New,
    ("POST", "/api/local/pull"): local_routes.Pull,
    ("PUT", "/api/presets/{name}"): Preset,
    ("PUT", "/api/routes/{name:path}"): dict[str, Json],
}
_MAY_BE_EMPTY = (admin.Trial,)
_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")
_EVENTS = ("/events", "/api/chat/stream", "/api/local/pull")


async def described(asked: Asked) -> WireResponse:
    """The description."""
    return tagged(asked, description())


@cache
def description() -> dict[str, Any]:
    """The OpenAPI document."""
    _, components = msgspec.json.schema_components(list(BODIES.values()), ref_template="#/components/schemas/{name}")
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
            "schemas": {**components, "Error": _error()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A virtual key or a session."},
                "admin": {"type": "http", "scheme": "bearer", "description": "The administrator's token or session."},
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    kind = "text/event-stream" if route.path.endswith(_EVENTS) else "application/json"
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_"),
        "tags": [route.dialect or "interlingua"],
        "responses": {
            "2XX": {"description": "It went well.", "content": {kind: {}}},
            "default": {
                "description": "Why it did not.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if route.access != "public":
        found["security"] = [{"admin": []}] if route.access == "admin" else [{"key": []}, {"admin": []}]
    if route.access == "key":
        found["security"].append({})  # open on the loopback while there are no keys
    names = _PARAMETER.findall(route.path)
    if names:
        text = {"type": "string", "minLength": 1}
        found["parameters"] = [{"name": name, "in": "path", "required": True, "schema": text} for name in names]
    body = BODIES.get((route.method, route.path))
    if body is not None:
        (schema,), _ = msgspec.json.schema_components([body], ref_template="#/components/schemas/{name}")
        found["requestBody"] = {
            "required": body not in _MAY_BE_EMPTY,
            "content": {"application/json": {"schema": schema}},
        }
    return found


def _error() -> dict[str, Any]:
    text = {"type": ["string", "null"]}
    fields = {"code": text, "message": text, "remedy": text, "fault": text, "request_id": text}
    inner = {"type": "object", "properties": {**fields, "retryable": {"type": "boolean"}}}
    return {"type": "object", "properties": {"error": inner}}
