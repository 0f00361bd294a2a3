"""Counts for Prometheus. Every label takes few values, whatever clients send.

A call is counted once, when it is over, from its row of the ledger. Labels are dialects, operations, lanes, codes of
our errors and classes of statuses, which are ours; providers, which are configured; and models, but those of the
catalog and the configuration only: all others are `other`. Tenants, keys, paths and request ids are no labels.

Looking a labelled child up costs more than counting, and so do its lock and its checks. So those of a call are kept
together by what tells calls apart, and the common call, of one try at a known model, is added up here and handed on
when somebody asks.
With several processes, set PROMETHEUS_MULTIPROC_DIR to an empty folder before they start: prometheus-client then keeps
its values there, and any of them answers for all.
"""

from __future__ import annotations

import os
from bisect import bisect_left
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


class _Span:
    """Values of a histogram since they were last handed on: counting them here costs a tenth of the library's way."""

    __slots__ = ("_bounds", "_child", "_counts", "_sum")

    def __init__(self, child: Histogram, bounds: tuple[float, ...]) -> None:
        self._child = child
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._sum += value
        self._counts[bisect_left(self._bounds, value)] += 1

    def hand_on(self) -> None:
        self._child._sum.inc(self._sum)
        for bucket, count in zip(self._child._buckets, self._counts, strict=True):
            if count:
                bucket.inc(count)
        self._counts = [0] * len(self._counts)
        self._sum = 0.0


class _Tally:
    """What calls of one try came to since it was last handed on, for calls that differ in nothing that is a label."""

    __slots__ = ("_children", "_interrupted", "calls", "cost", "first", "per_token", "seconds", "tokens", "unknown")

    def __init__(
        self, children: tuple[Add, ...], interrupted: Add | None, seconds: _Span, first: _Span, per_token: _Span
    ) -> None:
        self._children = children
        self._interrupted = interrupted
        self.seconds, self.first, self.per_token = seconds, first, per_token
        self.calls = self.cost = self.unknown = 0
        self.tokens = [0] * len(KINDS)

    def add(self, row: LedgerRow, attempt: AttemptRow) -> None:
        self.calls += 1
        self.seconds.add(row.duration / 1e6)
        usage = attempt.usage
        if usage is not None and attempt.lane != REMEMBERED:
            tokens = self.tokens
            tokens[0] += usage.input_tokens or 0
            tokens[1] += usage.output_tokens or 0
            tokens[2] += usage.cache_read or 0
            tokens[3] += usage.cache_creation or 0
            tokens[4] += usage.reasoning or 0
        if attempt.cost is not None:
            self.cost += attempt.cost
        elif attempt.error is None:
            self.unknown += 1
        if row.stream and attempt.first is not None:
            self.first.add(attempt.first / 1e6)
            pace = _pace(row, attempt)
            if pace is not None:
                self.per_token.add(pace)

    def hand_on(self) -> None:
        if not self.calls:
            return
        if self._interrupted is not None:
            self._interrupted(self.calls)
        counts = (self.calls, self.calls, self.unknown, self.cost / PICO_PER_USD, *self.tokens)
        for add, count in zip(self._children, counts, strict=True):
            if count:
                add(count)
        for span in (self.seconds, self.first, self.per_token):
            span.hand_on()
        self.calls = self.cost = self.unknown = 0
        self.tokens = [0] * len(KINDS)


def _pace(row: LedgerRow, attempt: AttemptRow) -> float | None:
    """Seconds from one token of a stream to the next, or None where that cannot be told."""
    usage = attempt.usage
    if usage is None or attempt.first is None or usage.output_tokens is None or usage.output_tokens < 2:
        return None
    flowed = attempt.started + attempt.duration - row.started - attempt.first
    return flowed / 1e6 / (usage.output_tokens - 1) if flowed >= 0 else None


