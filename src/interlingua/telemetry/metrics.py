"""Counts for Prometheus. Every label takes few values, whatever clients send.

A call is counted once, when it is over, from its row of the ledger. Labels are dialects, operations, lanes, codes of
our errors and classes of statuses, which are ours; providers, which are configured; and models, but those of the
catalog and the configuration only: all others are `other`. Tenants, keys, paths and request ids are no labels.

Looking a labelled child up costs more than counting, so those of a call are kept together by what tells calls apart.
With several processes, set PROMETHEUS_MULTIPROC_DIR to an empty folder before they start: prometheus-client then keeps
its values there, and any of them answers for all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from interlingua._version import __version__
from interlingua.ports.store import AttemptRow, LedgerRow
from interlingua.types.money import PICO_PER_USD

OTHER, NONE = "other", "none"
"""A provider or model that is not told apart; and the labels of calls that reached none, or that ended well."""
INTERRUPTED = "stream_interrupted"
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_FIRST_SECONDS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60, 300)
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5)

Add = Callable[[float], None]
Target = tuple[str, str]
"""The labels of a target: provider and model."""


class _Call(NamedTuple):
    """The children of calls that differ in nothing that is a label."""

    add: Callable[[], None]
    seconds: Add


class _Attempt(NamedTuple):
    """The same for attempts."""

    add: Callable[[], None]
    interrupted: Callable[[], None] | None


class _Model(NamedTuple):
    """The same for what a model consumes; tokens by kind in the order of `KINDS`."""

    tokens: tuple[Add, ...]
    cost: Add
    unknown: Callable[[], None]
    first: Add
    per_token: Add


KINDS = ("input", "output", "cache_read", "cache_creation", "reasoning")
"""`cache_read` and `cache_creation` are part of `input`, `reasoning` of `output`."""


_WHOSE = ("provider", "model")
_OF_CALL = ("dialect", "operation", *_WHOSE)


class _Counts:
    """What is counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "interlingua_requests",
            "Requests, by who answered and how they ended.",
            (*_OF_CALL, "status", "error"),
            registry=registry,
        )
        self.attempts = Counter(
            "interlingua_attempts",
            "Tries at a provider; a request has one or more, or none where it was refused before.",
            (*_WHOSE, "dialect", "lane", "status", "error"),
            registry=registry,
        )
        self.interruptions = Counter(
            "interlingua_stream_interruptions", "Streams that broke off before their end.", _WHOSE, registry=registry
        )
        self.tokens = Counter(
            "interlingua_tokens",
            "Tokens that providers reported; input includes cache_read and cache_creation, output includes reasoning.",
            (*_WHOSE, "kind"),
            registry=registry,
        )
        self.cost = Counter("interlingua_cost_usd", "Known cost in US dollars.", _WHOSE, registry=registry)
        self.cost_unknown = Counter(
            "interlingua_cost_unknown", "Answers whose cost is unknown.", _WHOSE, registry=registry
        )
        self.lost = Counter("interlingua_ledger_lost_rows", "Rows of the ledger given up.", registry=registry)


class _Times:
    """What is measured."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.request = Histogram(
            "interlingua_request_seconds",
            "From the request to the end of its answer.",
            _OF_CALL,
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self.first = Histogram(
            "interlingua_time_to_first_token_seconds",
            "From the request to the first content of a stream.",
            _WHOSE,
            buckets=_FIRST_SECONDS,
            registry=registry,
        )
        self.per_token = Histogram(
            "interlingua_inter_token_seconds",
            "Mean time between two tokens of a stream, one value a stream.",
            _WHOSE,
            buckets=_TOKEN_SECONDS,
            registry=registry,
        )


class _Gauges:
    """How things are now; of all processes together, where there are several."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.running = Gauge(
            "interlingua_running_calls", "Calls being answered.", registry=registry, multiprocess_mode="livesum"
        )
        self.waiting = Gauge(
            "interlingua_ledger_waiting_rows",
            "Rows of the ledger that are not on the disk yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.config = Gauge(
            "interlingua_configuration_valid",
            "1 where the configuration in force is that of the file, 0 where the file's cannot be used.",
            registry=registry,
            multiprocess_mode="livemin",
        )


