"""Coding agents through the gateway, each in a turn with a tool at a host of every format: `make agents`.

Installs the agents of package.json into `.agents` first, if they are not there. Ends with 1 where a turn failed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tests.agents.agents import AGENTS, INSTALLED
from tests.agents.turn import Turn, play, stage
from tests.sdks.gateway_server import HOSTS

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")


def install() -> None:
    """The packages as the lock file has them, from npm's cache where it holds them."""
    folder = INSTALLED.parent
    if all(agent.program.exists() for agent in AGENTS) and all(
        (folder / name).exists() and (folder / name).read_bytes() == (_HERE / name).read_bytes() for name in _FILES
    ):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not there; Node.js 20 or newer brings it: https://nodejs.org")
    folder.mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copy(_HERE / name, folder / name)
    # Not `ci`: the index may lack packages for other systems, which it would miss in the lock file.
    subprocess.run([npm, "install", "--no-save", "--prefer-offline", "--no-audit", "--no-fund"], cwd=folder, check=True)


def _cell(turn: Turn) -> str:
    return "FAILED" if turn.problems else f"ok {turn.seconds:.1f} s"


def run(names: list[str]) -> int:
    """Plays the turns of those agents, or of all, and prints the table; gives the exit status."""
    chosen = [agent for agent in AGENTS if not names or agent.command in names]
    wide = max(len(agent.title) for agent in chosen)
    print(" " * wide, *(f"{spoken:>18}" for spoken in HOSTS.values()), flush=True)
    failed: list[str] = []
    with stage() as on:
        for agent in chosen:
            print(agent.title.ljust(wide), end="", flush=True)
            for host, spoken in HOSTS.items():
                turn = play(agent, host, on)
                print(f" {_cell(turn):>18}", end="", flush=True)
                if turn.problems:
                    problems = "\n  ".join(turn.problems)
                    failed.append(f"{agent.title}, {spoken}:\n  {problems}\n{turn.output[-2000:]}")
            print(flush=True)
        if failed:
            print(*failed, "The gateway:", "".join(on.log[-20:]), sep="\n\n", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "agent", nargs="*", help="some of " + ", ".join(dict.fromkeys(agent.command for agent in AGENTS))
    )
    wanted = parser.parse_args().agent
    install()
    sys.exit(run(wanted))
