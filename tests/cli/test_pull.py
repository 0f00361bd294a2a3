"""`il pull`: models for this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.catalog import weights
from interlingua.errors import ConnectionFailed
from tests.cli.runs import run

GGUF = b"GGUF" + (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + (0).to_bytes(8, "little")


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """An environment whose cache is empty."""
    return {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}


def place(tmp_path: Path, name: str) -> Path:
    """A file that passes for a model."""
    folder = tmp_path / "interlingua" / "models"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(GGUF)
    return folder / name


def test_what_is_fetched_is_named_with_where_it_lies(
    here: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe gets no bar, but a line that it began."""

    async def pull(reference: str, progress: Any, **_: Any) -> Path:
        progress(0, 2_000_000)
        progress(2_000_000, 2_000_000)
        return place(tmp_path, "tiny.gguf")

    monkeypatch.setattr(weights, "pull", pull)
    done = run("pull", "hf:owner/repo/tiny.gguf", env=here)
    path = tmp_path / "interlingua" / "models" / "tiny.gguf"
    assert done.stdout == f"local/tiny is ready: {path} (24 B)\n"
    assert done.stderr == "fetching tiny.gguf … (2.0 MB)\n"
    assert run("pull", "--list", env=here).stdout.splitlines()[1].split() == ["local/tiny", "24", "B", str(path)]
    assert json.loads(run("pull", "--list", "--json", env=here).stdout) == [
        {"model": "local/tiny", "bytes": 24, "path": str(path)}
    ]


def test_what_is_here_already_is_said(here: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched twice."""
    path = place(tmp_path, "tiny.gguf")

    async def pull(reference: str, progress: Any, **_: Any) -> Path:
        progress(24, 24)
        return path

    monkeypatch.setattr(weights, "pull", pull)
    done = run("pull", "hf:owner/repo/tiny.gguf", env=here)
    assert done.stdout == f"local/tiny is already here: {path} (24 B)\n"
    assert done.stderr == ""


def test_a_failure_is_typed(here: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere."""

    async def pull(*_: Any, **__: Any) -> Path:
        raise ConnectionFailed("the index could not be reached")

    monkeypatch.setattr(weights, "pull", pull)
    done = run("pull", "smollm2", env=here)
    assert (done.exit_code, done.stdout) == (69, "")
    assert done.stderr.startswith("error: the index could not be reached")


def test_a_reference_that_is_none_is_refused(here: dict[str, str]) -> None:
    """Before anything is asked of the network."""
    done = run("pull", "https://example.com/model.gguf", env=here)
    assert done.exit_code == 64
    assert "hf:owner/repo/file.gguf" in done.stderr


def test_an_empty_list_says_how_to_begin(here: dict[str, str]) -> None:
    """On standard error: there is no row."""
    done = run("pull", "--list", env=here)
    assert done.stdout == ""
    assert "il pull smollm2" in done.stderr
    assert json.loads(run("pull", "--list", "--json", env=here).stdout) == []