class Metrics:
    """Counts calls.

    Args:
        targets, providers: as for `know`.
    """

    def __init__(self, targets: Mapping[str, Target] | None = None, providers: Iterable[str] = ()) -> None:
        # Else each series is there a second time, to say since when it is.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library gives it none
        self._registry = registry = CollectorRegistry()
        self._targets: Mapping[str, Target] = {}
        self._providers: frozenset[str] = frozenset()
        self._calls: dict[tuple[str, ...], _Call] = {}
        self._attempts: dict[tuple[str, ...], _Attempt] = {}
        self._models: dict[Target, _Model] = {}
        self._lost = 0
        self._counts = _Counts(registry)
        self._times = _Times(registry)
        self._gauges = _Gauges(registry)
        if SHARED_FOLDER not in os.environ:
            Info("interlingua_build", "What runs.", registry=registry).info({"version": __version__})
        self.know(targets or {}, providers)

    def know(self, targets: Mapping[str, Target], providers: Iterable[str] = ()) -> None:
        """Takes over what is told apart.

        Args:
            targets: the labels of each such `provider/model`.
            providers: those that are told apart even where their model is not.
        """
        self._targets = targets
        self._providers = frozenset(providers)

    def observe(self, row: LedgerRow) -> None:
        """Counts a call that is over."""
        target: Target = (NONE, NONE)
        for attempt in row.attempts:
            target = self._targets.get(attempt.target) or self._other(attempt.target)
            self._observe_attempt(row, attempt, target)
        key = (row.dialect, row.operation, *target, _status_class(row.status), row.error or NONE)
        call = self._calls.get(key)
        if call is None:
            call = self._calls[key] = _Call(
                self._counts.requests.labels(*key).inc, self._times.request.labels(*key[:4]).observe
            )
        call.add()
        call.seconds(row.duration / 1e6)

    def _observe_attempt(self, row: LedgerRow, attempt: AttemptRow, target: Target) -> None:
        key = (*target, attempt.dialect, attempt.lane, _status_class(attempt.status), attempt.error or NONE)
        found = self._attempts.get(key)
        if found is None:
            interrupted = self._counts.interruptions.labels(*target).inc if attempt.error == INTERRUPTED else None
            found = self._attempts[key] = _Attempt(self._counts.attempts.labels(*key).inc, interrupted)
        found.add()
        if found.interrupted is not None:
            found.interrupted()
        model = self._models.get(target) or self._model(target)
        usage = attempt.usage
        if usage is not None:
            counts = usage.input_tokens, usage.output_tokens, usage.cache_read, usage.cache_creation, usage.reasoning
            for add, count in zip(model.tokens, counts, strict=True):
                if count:
                    add(count)
        if attempt.cost is not None:
            if attempt.cost > 0:
                model.cost(attempt.cost / PICO_PER_USD)
        elif attempt.error is None:
            model.unknown()
        if row.stream and attempt.first is not None:
            model.first(attempt.first / 1e6)
            if usage is not None and usage.output_tokens is not None and usage.output_tokens > 1:
                flowed = attempt.started + attempt.duration - row.started - attempt.first
                if flowed >= 0:
                    model.per_token(flowed / 1e6 / (usage.output_tokens - 1))

    def note(self, *, running: int, waiting: int, lost: int, config_valid: bool) -> None:
        """Writes down how things are now.

        Args:
            running: calls being answered.
            waiting, lost: rows of the ledger that wait, and that were given up since the start.
            config_valid: whether the configuration's file is in force.
        """
        self._gauges.running.set(running)
        self._gauges.waiting.set(waiting)
        self._gauges.config.set(config_valid)
        if lost > self._lost:
            self._counts.lost.inc(lost - self._lost)
            self._lost = lost

    def text(
        self, *, running: int, waiting: int, lost: int, config_valid: bool = True, accept: str = ""
    ) -> tuple[bytes, str]:
        """All figures in Prometheus' text format, and its content type.

        Args:
            running, waiting, lost, config_valid: as for `note`.
            accept: what the asker takes; OpenMetrics too, where it says so.
        """
        self.note(running=running, waiting=waiting, lost=lost, config_valid=config_valid)
        registry = self._registry
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library gives its constructor none
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def _other(self, name: str) -> Target:
        provider = name.partition("/")[0]
        return (provider if provider in self._providers else OTHER, OTHER)

    def _model(self, target: Target) -> _Model:
        found = self._models[target] = _Model(
            tuple(self._counts.tokens.labels(*target, kind).inc for kind in KINDS),
            self._counts.cost.labels(*target).inc,
            self._counts.cost_unknown.labels(*target).inc,
            self._times.first.labels(*target).observe,
            self._times.per_token.labels(*target).observe,
        )
        return found


def forget_process(process: int, folder: str) -> None:
    """Takes a process that has ended out of what is so now; what it counted stays.

    Args:
        process: its number.
        folder: `PROMETHEUS_MULTIPROC_DIR` of its siblings.
    """
    mark_process_dead(process, folder)  # type: ignore[no-untyped-call]  # the library gives it none


def _status_class(status: int | None) -> str:
    return _CLASSES.get(status // 100, OTHER) if status is not None else NONE


_CLASSES = {number: f"{number}xx" for number in range(1, 6)}