REMEMBERED = "cache"
"""The lane of answers that no provider was asked for: their tokens were counted when it was."""
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
        self.waited = Counter(
            "interlingua_queue", "Calls that waited for limits, by how that ended.", ("ended",), registry=registry
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
        self.queued = Gauge(
            "interlingua_queued_calls", "Calls that wait for limits.", registry=registry, multiprocess_mode="livesum"
        )
        self.tasks = Gauge(
            "interlingua_tasks",
            "Tasks of the event loop: some for each running call.",
            registry=registry,
            multiprocess_mode="livesum",
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
        self._tallies: dict[tuple[object, ...], _Tally] = {}
        self._shared = SHARED_FOLDER in os.environ
        """Whether other processes tell of our figures too: then none is held back until it is asked for."""
        self._lost = 0
        self._waited: dict[str, int] = {}
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
        self._hand_on()
        self._tallies.clear()
        self._targets = targets
        self._providers = frozenset(providers)

    def observe(self, row: LedgerRow) -> None:
        """Counts a call that is over."""
        if len(row.attempts) == 1 and row.attempts[0].target in self._targets:
            attempt = row.attempts[0]
            key = (
                row.dialect,
                row.operation,
                row.status,
                row.error,
                attempt.target,
                attempt.dialect,
                attempt.lane,
                attempt.status,
                attempt.error,
            )
            tally = self._tallies.get(key)
            if tally is None:
                tally = self._tallies[key] = self._tally(row, attempt)
            tally.add(row, attempt)
            if self._shared:
                tally.hand_on()
            return
        self._observe_each(row)

    def _observe_each(self, row: LedgerRow) -> None:
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
        if usage is not None and attempt.lane != REMEMBERED:
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
            pace = _pace(row, attempt)
            if pace is not None:
                model.per_token(pace)

    def note(
        self,
        *,
        running: int,
        waiting: int,
        lost: int,
        config_valid: bool,
        tasks: int = 0,
        queued: int = 0,
        waited: Mapping[str, int] | None = None,
    ) -> None:
        """Writes down how things are now.

        Args:
            running: calls being answered.
            waiting, lost: rows of the ledger that wait, and that were given up since the start.
            config_valid: whether the configuration's file is in force.
            tasks: of the event loop.
            queued, waited: calls that wait for limits, and that did since the start, by how that ended.
        """
        self._gauges.queued.set(queued)
        for how, count in (waited or {}).items():
            self._counts.waited.labels(how).inc(count - self._waited.get(how, 0))
            self._waited[how] = count
        self._gauges.running.set(running)
        self._gauges.tasks.set(tasks)
        self._gauges.waiting.set(waiting)
        self._gauges.config.set(config_valid)
        if lost > self._lost:
            self._counts.lost.inc(lost - self._lost)
            self._lost = lost

    def text(
        self,
        *,
        running: int,
        waiting: int,
        lost: int,
        config_valid: bool = True,
        tasks: int = 0,
        queued: int = 0,
        waited: Mapping[str, int] | None = None,
        accept: str = "",
    ) -> tuple[bytes, str]:
        """All figures in Prometheus' text format, and its content type.

        Args:
            running, waiting, lost, config_valid, tasks, queued, waited: as for `note`.
            accept: what the asker takes; OpenMetrics too, where it says so.
        """
        self._hand_on()
        self.note(
            running=running,
            waiting=waiting,
            lost=lost,
            config_valid=config_valid,
            tasks=tasks,
            queued=queued,
            waited=waited,
        )
        registry = self._registry
        if SHARED_FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library gives its constructor none
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def _hand_on(self) -> None:
        for tally in self._tallies.values():
            tally.hand_on()

    def _tally(self, row: LedgerRow, attempt: AttemptRow) -> _Tally:
        target = self._targets[attempt.target]
        call = (row.dialect, row.operation, *target)
        counts, times = self._counts, self._times
        tried = (*target, attempt.dialect, attempt.lane, _status_class(attempt.status), attempt.error or NONE)
        interrupted = attempt.error == INTERRUPTED
        return _Tally(
            (
                counts.requests.labels(*call, _status_class(row.status), row.error or NONE).inc,
                counts.attempts.labels(*tried).inc,
                counts.cost_unknown.labels(*target).inc,
                counts.cost.labels(*target).inc,
                *(counts.tokens.labels(*target, kind).inc for kind in KINDS),
            ),
            counts.interruptions.labels(*target).inc if interrupted else None,
            _Span(times.request.labels(*call), _CALL_SECONDS),
            _Span(times.first.labels(*target), _FIRST_SECONDS),
            _Span(times.per_token.labels(*target), _TOKEN_SECONDS),
        )

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
