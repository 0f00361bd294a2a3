"""The budgets that the gateway is held to, as ratios within one run. Pure: results in, verdicts out."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.gateway.gateways import LITELLM, NGINX, PORTKEY, TENSORZERO_NAME
from benchmarks.gateway.loads import Figures

Results = dict[str, dict[str, Figures]]
"""By case and gateway."""

THROUGHPUT = "whole, 1 KB, 32 connections"
LASTING = "memory after 100,000 requests"


class Verdict(NamedTuple):
    """One budget.

    Args:
        what: is limited.
        wanted, found: as people read them.
        holds: whether it does; None where it could not be measured, or throughput and CPU say different things.
    """

    what: str
    wanted: str
    found: str
    holds: bool | None


def verdicts(results: Results, name: str) -> list[Verdict]:
    """Whether the budgets hold for one of our rows.

    Args:
        results: of one run.
        name: of the row.
    """
    found = []
    for peer, least in ((LITELLM, 60.0), (PORTKEY, 8.0), (TENSORZERO_NAME, 1.2), (NGINX, 0.13)):
        ratio = _ratio(results, THROUGHPUT, "per_second", name, peer)
        wanted = f"at least {least:g} × {peer}"
        by_cpu = _ratio(results, THROUGHPUT, "cpu_us", peer, name)
        told = _times(ratio) if by_cpu is None else f"{_times(ratio)} (by CPU: {_times(by_cpu)})"
        holds = None
        if ratio is not None and by_cpu is not None and (ratio >= least) == (by_cpu >= least):
            holds = ratio >= least  # where the two disagree, others had the processor, and nothing is known
        found.append(Verdict("whole answers a second", wanted, told, holds))
    for case, most in (("200 streams", 1.0), ("200 streams, translated", 1.6)):
        ours, theirs = _of(results, case, name), _of(results, "200 streams", TENSORZERO_NAME)
        ratio = ours["cpu_us"] / theirs["cpu_us"] if ours and theirs and theirs["cpu_us"] else None
        wanted = f"at most {most:g} × {TENSORZERO_NAME}'s relay"
        holds = None if ratio is None else ratio <= most
        found.append(Verdict(f"CPU per event, {case}", wanted, _times(ratio), holds))
    for case in ("800 streams", "400 streams, translated"):
        got = _of(results, case, name)
        if got:
            bad = got["stalled"] + got["streams"] - got["whole"]
            told = f"{got['stalled']} stalled, {got['streams'] - got['whole']} broken, longest gap {_gap(got)} ms"
            found.append(Verdict(case, "none stalls", told, bad == 0))
    memory = _of(results, LASTING, name)
    if memory:
        end, grown = memory["memory_end_mb"], memory["memory_end_mb"] - memory["memory_half_mb"]
        told = f"{end:.0f} MB, {grown:+.1f} MB over the second half"
        found.append(Verdict(LASTING, "at most 100 MB, and flat", told, end <= 100 and grown <= 2))
    return found


def _gap(got: Figures) -> str:
    return f"{got['longest_gap_ms']['max']:.0f}"


def _of(results: Results, case: str, name: str) -> Figures:
    return results.get(case, {}).get(name, {})


def _ratio(results: Results, case: str, figure: str, name: str, peer: str) -> float | None:
    ours, theirs = _of(results, case, name), _of(results, case, peer)
    return ours[figure] / theirs[figure] if ours and theirs and theirs[figure] else None


def _times(ratio: float | None) -> str:
    return "not measured" if ratio is None else f"{ratio:.2f} ×"
