"""What our own paths answer, as `/openapi.json` describes it and `tests/gateway/test_openapi.py` holds it to."""

from __future__ import annotations

from typing import Any, NamedTuple

from interlingua.gateway.answer_kinds import (
    ActiveModel,
    BenchmarkInfo,
    BudgetInfo,
    Chat,
    ChatMessage,
    Content,
    CredentialInfo,
    Estimate,
    Folder,
    Imported,
    Items,
    KeyInfo,
    Lives,
    LocalModel,
    LocalServer,
    ModelInfo,
    Performance,
    PresetInfo,
    Price,
    ProviderInfo,
    Rates,
    RawRequest,
    Request,
    RouteInfo,
    Routes,
    RunInfo,
    SessionBegun,
    SessionState,
    SettingsInfo,
    Tested,
    Tools,
)


class Told(NamedTuple):
    """What a path answers when it goes well.

    Args:
        status: of HTTP.
        kind: the value; None where it is described elsewhere, or is no JSON.
        content: its content types; none where there is no body.
        tagged: whether it bears a tag, and is 304 for who has it.
    """

    status: int
    kind: Any = None
    content: tuple[str, ...] = ("application/json",)
    tagged: bool = False


NOTHING = Told(204, content=())
STREAM = ("text/event-stream",)

ANSWERS: dict[tuple[str, str], Told] = {
    ("GET", "/api/session"): Told(200, SessionState),
    ("POST", "/api/session"): Told(201, SessionBegun),
    ("DELETE", "/api/session"): NOTHING,
    ("GET", "/api/conversations"): Told(200, Items[Chat]),
    ("POST", "/api/conversations"): Told(201, Chat),
    ("POST", "/api/conversations/import"): Told(200, Imported),
    ("GET", "/api/conversations/{id}"): Told(200, Chat),
    ("PATCH", "/api/conversations/{id}"): Told(200, Chat),
    ("DELETE", "/api/conversations/{id}"): NOTHING,
    ("POST", "/api/conversations/{id}/messages"): Told(201, ChatMessage),
    ("DELETE", "/api/conversations/{id}/messages/{message}"): NOTHING,
    ("GET", "/api/conversations/{id}/messages/{message}/request"): Told(200, RawRequest),
    ("POST", "/api/conversations/{id}/fork"): Told(201, Chat),
    ("GET", "/api/conversations/{id}/export"): Told(200, None, ("application/json", "text/markdown; charset=utf-8")),
    ("GET", "/api/folders"): Told(200, Items[Folder]),
    ("GET", "/api/runs"): Told(200, Items[RunInfo]),
    ("POST", "/api/runs"): Told(201, RunInfo),
    ("GET", "/api/runs/{id}/events"): Told(200, None, STREAM),
    ("POST", "/api/runs/{id}/stop"): NOTHING,
    ("POST", "/api/runs/{id}/tools/{call}/approve"): NOTHING,
    ("GET", "/api/tools"): Told(200, Tools),
    ("GET", "/api/models"): Told(200, Items[ModelInfo[Rates]], tagged=True),
    ("GET", "/api/models/{id:path}"): Told(200, ModelInfo[Price], tagged=True),
    ("POST", "/api/estimate"): Told(200, Estimate),
    ("GET", "/api/requests"): Told(200, Items[Request]),
    ("GET", "/api/requests/events"): Told(200, None, STREAM),
    ("GET", "/api/requests/{id}/content"): Told(200, Content),
    ("DELETE", "/api/requests/{id}/content"): NOTHING,
    ("GET", "/api/benchmarks"): Told(200, Items[BenchmarkInfo]),
    ("POST", "/api/benchmarks"): Told(201, BenchmarkInfo),
    ("GET", "/api/benchmarks/{id}"): Told(200, BenchmarkInfo),
    ("DELETE", "/api/benchmarks/{id}"): NOTHING,
    ("POST", "/api/benchmarks/{id}/stop"): NOTHING,
    ("GET", "/api/performance"): Told(200, Items[Performance], tagged=True),
    ("GET", "/api/budgets"): Told(200, Items[BudgetInfo]),
    ("GET", "/api/providers"): Told(200, Items[ProviderInfo], tagged=True),
    ("POST", "/api/providers/{id}/test"): Told(200, Tested),
    ("GET", "/api/providers/active"): Told(200, ActiveModel),
    ("PUT", "/api/providers/active"): Told(200, ActiveModel),
    ("GET", "/api/credentials"): Told(200, Items[CredentialInfo]),
    ("GET", "/api/credentials/{provider}/{profile}"): Told(200, CredentialInfo),
    ("PUT", "/api/credentials/{provider}/{profile}"): Told(200, CredentialInfo),
    ("DELETE", "/api/credentials/{provider}/{profile}"): NOTHING,
    ("POST", "/api/credentials/{provider}/{profile}/test"): Told(200, Tested),
    ("GET", "/api/local/models"): Told(200, Items[LocalModel]),
    ("GET", "/api/local/servers"): Told(200, Items[LocalServer]),
    ("POST", "/api/local/pull"): Told(200, None, STREAM),
    ("DELETE", "/api/local/models/{name}"): NOTHING,
    ("GET", "/api/routes"): Told(200, Routes),
    ("PUT", "/api/routes/{name:path}"): Told(200, RouteInfo),
    ("DELETE", "/api/routes/{name:path}"): NOTHING,
    ("GET", "/api/virtual-keys"): Told(200, Items[KeyInfo]),
    ("POST", "/api/virtual-keys"): Told(201, KeyInfo),
    ("POST", "/api/virtual-keys/{name}/rotate"): Told(201, KeyInfo),
    ("DELETE", "/api/virtual-keys/{name}"): NOTHING,
    ("GET", "/api/settings"): Told(200, SettingsInfo),
    ("GET", "/api/settings/export"): Told(200, None, ("application/toml",)),
    ("PUT", "/api/settings/{path}"): Told(200, SettingsInfo),
    ("DELETE", "/api/settings/{path}"): Told(200, SettingsInfo),
    ("GET", "/api/presets"): Told(200, Items[PresetInfo]),
    ("PUT", "/api/presets/{name}"): Told(200, PresetInfo),
    ("DELETE", "/api/presets/{name}"): NOTHING,
    ("POST", "/api/chat/stream"): Told(200, None, STREAM),
    ("GET", "/healthz"): Told(200, Lives),
    ("GET", "/metrics"): Told(200, None, ("text/plain", "application/openmetrics-text")),
    ("GET", "/"): Told(200, None, ("text/plain", "text/html")),
    ("HEAD", "/"): Told(200, None, ("text/plain", "text/html")),
    ("GET", "/openapi.json"): Told(200, None, tagged=True),
}
"""By method and path as in the table of routes; whatever is not here answers 200 with JSON of its dialect."""
