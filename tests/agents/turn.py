"""One turn of a coding agent: in an empty folder, through `il serve`, to a host of one format and back."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from tests.agents.agents import Agent
from tests.agents.hosts import BASES, FILE, PROOF, Hosts, hosts
from tests.sdks.gateway_server import HOSTS

SLOWEST = 120
"""Seconds that a turn may take."""
_TRAITS = ', traits = { like = "compatible", reasoning_field = "reasoning_details" }'
_START = "from interlingua.cli.main import main; main()"


class Stage(msgspec.Struct, frozen=True):
    """A running gateway and the hosts behind it.

    Args:
        url: the gateway's address.
        hosts: the hosts.
        log: what the gateway wrote so far.
    """

    url: str
    hosts: Hosts
    log: list[str]


class Turn(msgspec.Struct, frozen=True):
    """What came of a turn.

    Args:
        seconds: how long it took.
        problems: what should have been otherwise; empty where all is well.
        output: what the agent wrote.
    """

    seconds: float
    problems: tuple[str, ...]
    output: str


def _config(folder: Path, behind: Hosts) -> str:
    lines = ["[store]", f'path = "{folder / "il.db"}"', "[telemetry]", 'log_format = "text"']
    for host, spoken in HOSTS.items():
        traits = (
            ', traits = { like = "compatible", reasoning_field = "reasoning_details" }'
            if spoken == "openai_chat"
            else ""
        )
        lines += [
            f"[providers.{host}]",
            f'base_url = "{behind.url}/{host}{BASES[host]}"',
            f"endpoints = {{ {spoken} = {{ native = true{traits} }} }}",
            'api_keys = ["env:LAB_KEY"]',
        ]
    return "\n".join(lines) + "\n"


@contextmanager
def stage() -> Iterator[Stage]:
    """`il serve`, as a user starts it, with nothing configured but where the hosts are."""
    with tempfile.TemporaryDirectory() as home, hosts() as behind:
        file = Path(home) / "interlingua.toml"
        file.write_text(_config(Path(home), behind))
        environment = {"HOME": home, "LAB_KEY": "lab-secret", "IL_KEYCHAIN": "off", "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, "-c", _START, "serve", "--port", "0", "--config", str(file), "--log-format", "text"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
        log: list[str] = []
        address: SimpleQueue[str] = SimpleQueue()
        reader = threading.Thread(target=_read, args=(process, log, address), daemon=True)
        reader.start()
        try:
            yield Stage(_first(address, log), behind, log)
        finally:
            process.terminate()
            process.wait(60)
            reader.join()


def _read(process: subprocess.Popen[str], log: list[str], address: SimpleQueue[str]) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            log.append(line)
            if "serves at " in line:
                address.put(line.split()[-1])


def _first(address: SimpleQueue[str], log: list[str]) -> str:
    try:
        return address.get(timeout=60)
    except Empty:
        raise RuntimeError("il serve did not start:\n" + "".join(log)) from None


def play(agent: Agent, host: str, on: Stage) -> Turn:
    """One turn of an agent with a host.

    Args:
        agent: who asks.
        host: who answers, one of HOSTS.
        on: the gateway between them.
    """
    on.hosts.clear()
    word = f"word-{secrets.token_hex(6)}"
    with tempfile.TemporaryDirectory() as folder:
        home, work = Path(folder) / "home", Path(folder) / "work"
        for one in (home, work):
            one.mkdir()
        (work / FILE).write_text(word)
        model = f"{host}/{agent.model}"
        environment = agent.surroundings(home, on.url, model)
        started = time.monotonic()
        command = [str(agent.program), *agent.arguments(model)]
        try:
            done = subprocess.run(
                command,
                cwd=work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=SLOWEST,
                text=True,
            )
            status, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            status, output = -1, late.stdout.decode("utf-8", "replace") if isinstance(late.stdout, bytes) else ""
        seconds = time.monotonic() - started
        ran = (work / PROOF).exists() and (work / PROOF).read_text() == word
    checks = {
        f"it ended with status {status}": status == 0,
        "the tool did not run": ran,
        "the answer lacks the word": word in output.rpartition("It says")[2],
        "the host's reasoning state did not come back": on.hosts.kept_state(host),
        **dict.fromkeys(on.hosts.failures, False),
    }
    return Turn(seconds, tuple(problem for problem, good in checks.items() if not good), output)
