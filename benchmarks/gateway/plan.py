"""What is measured, in which order, and how long; the gateways take turns, so that other work falls on all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.gateway.gateways import (
    HTTP_CLIENTS,
    LITELLM,
    NGINX,
    PEER_STARTERS,
    PORTKEY,
    Gateway,
    Starter,
    floor,
    floor_name,
    our_name,
    ours,
)
from benchmarks.gateway.loads import Figures, streams, whole_answers

BARE = "no keys, limits, ledger"
LOGGED = "with a log line a call"
SLOW = frozenset({LITELLM, PORTKEY})
"""Gateways that are spared the largest numbers of streams, which would take them minutes."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Args:
        rounds: how often the gateways take turns.
        seconds: of each load of whole answers.
        events: of each stream.
        all_cases: whether more is measured than the first cases of each kind.
        lasting: requests after which memory is looked at.
    """

    rounds: int
    seconds: int
    events: int
    all_cases: bool
    lasting: int


FULL = Plan(rounds=2, seconds=3, events=125, all_cases=True, lasting=100_000)
QUICK = Plan(rounds=1, seconds=2, events=50, all_cases=False, lasting=0)

Measure = Callable[[Gateway, Path], Figures]


@dataclass(frozen=True)
class Case:
    """One load.

    Args:
        name: of its row in the results.
        door: which door of a gateway it is sent to.
        measure: does it.
        rounds: how often.
        spared: gateways that are not asked.
    """

    name: str
    door: str
    measure: Measure
    rounds: int = 1
    spared: frozenset[str] = frozenset()


def starters(plan: Plan) -> dict[str, Starter]:
    """The gateways by name."""
    found = dict(PEER_STARTERS)
    for client in HTTP_CLIENTS:
        found[our_name(client)] = partial(ours, client=client)
        found[floor_name(client)] = partial(floor, client=client)
        if plan.all_cases:
            found[our_name(client, BARE)] = partial(ours, client=client, full=False)
    if plan.all_cases:
        found[our_name(HTTP_CLIENTS[-1], LOGGED)] = partial(ours, client=HTTP_CLIENTS[-1], log_level="info")
    return found


def _whole(door: str, size: str, connections: int, seconds: int) -> Measure:
    def measure(gateway: Gateway, folder: Path) -> Figures:
        return whole_answers(gateway, gateway.doors[door], folder, size=size, connections=connections, seconds=seconds)

    return measure


def _streams(door: str, count: int) -> Measure:
    return lambda gateway, folder: streams(gateway, gateway.doors[door], count)


def cases(plan: Plan) -> Iterator[Case]:
    """The loads, in order."""
    variants = frozenset(name for name in starters(plan) if name.endswith((BARE, LOGGED)))
    floors = frozenset(map(floor_name, HTTP_CLIENTS))
    yield Case("whole, 1 KB, 32 connections", "whole", _whole("whole", "1 KB", 32, plan.seconds), plan.rounds)
    yield Case("whole, 1 KB, 1 connection", "whole", _whole("whole", "1 KB", 1, plan.seconds), plan.rounds, variants)
    yield Case("200 streams", "stream", _streams("stream", 200), 1, variants)
    door = "stream_translated"
    yield Case("200 streams, translated", door, _streams(door, 200), 1, variants)
    if not plan.all_cases:
        return
    plain = variants | floors
    yield Case("whole, 10 KB, 32 connections", "whole", _whole("whole", "10 KB", 32, plan.seconds), 1, plain)
    yield Case("whole, 1 MB, 8 connections", "whole", _whole("whole", "1 MB", 8, plan.seconds), 1, plain)
    spared = plain | SLOW
    door = "whole_translated"
    yield Case("whole, 1 KB, translated", door, _whole(door, "1 KB", 32, plan.seconds), 1, variants)
    yield Case("800 streams", "stream", _streams("stream", 800), 1, spared | {NGINX})
    door = "stream_translated"
    yield Case("400 streams, translated", door, _streams(door, 400), 1, spared)
    yield Case("800 streams, translated", door, _streams(door, 800), 1, spared)


def lasting(gateway: Gateway, folder: Path, requests: int) -> Figures:
    """Memory over that many requests: at the start, after half of them, and after each tenth of the second half."""
    door = gateway.doors["whole"]
    start, done, half, after = gateway.process.memory(), 0, 0.0, []
    while done < requests:
        found = whole_answers(gateway, door, folder, size="1 KB", connections=32, seconds=2)
        done += found["requests"]
        if done >= requests / 2:
            half = half or gateway.process.memory()
            after.append(gateway.process.memory())
        if not found["requests"]:
            raise RuntimeError(f"no request is answered: {gateway.process.tail()}")
    return {"requests": done, "memory_start_mb": start, "memory_half_mb": half, "memory_end_mb": after[-1]}
