"""Measures the gateways: `python -m benchmarks.gateway.run [--quick]`.

In full it writes `benchmarks/results/gateway.json`, `.md` and `.svg`, and the table into README.md where that has a
place for it; quickly it prints the table. What does not start or does not answer is told, and the others are measured.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.gateway import plan as planned
from benchmarks.gateway import report
from benchmarks.gateway.budgets import LASTING, THROUGHPUT, Results, verdicts
from benchmarks.gateway.gateways import HTTP_CLIENTS, PEERS, Door, Gateway, our_name, versions
from benchmarks.gateway.loads import Figures, streams, whole_answers
from benchmarks.gateway.plan import Plan
from benchmarks.gateway.processes import GATEWAY_CORE, LOAD_CORE
from benchmarks.gateway.upstreams import upstreams

RESULTS = Path(__file__).parent.parent / "results"
README = Path(__file__).parent.parent.parent / "README.md"
BUSY = 3.5
"""A load average that we do not reach by ourselves: gateway, load and two upstreams make two to three."""
UPSTREAM = "the upstream itself"


class Run:
    """One run.

    Args:
        plan: how much.
        folder: for files of the gateways.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._running: dict[str, Gateway] = {}
        self.results: Results = {}
        self.failures: dict[str, str] = {}
        self.rest: dict[str, float] = {}

    def measure(self) -> None:
        """All of it."""
        with ExitStack() as stack:
            whole, streamed = stack.enter_context(upstreams(self._folder, self._plan.events))
            for name, start in planned.starters(self._plan).items():
                folder = self._folder / name.replace(" ", "-").replace(",", "")
                folder.mkdir()
                with self._surviving(name, "start"):
                    gateway = stack.enter_context(start(folder, whole, streamed))
                    self._running[name] = gateway
                    self.rest[name] = gateway.process.memory()
                    print(f"  {name} runs", flush=True)
            self._warm()
            for case in planned.cases(self._plan):
                self._case(case)
                if case.door == "stream":
                    count = int(case.name.split()[0])
                    bare = streams(None, Door(streamed, "/v1/chat/completions", "m"), count)
                    self.results[case.name][UPSTREAM] = {**bare, "cpu_us": 0.0, "memory_mb": 0.0}
                if case.name == THROUGHPUT and self._plan.lasting:
                    self._last()  # before what takes memory of its own: long requests, hundreds of streams

    def _warm(self) -> None:
        for name, gateway in list(self._running.items()):
            with self._surviving(name, "first request"):
                door = gateway.doors["whole"]
                found = whole_answers(gateway, door, self._folder, size="1 KB", connections=4, seconds=1)
                if found["failed"] or not found["requests"]:
                    del self._running[name]
                    raise RuntimeError(f"{found['failed']} requests fail: {gateway.process.tail()[-300:]}")

    def _case(self, case: planned.Case) -> None:
        found: dict[str, list[Figures]] = {}
        for _ in range(case.rounds):
            for name, gateway in self._running.items():
                if case.door in gateway.doors and name not in case.spared:
                    with self._surviving(name, case.name):
                        found.setdefault(name, []).append(case.measure(gateway, self._folder))
        self.results[case.name] = {name: _mean(rounds) for name, rounds in found.items()}
        print(f"  {case.name}", flush=True)

    def _last(self) -> None:
        for client in HTTP_CLIENTS:
            name = our_name(client)
            if name in self._running:
                with self._surviving(name, LASTING):
                    got = planned.lasting(self._running[name], self._folder, self._plan.lasting)
                    self.results.setdefault(LASTING, {})[name] = got
        print(f"  {LASTING}", flush=True)

    @contextmanager
    def _surviving(self, name: str, what: str) -> Iterator[None]:
        """A failure of one gateway is noted and ends nothing else."""
        try:
            yield
        except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            told = f"{type(error).__name__}: {error}"[:400]
            self.failures[f"{name}, {what}"] = told
            print(f"  {name}, {what}: {told}", flush=True)


def _mean(rounds: list[Figures]) -> Figures:
    """The mean of figures that were taken several times."""
    first = rounds[0]
    return {
        key: sum(one[key] for one in rounds) / len(rounds) if isinstance(value, float) else value
        for key, value in first.items()
    } | ({"failed": sum(one["failed"] for one in rounds)} if "failed" in first else {})


def conditions(seconds: float) -> str:
    """Under what the figures came about; names no machine."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "an unknown processor",
    )
    cores = "one core for the gateway, another for load and upstream"
    if GATEWAY_CORE == LOAD_CORE:
        cores = "a single core for all, so the figures are worth little"
    load = os.getloadavg()[1]
    busy = "**The machine was busy with other work: trust CPU, not throughput, latency and stalls.** "
    machine = f"{cpu}, {os.cpu_count()} cores ({cores}), CPython {platform.python_version()}"
    return (
        f"{busy if load > BUSY else ''}{machine}; load average "
        f"{load:.1f} at the end, {seconds / 60:.0f} minutes. Only ratios within the run count. Ours has "
        "keys, limits, ledger and metrics on, but in rows that say otherwise; the peers have off what they can spare. "
        "`uvicorn + …` is our server and HTTP client with nothing between: what any gateway on them costs at the least."
    )


def measured(plan: Plan) -> dict[str, Any]:
    """A run as it is kept."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(plan, Path(folder))
        run.measure()
    return {
        "date": f"{datetime.date.today():%Y-%m-%d}",
        "conditions": conditions(time.monotonic() - began),
        "versions": versions(),
        "rest": run.rest,
        "results": run.results,
        "failures": run.failures,
    }


def report_quick() -> None:
    """Measures shortly, and prints."""
    if not PEERS.exists():
        print("(no gateways to compare with: `make bench-peers` installs them)")
    show(measured(planned.QUICK))


def show(run: dict[str, Any]) -> None:
    """Prints summary and budgets."""
    print(f"\n{run['conditions']}\n\n{report.summary(run['results'], run['versions'])}\n")
    print(report.budget_table(judged(run)))


def judged(run: dict[str, Any]) -> dict[str, Any]:
    """The budgets of each of our rows with everything on."""
    return {our_name(client): verdicts(run["results"], our_name(client)) for client in HTTP_CLIENTS}


def main() -> None:
    """Measures in full and writes what it found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a minute or two; prints only")
    if parser.parse_args().quick:
        report_quick()
        return
    run = measured(planned.FULL)
    kept = RESULTS / "gateway.json"
    kept.write_text(report.saved(run))
    (RESULTS / "gateway.md").write_text(report.page(run, judged(run)))
    show(run)
    if not report.plot(kept, RESULTS / "gateway.svg"):
        print("(no picture: the environment of the peers has no matplotlib)")
    if not report.put_into(README, report.summary(run["results"], run["versions"])):
        print(f"(README.md has no place for the table: {report.MARKS[0]} … {report.MARKS[1]})")


if __name__ == "__main__":
    main()
