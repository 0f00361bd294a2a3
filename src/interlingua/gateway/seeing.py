"""What is told of each call: to Prometheus, to the log, to OpenTelemetry, to hooks. One function is fed with all calls.

A call is told of by its row, when it is handed to the ledger; what was refused before it became a call has no row and
is told of by `refused`. Which names are told apart and which texts are secret follows from the engine in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from interlingua.engine.engine import Engine
from interlingua.errors import ConfigError
from interlingua.gateway.hooks import Hooks
from interlingua.ports.store import LedgerRow
from interlingua.providers.genai_names import GENAI_NAMES
from interlingua.telemetry.logs import Logs
from interlingua.telemetry.settings import TelemetrySettings
from interlingua.telemetry.tracing import Tracing, open_tracing
from interlingua.types.secret import Secret

if TYPE_CHECKING:
    from interlingua.telemetry.metrics import Metrics, Target


class Seeing:
    """Tells of calls.

    Args:
        metrics, logs, tracing, hooks: who is told; None is nobody.
        secrets: texts that no log line and no span may hold, besides the providers' credentials.
    """

    def __init__(
        self,
        metrics: Metrics | None = None,
        logs: Logs | None = None,
        tracing: Tracing | None = None,
        hooks: Hooks | None = None,
        secrets: Iterable[Secret] = (),
    ) -> None:
        self.metrics = metrics
        self.logs = logs
        self.tracing = tracing
        self.hooks = hooks
        self._secrets = tuple(secrets)
        self._latest = ""

    def know(self, engine: Engine) -> None:
        """Takes over names and secrets of the engine in force."""
        if self.metrics is not None:
            self.metrics.know(known_targets(engine), engine.providers)
        if self.logs is not None:
            self.logs.know((*self._secrets, *credentials_of(engine)))

    def observe(self, row: LedgerRow) -> None:
        """A call is over."""
        self._latest = row.request_id
        if self.metrics is not None:
            self.metrics.observe(row)
        if self.logs is not None:
            self.logs.observe(row)
        if self.tracing is not None:
            self.tracing.observe(row)
        if self.hooks is not None:
            self.hooks.after(row)

    def arrived(self, headers: tuple[tuple[str, str], ...]) -> None:
        """A request came: what happens from here on in this task is part of what the client says that it is part of.

        Args:
            headers: names in lower case.
        """
        if self.tracing is not None:
            self.tracing.enter(headers)

    def refused(self, request_id: str, dialect: str, operation: str, when: float, status: int, error: str) -> None:
        """A request failed; tells of it where it never became a call: an unknown path or key, a foreign page.

        To be called at once when the failure is known, because it is by the latest call that it knows.

        Args:
            request_id: ours.
            dialect, operation: of its route; empty where it has none.
            when: seconds since 1970.
            status, error: what the client gets.
        """
        if request_id == self._latest:
            return
        row = LedgerRow(
            request_id, "", "", "", int(when * 1e6), 0, dialect or "none", operation or "none", False, "", status, error
        )
        if self.metrics is not None:
            self.metrics.observe(row)
        if self.logs is not None:
            self.logs.observe(row)


def open_seeing(
    settings: TelemetrySettings, engine: Engine, logs: Logs | None, hooks: Hooks | None, secrets: Iterable[Secret]
) -> Seeing:
    """Whoever is to be told of calls.

    Args:
        settings: what is wanted.
        engine: the one in force.
        logs: the log lines; None tells none.
        hooks: of the installed packages.
        secrets: besides the providers' credentials.

    Raises:
        ConfigError: metrics are wanted, and what counts them is not installed.
    """
    tracing = open_tracing(GENAI_NAMES, logs.clean if logs is not None else str) if settings.traces else None
    seeing = Seeing(_metrics() if settings.metrics else None, logs, tracing, hooks, secrets)
    seeing.know(engine)
    return seeing


def known_targets(engine: Engine) -> dict[str, Target]:
    """The labels of every `provider/model` of the catalog and the configuration; an alias counts as what it means."""
    found: dict[str, Target] = {}
    for provider in engine.providers.values():
        for row in engine.catalog.of(provider.catalog or provider.id):
            for name in (row.id, *row.aliases):
                found.setdefault(f"{provider.id}/{name}", (provider.id, row.id))
        for name in (provider.default_model, *provider.deployments):
            found.setdefault(f"{provider.id}/{name}", (provider.id, name))
    for alias in engine.aliases.values():
        for target in alias.names:
            provider_id, _, model = target.partition("/")
            if provider_id in engine.providers and model and "*" not in model:
                found.setdefault(target, (provider_id, model))
    return found


def _metrics() -> Metrics:
    try:
        from interlingua.telemetry.metrics import Metrics  # brings what the rest of the package does without
    except ImportError as error:
        raise ConfigError(
            f"telemetry.metrics: a package is not installed: {error.name}",
            remedy="pip install 'interlingua[server]', or set telemetry.metrics = false",
        ) from error
    return Metrics()


def credentials_of(engine: Engine) -> list[Secret]:
    """The credentials of providers that an engine has."""
    return [one.secret for provider in engine.providers.values() for one in engine.pool(provider)]
