"""Our two programs in C, made when they are older than their source."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parent.parent / "build" / "benchmarks"


def program(name: str) -> str:
    """The path of `mock` or `load`, compiled where it must be."""
    source, made = HERE / f"{name}.c", BUILD / name
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", "-o", str(made), str(source)], check=True)
    return str(made)
