"""The values that our own paths answer, as `/openapi.json` describes them; `answers.py` says which path answers which.

Nothing here makes an answer: handlers do, and a test asks each of them. Times are RFC 3339 texts, money decimal texts
in US dollars; None is unknown. Canonical parts and settings are described by name only.
"""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from interlingua.types.opaque import Json

T = TypeVar("T")
State = Literal["missing", "present", "valid", "invalid", "rate_limited", "unreachable", "none_needed", "unknown"]


class _Exact(Struct, forbid_unknown_fields=True, kw_only=True):
    """A value that has these fields and no others."""


class Items(_Exact, Generic[T]):
    """A list, or a piece of one: `next` goes into `after` for the piece behind it."""

    items: list[T]
    next: str | None


class Features(_Exact):
    """What there is beside the pages."""

    voice: bool


class SessionState(_Exact):
    """Who asks."""

    signed_in: bool
    admin: bool
    tenant: str | None
    key: str | None
    version: str
    features: Features
    default_model: str
    needs_key: bool


class SessionBegun(_Exact):
    """A session; its token goes into `Authorization: Bearer`."""

    token: str
    admin: bool
    tenant: str
    expires: str


class Usage(_Exact):
    """Tokens; `input_tokens` includes what was read from a cache."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read: int | None
    cache_creation: int | None
    reasoning: int | None


class Attempt(_Exact):
    """One try."""

    target: str
    status: int | None
    error: str | None
    seconds: float
    why: str | None


class LostPart(_Exact):
    """What was not carried over."""

    field: str
    dialect: str
    reason: str
    action: Literal["reject", "warn", "drop", "emulate"]


class Problem(_Exact):
    """What went wrong, and what to do."""

    code: str | None
    message: str
    remedy: str | None
    fault: str
    retryable: bool
    request_id: str | None


class AnswerInfo(_Exact):
    """How an answer came to be."""

    request_id: str | None
    model: str
    provider: str
    model_name: str
    status: Literal["done", "stopped", "interrupted", "failed"]
    finish: str | None
    usage: Usage | None
    cost: str | None
    seconds: float | None
    first_seconds: float | None
    tokens_per_second: float | None
    attempts: list[Attempt]
    losses: list[LostPart]
    error: Problem | None
    run: str | None


class ChatMessage(_Exact):
    """A message of a conversation; those with one parent are branches."""

    id: str
    parent: str | None
    role: Literal["system", "user", "assistant", "tool"]
    parts: list[dict[str, Json]]
    created: str
    answer: AnswerInfo | None


class Chat(_Exact):
    """A conversation."""

    id: str
    title: str
    folder: str | None
    pinned: bool
    archived: bool
    created: str
    updated: str
    active: str | None
    settings: dict[str, Json]
    snippet: str | UnsetType = UNSET
    messages: list[ChatMessage] | UnsetType = UNSET


class NotRead(_Exact):
    """What of an export could not be read, and why."""

    title: str
    reason: str


class Imported(_Exact):
    """What came of an import: what was taken in, known already, unreadable, and left out because it is no text."""

    imported: int
    known: int
    unread: list[NotRead]
    left_out: int


class Why(_Exact):
    """What stands in the way of a request."""

    code: str
    message: str
    remedy: str | None


class RawRequest(_Exact):
    """The request behind an answer, in one of its forms."""

    form: str
    forms: list[str]
    target: str | None
    method: str | None
    url: str | None
    headers: list[tuple[str, str]]
    body: Json
    losses: list[LostPart]
    error: Why | None


class Folder(_Exact):
    """A folder, and how many conversations are in it."""

    name: str
    count: int


class RunInfo(_Exact):
    """An answer that is being written."""

    id: str
    conversation: str | None
    parent: str | None
    message: str | None
    model: str


class ToolInfo(_Exact):
    """A tool that models may call; `each` is asked for every time."""

    name: str
    source: str
    description: str | None
    approval: Literal["allow", "ask"]
    each: bool


class ToolProblem(_Exact):
    """What could not be had."""

    message: str
    remedy: str | None


class Tools(_Exact):
    """The tools that who asks may have called."""

    items: list[ToolInfo]
    next: str | None
    problems: list[ToolProblem]


class Tier(_Exact):
    """A price under a condition."""

    when: str
    input: str | None
    output: str | None


class Rates(_Exact):
    """US dollars per million tokens: those by which one chooses."""

    input: str | None
    output: str | None


class Price(_Exact):
    """All that is known of a price; US dollars per million tokens."""

    input: str | None
    output: str | None
    cache_read: str | None
    cache_creation: str | None
    tiers: list[Tier]
    source: str | None
    since: str | None


P = TypeVar("P")


class ModelInfo(_Exact, Generic[P]):
    """A model, or an alias with its targets."""

    id: str
    provider: str
    name: str
    context: int | None
    max_output: int | None
    capabilities: dict[str, bool | None]
    price: P | None
    released: str | None
    shutdown: str | None
    local: bool
    state: State
    alias: bool
    targets: list[str] | UnsetType = UNSET


class Foreseen(_Exact):
    """What a model cannot take of a message."""

    feature: str
    part: str | None
    message: str
    alternatives: list[str]


class Estimate(_Exact):
    """What sending a message would take and cost."""

    model: str
    input_tokens: int
    exact: bool
    output_reserved: int
    prompt_cost: str | None
    cost: str | None
    context: int | None
    fits: bool
    losses: list[LostPart]
    problems: list[Foreseen]


class TimedAttempt(Attempt):
    """One try with its phases, in seconds since the call began."""

    lane: str
    sent: float
    head: float | None
    first: float | None
    end: float


class DecisionInfo(_Exact):
    """One step of a call's way."""

    target: str
    what: Literal["asked", "skipped", "waited"]
    why: str


