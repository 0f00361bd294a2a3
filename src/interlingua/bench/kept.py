"""A measurement as it is kept, so that the page of performance shows it beside others: what was asked for, how far it
is, and the figures. Prompts are not kept, only how many there were.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from interlingua.bench.measure import Figures, Sample, figures
from interlingua.ports.benchmarks import Benchmark
from interlingua.types.money import Money

Outcome = Literal["running", "done", "stopped", "failed"]


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be measured.

    Args:
        models: who is measured.
        prompts: how many prompts each gets.
        runs: how often each prompt.
        at_once: calls of a model at the same time.
        max_output_tokens: the longest answer; None is the model's own.
        by: what measured: `il bench` or `gateway`.
    """

    models: tuple[str, ...]
    prompts: int
    runs: int
    at_once: int = 1
    max_output_tokens: int | None = None
    by: str = "il bench"

    @property
    def calls(self) -> int:
        """How many calls that is."""
        return len(self.models) * self.prompts * self.runs


def new_id() -> str:
    """An id of a measurement."""
    return f"bench_{secrets.token_hex(8)}"


def benchmark(
    id: str, plan: Plan, samples: Sequence[Sample], started: int, now: int, state: Outcome, error: str | None = None
) -> Benchmark:
    """A measurement as it stands.

    Args:
        id: ours.
        plan: what is to be measured.
        samples: the calls that are over.
        started, now: microseconds since 1970.
        state: how it stands.
        error: why it failed, for people.
    """
    value: dict[str, Any] = {
        **msgspec.to_builtins(plan),
        "calls": plan.calls,
        "done": len(samples),
        "seen": now,
        "error": error,
        "figures": [_told(one) for one in figures(samples)],
    }
    return Benchmark(id=id, started=started, state=state, value=value)


def _told(one: Figures) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "cost": None if one.cost is None else f"{Money(one.cost).usd:f}"}
