"""Every route of the gateway, in one table: what it is for, in which dialect, and who may use it.

Who is not named here gets nothing: a path that stands in no row is unknown, and a row without a key's or an
administrator's access is public on purpose. Inference paths are found by one look-up; Gemini's hold the model and
the verb in their last segment, so they are found by prefix (contracts §6.2, §8).

`key` is a virtual key's holder or the administrator, or anybody on this machine while there are no keys. `session` is
the same without that exception: conversations, runs and usage are nobody's but their owner's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Access = Literal["public", "key", "session", "admin"]
Operation = Literal[
    "chat",
    "embeddings",
    "models",
    "model",
    "count_tokens",
    "passed",
    "unsupported",
    "native",
    "page",
    "health",
    "greeting",
]


class Route(NamedTuple):
    """One row.

    Args:
        method: GET, HEAD, POST, PUT, PATCH or DELETE.
        path: as it is mounted; `{…}` stands for one segment, `{…:path}` for the rest.
        operation: what it does.
        access: who may use it.
        dialect: what the client speaks there; empty for our own paths.
    """

    method: str
    path: str
    operation: Operation
    access: Access
    dialect: str = ""


CHAT, RESPONSES, ANTHROPIC, GEMINI, OLLAMA = (
    "openai_chat",
    "openai_responses",
    "anthropic_messages",
    "gemini",
    "ollama",
)

ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/chat/completions", "chat", "key", CHAT),
    Route("POST", "/v1/responses", "chat", "key", RESPONSES),
    Route("POST", "/v1/responses/input_tokens", "count_tokens", "key", RESPONSES),
    Route("POST", "/v1/responses/compact", "unsupported", "key", RESPONSES),
    Route("GET", "/v1/responses/{id}", "native", "key", RESPONSES),
    Route("DELETE", "/v1/responses/{id}", "native", "key", RESPONSES),
    Route("POST", "/v1/embeddings", "embeddings", "key", CHAT),
    Route("GET", "/v1/models", "models", "key"),
    Route("GET", "/v1/models/{id:path}", "model", "key"),
    *(
        Route("POST", path, "passed", "key", CHAT)
        for path in (
            "/v1/completions",
            "/v1/images/generations",
            "/v1/images/edits",
            "/v1/images/variations",
            "/v1/audio/speech",
            "/v1/audio/transcriptions",
            "/v1/audio/translations",
            "/v1/moderations",
            "/v1/rerank",
        )
    ),
    Route("POST", "/v1/messages", "chat", "key", ANTHROPIC),
    Route("POST", "/v1/messages/count_tokens", "count_tokens", "key", ANTHROPIC),
    Route("GET", "/v1beta/models", "models", "key", GEMINI),
    Route("GET", "/v1beta/models/{id:path}", "model", "key", GEMINI),
    Route("POST", "/v1beta/models/{id:path}", "chat", "key", GEMINI),
    Route("POST", "/v1/models/{id:path}", "chat", "key", GEMINI),
    Route("POST", "/api/chat", "chat", "key", OLLAMA),
    Route("POST", "/api/generate", "chat", "key", OLLAMA),
    Route("POST", "/api/embed", "embeddings", "key", OLLAMA),
    Route("POST", "/api/embeddings", "embeddings", "key", OLLAMA),
    Route("GET", "/api/tags", "models", "key", OLLAMA),
    Route("POST", "/api/show", "native", "key", OLLAMA),
    Route("GET", "/api/version", "native", "public", OLLAMA),
    Route("GET", "/api/ps", "native", "key", OLLAMA),
    Route("GET", "/", "greeting", "public", OLLAMA),
    Route("HEAD", "/", "greeting", "public", OLLAMA),
    Route("POST", "/api/chat/stream", "native", "key"),
    Route("POST", "/api/chat/complete", "native", "key"),
    Route("GET", "/api/chat/models", "native", "key"),
    Route("POST", "/api/explain", "native", "key"),
    Route("GET", "/api/requests/{id}", "native", "key"),
    Route("GET", "/api/session", "native", "public"),
    Route("POST", "/api/session", "native", "public"),
    Route("DELETE", "/api/session", "native", "public"),
    Route("GET", "/api/conversations", "native", "session"),
    Route("POST", "/api/conversations", "native", "session"),
    Route("POST", "/api/conversations/import", "native", "session"),
    Route("GET", "/api/conversations/{id}", "native", "session"),
    Route("PATCH", "/api/conversations/{id}", "native", "session"),
    Route("DELETE", "/api/conversations/{id}", "native", "session"),
    Route("POST", "/api/conversations/{id}/messages", "native", "session"),
    Route("DELETE", "/api/conversations/{id}/messages/{message}", "native", "session"),
    Route("GET", "/api/conversations/{id}/messages/{message}/request", "native", "session"),
    Route("POST", "/api/conversations/{id}/fork", "native", "session"),
    Route("GET", "/api/conversations/{id}/export", "native", "session"),
    Route("GET", "/api/folders", "native", "session"),
    Route("GET", "/api/runs", "native", "session"),
    Route("POST", "/api/runs", "native", "session"),
    Route("GET", "/api/runs/{id}/events", "native", "session"),
    Route("POST", "/api/runs/{id}/stop", "native", "session"),
    Route("POST", "/api/runs/{id}/tools/{call}/approve", "native", "session"),
    Route("GET", "/api/tools", "native", "session"),
    Route("GET", "/api/models", "native", "key"),
    Route("GET", "/api/models/{id:path}", "native", "key"),
    Route("GET", "/api/benchmarks", "native", "session"),
    Route("POST", "/api/benchmarks", "native", "admin"),
    Route("GET", "/api/benchmarks/{id}", "native", "session"),
    Route("POST", "/api/benchmarks/{id}/stop", "native", "admin"),
    Route("DELETE", "/api/benchmarks/{id}", "native", "admin"),
    Route("GET", "/api/local/servers", "native", "admin"),
    Route("POST", "/api/estimate", "native", "key"),
    Route("GET", "/api/requests", "native", "session"),
    Route("GET", "/api/requests/events", "native", "session"),
    Route("GET", "/api/requests/{id}/content", "native", "session"),
    Route("DELETE", "/api/requests/{id}/content", "native", "session"),
    Route("GET", "/api/performance", "native", "session"),
    Route("GET", "/api/budgets", "native", "session"),
    Route("GET", "/api/usage", "native", "key"),
    Route("GET", "/api/providers", "native", "admin"),
    Route("POST", "/api/providers/{id}/test", "native", "admin"),
    Route("GET", "/api/providers/active", "native", "admin"),
    Route("PUT", "/api/providers/active", "native", "admin"),
    Route("GET", "/api/credentials", "native", "admin"),
    Route("GET", "/api/credentials/{provider}/{profile}", "native", "admin"),
    Route("PUT", "/api/credentials/{provider}/{profile}", "native", "admin"),
    Route("DELETE", "/api/credentials/{provider}/{profile}", "native", "admin"),
    Route("POST", "/api/credentials/{provider}/{profile}/test", "native", "admin"),
    Route("GET", "/api/local/models", "native", "admin"),
    Route("POST", "/api/local/pull", "native", "admin"),
    Route("DELETE", "/api/local/models/{name}", "native", "admin"),
    Route("GET", "/api/routes", "native", "admin"),
    Route("PUT", "/api/routes/{name:path}", "native", "admin"),
    Route("DELETE", "/api/routes/{name:path}", "native", "admin"),
    Route("GET", "/api/virtual-keys", "native", "admin"),
    Route("POST", "/api/virtual-keys", "native", "admin"),
    Route("POST", "/api/virtual-keys/{name}/rotate", "native", "admin"),
    Route("DELETE", "/api/virtual-keys/{name}", "native", "admin"),
    Route("GET", "/api/settings", "native", "admin"),
    Route("GET", "/api/settings/export", "native", "admin"),
    Route("PUT", "/api/settings/{path}", "native", "admin"),
    Route("DELETE", "/api/settings/{path}", "native", "admin"),
    Route("GET", "/api/presets", "native", "session"),
    Route("PUT", "/api/presets/{name}", "native", "session"),
    Route("DELETE", "/api/presets/{name}", "native", "session"),
    Route("GET", "/api/voice", "native", "admin"),
    Route("POST", "/api/voice/token", "native", "admin"),
    Route("GET", "/healthz", "health", "public"),
    Route("GET", "/readyz", "health", "public"),
    Route("GET", "/metrics", "health", "admin"),
    Route("GET", "/openapi.json", "native", "public"),
    *(
        Route("GET", path, "page", "public")
        for path in ("/c/{id}", "/compare", "/models", "/gateway", "/usage", "/settings", "/assets/{name}")
    ),
    *(Route("GET", path, "page", "public") for path in ("/theme.js", "/icon.svg", "/manifest.webmanifest")),
)

WEBSOCKET = Route("GET", "", "unsupported", "key", RESPONSES)
"""Whatever is asked over a WebSocket."""

GEMINI_VERBS: dict[str, Operation] = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_EXACT = {(route.method, route.path): route for route in ROUTES if "{" not in route.path}
_PREFIXES = [(route.method, route.path.partition("{")[0], route) for route in ROUTES if route.path.endswith(":path}")]
_SEGMENTS: dict[tuple[str, int], list[tuple[tuple[str, ...], Route]]] = {}
for _route in ROUTES:
    if "{" in _route.path and not _route.path.endswith(":path}"):
        _parts = tuple(_route.path.split("/"))
        _SEGMENTS.setdefault((_route.method, len(_parts)), []).append((_parts, _route))


class Found(NamedTuple):
    """A route with what its path held: the first value, and all of them in order."""

    route: Route
    value: str = ""
    values: tuple[str, ...] = ()


def find(method: str, path: str) -> Found | None:
    """The route of a request, or None.

    Args:
        method: in capitals.
        path: decoded once, as the server gives it.
    """
    exact = _EXACT.get((method, path))
    if exact is not None:
        return Found(exact)
    for verb, prefix, route in _PREFIXES:
        if verb == method and path.startswith(prefix) and len(path) > len(prefix):
            return _in_path(route, path[len(prefix) :])
    given = path.split("/")
    for parts, route in _SEGMENTS.get((method, len(given)), ()):
        values = tuple(value for part, value in zip(parts, given, strict=True) if part[:1] == "{")
        if all(values) and all(part[:1] == "{" or part == value for part, value in zip(parts, given, strict=True)):
            return Found(route, values[0], values)
    return None


def spoken(method: str, path: str) -> str:
    """The dialect of a client that asks for what there is not; empty where that cannot be told."""
    if path.startswith("/v1beta/") or (method == "POST" and path.startswith("/v1/models/")):
        return GEMINI
    return ""


def methods(path: str) -> tuple[str, ...]:
    """The methods that a path knows, for a 405."""
    return tuple(method for method in METHODS if find(method, path) is not None)


def _in_path(route: Route, value: str) -> Found | None:
    """Gemini's POST paths end in a verb that says what is to be done."""
    if route.dialect != GEMINI or route.method != "POST":
        return Found(route, value, (value,))
    model, colon, verb = value.rpartition(":")
    operation = GEMINI_VERBS.get(verb)
    return Found(route._replace(operation=operation), model, (model,)) if colon and model and operation else None
