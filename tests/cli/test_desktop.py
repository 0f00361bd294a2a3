"""`il desktop` where no window can be opened, and its entry in the menu; windows: tests/desktop."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from interlingua.gateway import pages
from tests.cli.runs import run


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "il.toml"
    path.write_text(f'[store]\npath = "{tmp_path / "il.db"}"\n')
    return str(path)


@pytest.mark.parametrize(
    "options", [("--install", "--quit"), ("--install", "--uninstall"), ("--browser", "--window", "qt")]
)
def test_options_that_contradict_each_other_are_refused(options: tuple[str, ...], config: str) -> None:
    found = run("desktop", "--config", config, *options)
    assert found.exit_code == 64
    assert "do not go together" in found.stderr


def test_without_a_screen_it_says_what_to_do_instead(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "built", lambda: True)
    found = run("desktop", "--config", config, env={"DISPLAY": None, "WAYLAND_DISPLAY": None})
    assert found.exit_code == 78
    assert "there is no screen here" in found.stderr
    assert "il serve" in found.stderr


def test_without_pages_it_says_how_to_build_them(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "built", lambda: False)
    found = run("desktop", "--config", config)
    assert (found.exit_code, "make web" in found.stderr) == (78, True)


def test_a_package_that_is_missing_is_named(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("interlingua.desktop")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "interlingua.gateway.process", raising=False)
    found = run("desktop", "--config", config)
    assert found.exit_code == 78
    assert "pip install 'interlingua[desktop]'" in found.stderr


def test_what_is_not_open_need_not_be_closed(config: str) -> None:
    found = run("desktop", "--config", config, "--quit")
    assert (found.exit_code, found.stderr) == (0, "Interlingua is not open.\n")


@pytest.mark.skipif(sys.platform != "linux", reason="entries of this kind are Linux's")
def test_the_entry_names_the_program_and_its_configuration(config: str, tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    found = run("desktop", "--config", config, "--install", env=home)
    assert found.exit_code == 0
    path = Path(found.stdout.splitlines()[0])
    line = next(line for line in path.read_text().splitlines() if line.startswith("Exec="))
    assert line.endswith(f" --config {config} desktop")
    assert Path(line.removeprefix("Exec=").split()[0]).is_absolute()
    assert run("desktop", "--uninstall", env=home).stdout == found.stdout
    assert not path.exists()
