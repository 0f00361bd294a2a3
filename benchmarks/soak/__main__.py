"""`python -m benchmarks.soak --seconds 600`: one gateway, an upstream with faults, clients of all dialects.

Prints what the gateway holds over time and what was answered wrongly; exits with 1 where something grows or is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.gateway.processes import CORES, Running, free_port, running
from benchmarks.soak import talk
from benchmarks.soak.clients import Tally, ask_until
from benchmarks.soak.watching import FIGURES, Sample, growth, look, uneven
from interlingua.dialects.registry import DIALECTS

KEY = "il-soak-0123456789abcdef0123456789abcdef"
CONFIG = """
[server]
port = {port}
head_wait = 1.0
heartbeat = 0.5
drain = 20.0
[store]
path = "{folder}/il.db"
[telemetry]
log_level = "error"
[retry]
attempts = 2
base = 0.01
[timeouts]
first_byte = 2.0
first_byte_whole = 2.0
idle = 2.0
idle_before_content = 2.0
[[virtual_keys]]
name = "soak"
key = "env:SOAK_KEY"
rpm = 100000000
tpm = 1000000000000
concurrency = 10000
"""
PROVIDER = """
[providers.{id}]
base_url = "http://127.0.0.1:{upstream}/{id}"
dialect = "{dialect}"
"""
WARM_SECONDS = 3.0
SETTLE = 40.0
"""Most seconds until the last calls have ended."""
LONG = 300
MEMORY_LONG, MEMORY_SHORT = 3.0, 12.0
"""MB that memory may grow by: in a short run more is still new to it than asked before."""


async def soak(seconds: int, clients: int, folder: Path) -> bool:
    """Runs it; whether all was well."""
    upstream_command = [sys.executable, "-m", "benchmarks.soak.upstream"]
    path = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with running(upstream_command, folder, name="upstream", core=CORES[-1], environment=path) as upstream:
        there = int(upstream.says(r"port (\d+)", 30))
        port = free_port()
        text = CONFIG.format(port=port, folder=folder)
        for name in DIALECTS:
            text += PROVIDER.format(id=talk.provider(name), upstream=there, dialect=name)
        config = folder / "interlingua.toml"
        config.write_text(text)
        command = [str(Path(sys.executable).with_name("il")), "--config", str(config), "serve"]
        environment = {"SOAK_KEY": KEY, "IL_KEYCHAIN": "off"}
        with running(command, folder, name="gateway", core=CORES[0], environment=environment) as gateway:
            gateway.answers(f"http://127.0.0.1:{port}/healthz", 60)
            token = (folder / "admin-token").read_text().strip()
            tally, samples, first, last = await _traffic(gateway, token, (port, there), seconds, clients)
            code = gateway.end()
    rows = (
        sqlite3.connect(folder / "il.db").execute("select count(*), count(distinct request_id) from calls").fetchone()
    )
    return _report(tally, samples, first, last, rows, code, seconds)


async def _traffic(
    gateway: Running, token: str, ports: tuple[int, int], seconds: int, clients: int
) -> tuple[Tally, list[Sample], Sample, Sample]:
    tally, end = Tally(), asyncio.Event()
    address = f"http://127.0.0.1:{ports[0]}"
    began = time.monotonic()

    async def sample() -> Sample:
        # On a connection of its own that does not stay, so that it is not counted as a client's.
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(address, connector=connector) as session:
            return await look(gateway, session, token, ports, time.monotonic() - began)

    await _warm(address, tally)
    await sample()  # what is made once is there from here on
    first = await sample()
    print("  ".join(f"{name:>11}" for name in ("seconds", *FIGURES, "calls", "wrong")), flush=True)
    asking = asyncio.create_task(ask_until(end, address, KEY, clients, tally))
    samples = []
    while time.monotonic() - began < seconds and not asking.done():
        await asyncio.sleep(max(1.0, seconds / 60))
        samples.append(await sample())
        shown = (*samples[-1], tally.asked, tally.wrong.total())
        print("  ".join(f"{value:11.1f}" if isinstance(value, float) else f"{value:11}" for value in shown), flush=True)
    end.set()
    await asking
    last = await sample()
    settled = time.monotonic() + SETTLE
    while time.monotonic() < settled and (last.running or last.clients):
        await asyncio.sleep(1)
        last = await sample()
    return tally, samples, first, last


async def _warm(address: str, tally: Tally) -> None:
    """One after the other asks a little, so that all is there that is only made once: no row of it is a growth."""
    end = asyncio.Event()
    asyncio.get_running_loop().call_later(WARM_SECONDS, end.set)
    await ask_until(end, address, KEY, 1, tally)


def _report(
    tally: Tally,
    samples: list[Sample],
    first: Sample,
    last: Sample,
    rows: tuple[int, int],
    code: int,
    seconds: int,
) -> bool:
    faults = uneven(samples, first, last, MEMORY_LONG if seconds >= LONG else MEMORY_SHORT)
    if rows != (tally.asked, tally.asked):
        faults.append(f"{tally.asked} calls, but {rows[0]} rows in the ledger, {rows[1]} of them different")
    if code:
        faults.append(f"the gateway ended with {code}")
    faults += [f"{count} × {what}" for what, count in tally.wrong.most_common()]
    checked = ", ".join(f"{count} {manner}" for manner, count in tally.by_manner.most_common())
    print(f"\n{tally.asked} calls in {seconds} s: {checked}; {tally.left} clients left; {rows[0]} rows in the ledger")
    print(f"{'':11}  {'before':>9}  {'2nd quarter':>11}  {'last quarter':>12}  {'after':>9}")
    for name, (early, late) in growth(samples).items():
        print(f"{name:11}  {getattr(first, name):9.1f}  {early:11.1f}  {late:12.1f}  {getattr(last, name):9.1f}")
    print("\n" + ("\n".join(faults) if faults else "Level, and every answer was right."))
    return not faults


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="of traffic")
    parser.add_argument("--clients", type=int, default=48, help="at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if asyncio.run(soak(given.seconds, given.clients, Path(folder))) else 1)


if __name__ == "__main__":
    main()