class Request(_Exact):
    """A call."""

    request_id: str
    tenant: str
    key: str
    started: str
    seconds: float
    dialect: str
    operation: str
    stream: bool
    model: str
    status: int
    error: str | None
    target: str | None
    lane: str | None
    attempts: list[TimedAttempt]
    losses: list[LostPart]
    usage: Usage | None
    cost: str | None
    first_seconds: float | None
    finish: str | None
    decisions: list[DecisionInfo]
    tags: list[str]
    conversation: str | None


class PerformanceDay(_Exact):
    """How a model performed on a day; seconds, and tokens per second."""

    time: str
    calls: int
    first_p50: float | None
    first_p95: float | None
    tps_p50: float | None
    tps_p95: float | None
    errors: int
    interrupted: int


class Performance(_Exact):
    """How a model performed."""

    model: str
    calls: int
    last: str
    first_p50: float | None
    first_p95: float | None
    tps_p50: float | None
    tps_p95: float | None
    errors: int
    interrupted: int
    series: list[PerformanceDay]


class BudgetInfo(_Exact):
    """How a budget stands."""

    scope: str
    name: str
    limit: str
    period: Literal["day", "month", "total"]
    spent: str
    reserved: str
    resets: str | None


class ProviderInfo(_Exact):
    """A host."""

    id: str
    name: str
    monogram: str
    dialects: list[str]
    base_url: str
    default_model: str
    needs_credential: bool
    state: State
    source: str | None
    tail: str | None
    checked: str | None
    models: int | None
    local: bool
    aliases: list[str]
    editable: bool


class Trouble(_Exact):
    """Why something cannot be called."""

    message: str
    remedy: str | None


class Tested(_Exact):
    """Whether a host can be called."""

    state: State
    seconds: float
    models: int | None
    error: Trouble | None
    provider: str | UnsetType = UNSET


class ActiveModel(_Exact):
    """Who answers where nobody is named."""

    provider: str
    model: str
    source: Literal["file", "overlay"]


class CredentialInfo(_Exact):
    """A key of a provider: where it lies and how it ends, never itself."""

    provider: str
    profile: str
    source: str
    tail: str
    writable: bool


class LocalModel(_Exact):
    """A model of this machine, or one that can be got."""

    name: str
    size: int
    loaded: bool
    present: bool


class LocalServer(_Exact):
    """A server of models on this machine, and whether it answers."""

    provider: str
    name: str
    base_url: str
    address: str
    found: bool
    models: list[str]
    used: bool
    editable: bool
    error: str | None


class BenchmarkInfo(_Exact):
    """A measurement of models; `figures` has an object for each model that was asked."""

    id: str
    state: Literal["running", "stopping", "done", "stopped", "failed", "lost"]
    started: str
    seen: str | None
    models: list[str]
    prompts: int
    runs: int
    at_once: int
    max_output_tokens: int | None
    by: str
    calls: int
    done: int
    error: str | None
    figures: list[dict[str, Json]]


class Content(_Exact):
    """What was asked and answered in a call, where it was kept; else `why` it was not."""

    kept: bool
    why: Literal["gone", "off"] | UnsetType = UNSET
    created: str | UnsetType = UNSET
    dialect: str | UnsetType = UNSET
    request: Json | UnsetType = UNSET
    response: Json | UnsetType = UNSET
    error: str | UnsetType | None = UNSET
    shortened: bool | UnsetType = UNSET


class RouteTarget(_Exact):
    """Whom an alias leads to."""

    target: str
    weight: float | None


class RouteInfo(_Exact):
    """An alias."""

    name: str
    targets: list[RouteTarget]
    strategy: str
    fallbacks: dict[str, list[str]]
    source: Literal["file", "overlay"]
    editable: bool
    state: list[dict[str, Json]]


class Routes(_Exact):
    """The aliases, and the codes of errors that may have fallbacks."""

    items: list[RouteInfo]
    next: str | None
    errors: list[str]


class KeyInfo(_Exact):
    """A virtual key; `key` itself only in the answer that made it."""

    name: str
    tail: str
    tenant: str
    models: list[str]
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    budget: str | None
    expires: str | None
    created: str | None
    revoked: str | None
    source: Literal["file", "store"]
    key: str | UnsetType = UNSET


class SettingInfo(_Exact):
    """A setting."""

    path: str
    value: Json
    source: Literal["default", "file", "overlay"]
    editable: bool


class SettingsInfo(_Exact):
    """The settings, and which version of them this is."""

    version: int
    items: list[SettingInfo]


class PresetInfo(_Exact):
    """A preset."""

    name: str
    settings: dict[str, Json]
    model: str | UnsetType | None = UNSET
    system: str | UnsetType | None = UNSET
    template: str | UnsetType | None = UNSET
    variables: list[str] | UnsetType = UNSET


class Lives(_Exact):
    """The process lives."""

    status: Literal["ok"]
    version: str
