"""The whole of `interlingua.toml` as values; unknown keys are errors. Contracts §9."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from interlingua.engine.budgets import BudgetSettings
from interlingua.engine.ledger import LedgerSettings
from interlingua.engine.principal import LOCAL_TENANT, Amount, Limits
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import BreakerSettings, CacheSettings, LossSettings, QueueSettings, RetrySettings
from interlingua.ports.transport import Timeouts
from interlingua.stores.settings import ResponseSettings, SharedSettings
from interlingua.stores.settings import StoreSettings as StoreSettings
from interlingua.telemetry.settings import TelemetrySettings
from interlingua.transport.local_model import LocalSettings
from interlingua.types.opaque import Json


class LocalSection(LocalSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The in-process model.

    Args:
        folder: where GGUF files are kept; None is the platform's cache folder.
    """

    folder: str | None = None


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way to the network, beyond what the environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).

    Args:
        ca_file: certificates of authorities to trust, PEM.
        client_certificate, client_key: what we show a server that asks for it, PEM.
        proxy: an address that wins over the environment's.
        max_body: largest decompressed answer, in bytes.
        client: what `il serve` sends requests with; everything else uses aiohttp. `auto` is pyreqwest, which takes
            half the CPU, where it is installed and the system is Linux; else aiohttp.
    """

    client: Literal["auto", "aiohttp", "pyreqwest"] = "auto"
    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    max_body: int = 64 * 1024 * 1024


class DisplaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people see.

    Args:
        colour: `auto` follows the terminal and NO_COLOR.
        usage: whether `il ask` ends with a line of tokens, speed and cost.
    """

    colour: Literal["auto", "always", "never"] = "auto"
    usage: bool = True


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway as a server.

    Args:
        host, port: where it listens; another host than the loopback needs virtual keys.
        workers: processes that answer on that port; more than one is for more than one core.
        allowed_hosts: names that it is called by, beside the loopback's; `*` is any.
        max_body: bytes of a request.
        drain: seconds that running answers get when the process is told to end.
        head_wait: seconds for which a stream's head waits for its first event, so that a failure is a status.
        heartbeat: seconds of silence after which a stream tells that it lives.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8100
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    allowed_hosts: tuple[str, ...] = ()
    max_body: Annotated[int, Meta(ge=1024)] = 32 * 1024 * 1024
    drain: Annotated[float, Meta(ge=0)] = 30.0
    head_wait: Annotated[float, Meta(gt=0)] = 15.0
    heartbeat: Annotated[float, Meta(gt=0)] = 15.0


class McpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An MCP server whose tools models may call; it has either a command or an address.

    Args:
        command: program and arguments; only in the file of the user's folder, shown and confirmed once.
        folder: where the program runs.
        env: variables of the program.
        url: address that speaks MCP over streamable HTTP.
        headers: sent with every request to it.
        tools: patterns of the tools that are offered.
        approval: whether each call is asked for.

    Values of `env` and `headers` may end with a reference such as `env:NAME` or `keychain:lab/team`.
    """

    command: tuple[str, ...] = ()
    folder: str | None = None
    env: dict[str, str] = {}
    url: str = ""
    headers: dict[str, str] = {}
    tools: tuple[str, ...] = ("*",)
    approval: Literal["ask", "allow", "deny"] = "ask"


class OpenApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API whose operations models may call.

    Args:
        file: its OpenAPI document, JSON or YAML.
        base_url: where it is; the file's first server by default.
        headers: sent with every call; values may end with a reference such as `env:NAME`.
        tools: patterns of operation ids, or of `METHOD /path`.
        approval: whether each call is asked for.
    """

    file: str
    base_url: str = ""
    headers: dict[str, str] = {}
    tools: tuple[str, ...] = ("*",)
    approval: Literal["ask", "allow", "deny"] = "ask"


class ToolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tools beside those that come with the package.

    Args:
        openapi: APIs by name.
        plugins: whether tools of installed packages are offered (entry points `interlingua.tools`).
        approval: `ask`, `allow` or `deny` by tool name; wins over what the tool's source says.
    """

    openapi: dict[str, OpenApiSettings] = {}
    plugins: bool = True
    approval: dict[str, Literal["ask", "allow", "deny"]] = {}


class GatewayToolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tools that models may call while they answer in the web chat; none where nothing is allowed.

    Args:
        allow: patterns of the names of tools that the administrator may use there; no other tool runs.
        keys: the same for virtual keys, by the key's name, within `allow`; a key that is not named may use none.
        folder: below which `read_file` and `list_files` read; without it there is neither.
        timeout: seconds that a call may take.
        patience: seconds that a call waits for its approval; then it counts as refused.
        max_steps: how often one answer may ask the model; the last time it may call no tool.
    """

    allow: tuple[str, ...] = ()
    keys: dict[str, tuple[str, ...]] = {}
    folder: str | None = None
    timeout: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    patience: Annotated[float, Meta(gt=0, le=86_400)] = 600.0
    max_steps: Annotated[int, Meta(ge=2, le=64)] = 16


class GatewaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gateway does beyond answering.

    Args:
        tools: which tools models may call in the web chat.
    """

    tools: GatewayToolSettings = GatewayToolSettings()


class VirtualKeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that clients of the gateway send.

    Args:
        name: what it is called in usage and logs.
        key: where it is: `env:NAME` or `file:/path`, holding 24 letters or more.
        tenant: whose calls its calls are; None is its name.
        models: patterns of the models that it may use, as asked for or as `provider/model`.
        rpm, tpm: requests and tokens per minute; None is no limit.
        concurrency: calls at once; None is no limit.
        budget: what it may spend, such as `5 USD / month`; the period is day, month or total, and ends at 0:00 UTC.
        expires: a time with its zone.
    """

    name: str
    key: str
    tenant: str | None = None
    models: tuple[str, ...] = ("*",)
    rpm: Amount | None = None
    tpm: Amount | None = None
    concurrency: Amount | None = None
    budget: str | None = None
    expires: Annotated[datetime, Meta(tz=True)] | None = None


class SpeechSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of the voice agent's speech.

    Args:
        plugin: `offline` needs no account; `livekit` is what LiveKit brings itself; else the name of a plugin of
            LiveKit's, such as `deepgram`, which is installed as `livekit-plugins-deepgram`.
        options: what it is made with, as its documentation says; keys belong into its environment variables.
    """

    plugin: str
    options: dict[str, Json] = {}


class VoiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The voice agent.

    Args:
        url: the LiveKit server, `ws://` or `wss://`; None is LIVEKIT_URL.
        api_key, api_secret: where LiveKit's key and secret are: `env:NAME` or `file:/path`.
        agent_name: what rooms call the agent by; empty has it join every room of the server.
        instructions: what the voice model is told.
        greeting: what it says first; empty waits.
        llm_model: the voice model, which talks; None is the default model.
        llm_models: patterns of the models that callers may choose instead, by name or as `provider/model`.
        task_agent_provider, task_agent_model: the task agent, which works; None as for `TaskAgent()`.
        task_agents: patterns of the task agents that callers may choose instead, as `provider/model`.
        tenant: whose account calls are made on: its budget holds them, and its ledger has them.
        spoken_notices: whether a change, or why there is none, is said and not only logged.
        turn_detection: what tells that somebody has finished: silence (`vad`), the speech recogniser (`stt`), or
            LiveKit's own small model (`model`), which takes 250 MB of memory.
        stt, tts, vad: what hears, what speaks, what tells speech from silence.
        token_lifetime: seconds in which a token lets somebody join.
        most_load: the part of this machine's CPU in use at which the worker takes no more calls; 1 takes all.
    """

    url: str | None = None
    api_key: str = "env:LIVEKIT_API_KEY"
    api_secret: str = "env:LIVEKIT_API_SECRET"  # noqa: S105 - says where it is
    agent_name: str = "interlingua"
    instructions: str = (
        "You talk with somebody by voice. Answer in a few short sentences, without lists, code or markup. "
        "Give work that needs several steps, figures or the present time to run_task, and tell its result."
    )
    greeting: str = "Hello. How can I help?"
    llm_model: str | None = None
    llm_models: tuple[str, ...] = ()
    task_agent_provider: str | None = None
    task_agent_model: str | None = None
    task_agents: tuple[str, ...] = ()
    tenant: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")] = LOCAL_TENANT
    spoken_notices: bool = True
    turn_detection: Literal["vad", "stt", "model"] = "vad"
    stt: SpeechSettings = SpeechSettings(plugin="offline")
    tts: SpeechSettings = SpeechSettings(plugin="offline")
    vad: SpeechSettings = SpeechSettings(plugin="livekit")
    token_lifetime: Annotated[int, Meta(ge=10, le=86_400)] = 600
    most_load: Annotated[float, Meta(gt=0, le=1)] = 0.7

    def address(self, environment: Mapping[str, str]) -> str:
        """The LiveKit server's address; empty where none is named.

        Args:
            environment: names and values.
        """
        return self.url or environment.get("LIVEKIT_URL", "").strip()


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration.

    Args:
        default_model: a model name or alias for calls that name none.
        providers: what differs for known hosts, and whole hosts of the user's own, by id; checked when built.
        provider_plugins: names of installed packages' entry points `interlingua.providers`, whose hosts are known too.
        models: aliases, by name or pattern.
        server: the gateway as a server.
        virtual_keys: keys that clients of the gateway send.
        mcp: MCP servers by name.
        tools: other tools.
        gateway: what the gateway does with them.
        limits: how much all callers together may use of the models that match a pattern.
        budgets: how much all callers, and each tenant's, may spend.
        queue: whether calls wait for limits.
        cache: answers that are given again.
        voice: the voice agent.
        retry, breaker, losses, timeouts, http, local, ledger, store, responses, shared, telemetry, display: as
            named.
    """

    default_model: str | None = None
    providers: dict[str, dict[str, Json]] = {}
    provider_plugins: tuple[str, ...] = ()
    models: dict[str, ModelAlias] = {}
    queue: QueueSettings = QueueSettings()
    cache: CacheSettings = CacheSettings()
    retry: RetrySettings = RetrySettings()
    breaker: BreakerSettings = BreakerSettings()
    losses: LossSettings = LossSettings()
    timeouts: Timeouts = Timeouts()
    http: HttpSettings = HttpSettings()
    local: LocalSection = LocalSection()
    server: ServerSettings = ServerSettings()
    virtual_keys: tuple[VirtualKeySettings, ...] = ()
    mcp: dict[str, McpSettings] = {}
    tools: ToolSettings = ToolSettings()
    gateway: GatewaySettings = GatewaySettings()
    limits: dict[str, Limits] = {}
    budgets: BudgetSettings = BudgetSettings()
    ledger: LedgerSettings = LedgerSettings()
    store: StoreSettings = StoreSettings()
    responses: ResponseSettings = ResponseSettings()
    shared: SharedSettings = SharedSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    display: DisplaySettings = DisplaySettings()
    voice: VoiceSettings = VoiceSettings()


UNTRUSTED: frozenset[str] = frozenset({"default_model", "models", "display"})
"""All that a file found in the working directory may set: it came with somebody's repository (contracts §6.9)."""
