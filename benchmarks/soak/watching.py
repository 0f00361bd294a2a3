"""What the gateway's process holds over time, and whether that stays level. Pure but for the reading."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import NamedTuple

import aiohttp

from benchmarks.gateway.processes import Running

FIGURES = ("memory_mb", "descriptors", "tasks", "running", "clients", "upstreams")


ESTABLISHED, CLOSE_WAIT = "01", "08"
"""As the kernel's table writes it; the latter is a connection that the upstream closed and we keep unused."""


class Sample(NamedTuple):
    """A moment.

    Args:
        seconds: since the start.
        memory_mb: resident.
        descriptors: open files and sockets.
        tasks: of the event loop.
        running: calls being answered.
        clients, upstreams: established connections on either side.
    """

    seconds: float
    memory_mb: float
    descriptors: int
    tasks: int
    running: int
    clients: int
    upstreams: int


async def look(
    process: Running, session: aiohttp.ClientSession, token: str, ports: tuple[int, int], seconds: float
) -> Sample:
    """How it stands.

    Args:
        process: the gateway.
        session: a way to it.
        token: the administrator's.
        ports: the gateway's own and the upstream's.
        seconds: since the start.
    """
    async with session.get("/metrics", headers={"authorization": f"Bearer {token}"}) as response:
        text = await response.text()
    clients, upstreams = connections(_kernel_table(), *ports)
    return Sample(
        seconds,
        process.memory(),
        process.descriptors(),
        _gauge(text, "interlingua_tasks"),
        _gauge(text, "interlingua_running_calls"),
        clients,
        upstreams,
    )


def _kernel_table() -> str:
    return Path("/proc/net/tcp").read_text()


def _gauge(text: str, name: str) -> int:
    found = re.search(rf"^{name} ([\d.e+]+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else -1


def connections(table: str, own: int, upstream: int) -> tuple[int, int]:
    """Connections of clients to us and of us to the upstream, from the kernel's table."""
    rows = [line.split() for line in table.splitlines()[1:]]
    ends = [(int(row[1].partition(":")[2], 16), int(row[2].partition(":")[2], 16), row[3]) for row in rows]
    clients = sum(local == own and state == ESTABLISHED for local, _, state in ends)
    return clients, sum(remote == upstream and state in (ESTABLISHED, CLOSE_WAIT) for _, remote, state in ends)


def growth(samples: list[Sample]) -> dict[str, tuple[float, float]]:
    """Means of the second and of the last quarter, by figure: the first quarter is for warming up."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    return {
        name: (
            statistics.mean(getattr(one, name) for one in early),
            statistics.mean(getattr(one, name) for one in late),
        )
        for name in FIGURES
    }


def uneven(samples: list[Sample], first: Sample, last: Sample, most_memory: float) -> list[str]:
    """What does not stay level.

    Args:
        samples: under load.
        first, last: without load, before and after.
        most_memory: MB that memory may grow by between the second and the last quarter.
    """
    found = []
    early, late = growth(samples)["memory_mb"]
    if late - early > most_memory:
        found.append(f"memory grew by {late - early:.1f} MB between the second and the last quarter")
    if last.upstreams > max(one.upstreams for one in samples):
        found.append(f"upstreams: {last.upstreams} connections, more than were ever needed")
    own = {"descriptors": (first.descriptors - first.upstreams, last.descriptors - last.upstreams)}
    own |= {name: (getattr(first, name), getattr(last, name)) for name in ("tasks", "running", "clients")}
    for name, (before, after) in own.items():
        if after > before + (4 if name in ("descriptors", "tasks") else 0):  # what a second writer or reader takes
            found.append(f"{name}: {before} before, {after} after the last client left, idle upstreams not counted")
    return found
