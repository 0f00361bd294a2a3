"""What importing costs over a bare interpreter (budgets: 60 ms for the package, 150 ms for `il --version`)."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
COMMANDS = {
    "bare interpreter": [sys.executable, "-c", "pass"],
    "import interlingua": [sys.executable, "-c", "import interlingua"],
    "from interlingua import Chat": [sys.executable, "-c", "from interlingua import Chat"],
    "il --version": [str(Path(sys.executable).with_name("il")), "--version"],
}


def measure() -> dict[str, float]:
    """Median milliseconds of each command; the commands take turns, so that load on the machine falls on all."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def report() -> None:
    """Prints the table."""
    medians = measure()
    bare = medians["bare interpreter"]
    for name, median in medians.items():
        print(f"{name:32} {median:8.1f} ms   {median - bare:+8.1f} ms over bare")


if __name__ == "__main__":
    report()
