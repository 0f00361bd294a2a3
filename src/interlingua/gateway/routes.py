"""Every route of the gateway, in one table: what it is for, in which dialect, and who may use it.

Who is not named here gets nothing: a path that stands in no row is unknown, and a row without a key's or an
administrator's access is public on purpose. Inference paths are found by one look-up; Gemini's hold the model and
the verb in their last segment, so they are found by prefix (contracts §6.2, §8).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Access = Literal["public", "key", "admin"]
Operation = Literal[
    "chat", "embeddings", "models", "model", "count_tokens", "passed", "unsupported", "native", "health", "greeting"
]


class Route(NamedTuple):
    """One row.

    Args:
        method: GET, HEAD, POST or DELETE.
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
    Route("GET", "/api/usage", "native", "key"),
    Route("GET", "/api/providers", "native", "admin"),
    Route("POST", "/api/providers/{id}/test", "native", "admin"),
    Route("GET", "/healthz", "health", "public"),
    Route("GET", "/readyz", "health", "public"),
    Route("GET", "/metrics", "health", "admin"),
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

_EXACT = {(route.method, route.path): route for route in ROUTES if "{" not in route.path}
_PREFIXES = [(route.method, route.path.partition("{")[0], route) for route in ROUTES if route.path.endswith(":path}")]
_ONE_SEGMENT = [
    (route.method, *_cut, route)
    for route in ROUTES
    if "{" in route.path and not route.path.endswith(":path}")
    for _cut in [(route.path.partition("{")[0], route.path.partition("}")[2])]
]


class Found(NamedTuple):
    """A route with what its path held."""

    route: Route
    value: str = ""


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
    for verb, prefix, suffix, route in _ONE_SEGMENT:
        if verb == method and path.startswith(prefix) and path.endswith(suffix):
            value = path[len(prefix) : len(path) - len(suffix)]
            if value and "/" not in value:
                return Found(route, value)
    return None


def methods(path: str) -> tuple[str, ...]:
    """The methods that a path knows, for a 405."""
    return tuple(method for method in ("GET", "HEAD", "POST", "DELETE") if find(method, path) is not None)


def _in_path(route: Route, value: str) -> Found | None:
    """Gemini's POST paths end in a verb that says what is to be done."""
    if route.method != "POST":
        return Found(route, value)
    model, colon, verb = value.rpartition(":")
    operation = GEMINI_VERBS.get(verb)
    return Found(route._replace(operation=operation), model) if colon and model and operation else None
