"""Every example runs as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_says_something(example: Path, clean_environment: dict[str, str]) -> None:
    """With no key at all, against the local model or a scripted provider."""
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, env=clean_environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_at_most_60_lines(example: Path) -> None:
    """An example that must be scrolled is a program."""
    assert len(example.read_text().splitlines()) <= 60
