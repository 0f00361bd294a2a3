"""What a run found, as people read it: tables in Markdown, and a plot. Pure but for the plot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.gateway.budgets import LASTING, THROUGHPUT, Results, Verdict
from benchmarks.gateway.gateways import HERE, PEERS, our_name

ONE = "whole, 1 KB, 1 connection"
MARKS = "<!-- gateway benchmark -->", "<!-- end of gateway benchmark -->"
"""Between these, a document holds the summary."""


def summary(results: Results, versions: dict[str, str]) -> str:
    """The table for people in a hurry."""
    lines = [
        "| gateway, on one core | requests/s | CPU/request | latency, one connection | CPU/stream event | memory |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    rows = sorted(results[THROUGHPUT].items(), key=lambda row: -row[1]["per_second"])
    for name, whole in rows:
        one, flow = results.get(ONE, {}).get(name), results.get("200 streams", {}).get(name)
        memory = max(found[name]["memory_mb"] for found in results.values() if "memory_mb" in found.get(name, {}))
        shown = f"**{name}**" if name.startswith(our_name("")[:11]) else f"{name} {versions.get(name, '')}".strip()
        lines.append(
            f"| {shown} | {whole['per_second']:,.0f} | {whole['cpu_us']:,.0f} µs | {_ms(one)} | {_event(flow)} "
            f"| {memory:,.0f} MB |"
        )
    return "\n".join(lines)


def _ms(found: dict[str, Any] | None) -> str:
    return f"{found['p50_ms']:.2f} ms" if found else ""


def _event(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return f"{found['cpu_us']:.1f} µs" if found["whole"] == found["streams"] else "fails"


def whole_table(results: Results) -> str:
    """Every case of whole answers and of streams."""
    lines: list[str] = []
    for case, rows in results.items():
        if case == LASTING:
            continue
        streamed = "streams" in case
        heads = (
            "events/s | CPU µs/event | first event ms p50 / p99 | longest gap ms p50 / max | stalled | broken | MB"
            if streamed
            else "requests/s | CPU µs/request | p50 ms | p90 ms | p99 ms | failed | MB"
        )
        lines += ["", f"### {case}", f"| gateway | {heads} |", "|---" + "|--:" * 7 + "|"]
        for name, got in sorted(rows.items(), key=lambda row: row[1]["cpu_us"]):
            if streamed:
                first, gap = got["first_ms"], got["longest_gap_ms"]
                cells = [
                    f"{got['per_second']:,.0f}",
                    f"{got['cpu_us']:.1f}",
                    f"{first['p50']:.1f} / {first['p99']:.1f}",
                    f"{gap['p50']:.0f} / {gap['max']:.0f}",
                    str(got["stalled"]),
                    str(got["streams"] - got["whole"]),
                ]
            else:
                cells = [f"{got['per_second']:,.0f}", f"{got['cpu_us']:,.0f}"]
                cells += [f"{got[key]:.2f}" for key in ("p50_ms", "p90_ms", "p99_ms")]
                cells.append(str(got["failed"]))
            lines.append(f"| {name} | {' | '.join(cells)} | {got['memory_mb']:.0f} |")
    return "\n".join(lines).strip()


def memory_table(rest: dict[str, float], results: Results) -> str:
    """Memory at rest, at the most, and after lasting work."""
    lines = [
        "| gateway | at rest MB | loaded MB | after 50,000 requests | after 100,000 requests |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, resting in rest.items():
        loaded = [found[name]["memory_mb"] for found in results.values() if "memory_mb" in found.get(name, {})]
        after = results.get(LASTING, {}).get(name)
        told = f"{after['memory_half_mb']:.1f} | {after['memory_end_mb']:.1f}" if after else " | "
        lines.append(f"| {name} | {resting:.0f} | {max(loaded, default=resting):.0f} | {told} |")
    return "\n".join(lines)


def budget_table(verdicts: dict[str, list[Verdict]]) -> str:
    """Which budgets hold, for each of our rows."""
    lines = ["| row | what | budget | found | holds |", "|---|---|---|--:|---|"]
    words = {True: "yes", False: "**no**", None: "?"}
    for name, found in verdicts.items():
        lines += [f"| {name} | {one.what} | {one.wanted} | {one.found} | {words[one.holds]} |" for one in found]
    return "\n".join(lines)


def page(run: dict[str, Any], verdicts: dict[str, list[Verdict]]) -> str:
    """The whole report."""
    results, failures = run["results"], run["failures"]
    failed = "\n".join(f"- {name}: {why}" for name, why in failures.items())
    said = f"\n## What did not run\n{failed}\n" if failed else ""
    return f"""# `make bench-gateway`, {run["date"]}

{run["conditions"]}

![requests a second, latency, CPU per event and memory](gateway.svg)

{summary(results, run["versions"])}

## Budgets
{budget_table(verdicts)}

## Memory
{memory_table(run["rest"], results)}
{said}
## All cases
{whole_table(results)}
"""


def plot(run: Path, picture: Path) -> bool:
    """Draws the picture in the environment of the peers; whether that could be done."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        return False
    return subprocess.run([str(python), str(HERE / "plot.py"), str(run), str(picture)], check=False).returncode == 0


def put_into(document: Path, table: str) -> bool:
    """Replaces the summary in a document that has a place for it; whether it has."""
    text = document.read_text()
    before, mark, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if mark and end:
        document.write_text(f"{before}{mark}\n{table}\n{end}{after}")
    return bool(mark and end)


def saved(run: dict[str, Any]) -> str:
    """The run as it is kept."""
    return json.dumps(run, indent=1, default=str) + "\n"
