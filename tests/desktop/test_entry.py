"""The entry in the menu: written where the desktop looks, taken away whole."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.desktop import entry
from interlingua.desktop.native import ICON
from interlingua.errors import LocalFileError, Unsupported
from interlingua.gateway import pages


def test_an_entry_with_its_icons_is_written_and_taken_away(tmp_path: Path) -> None:
    home = {"XDG_DATA_HOME": str(tmp_path)}
    written = entry.install(["/opt/my tools/il", "--config", "/home/ada/50%.toml", "desktop"], home)
    assert written[0] == tmp_path / "applications" / "interlingua.desktop"
    text = written[0].read_text()
    assert 'Exec="/opt/my tools/il" --config "/home/ada/50%%.toml" desktop\n' in text
    assert "TryExec=/opt/my tools/il\n" in text
    assert "Icon=interlingua\n" in text
    assert (tmp_path / "icons/hicolor/256x256/apps/interlingua.png").read_bytes() == ICON.read_bytes()
    assert (tmp_path / "icons/hicolor/scalable/apps/interlingua.svg").exists() == pages.built()
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", written[0]], check=True)
    assert entry.install(["/usr/bin/il", "desktop"], home) == written
    assert entry.uninstall(home) == written
    assert entry.uninstall(home) == []


def test_without_a_named_folder_it_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (path, *_) = entry.install(["/usr/bin/il", "desktop"], {"XDG_DATA_HOME": "relative, so not valid"})
    assert path == tmp_path / ".local/share/applications/interlingua.desktop"


def _parsed(line: str) -> list[str]:
    """An `Exec` read by the rules of the Desktop Entry Specification: first as a value, then as arguments."""
    line = line.replace("\\\\", "\\")
    found, word, quoted, at = [], "", False, 0
    while at < len(line):
        letter = line[at]
        if quoted and letter == "\\":
            at += 1
            word += line[at]
        elif letter == '"':
            quoted = not quoted
        elif letter == " " and not quoted:
            found.append(word)
            word = ""
        else:
            word += letter
        at += 1
    return [one.replace("%%", "%") for one in (*found, word)]


@given(st.lists(st.text("abc /\\\"'`$%&;<>~|*?#()é", min_size=1), min_size=1))
def test_every_argument_survives_the_quoting_of_entries(arguments: list[str]) -> None:
    assert _parsed(entry.command(arguments)) == arguments


def test_the_icon_is_a_square_picture() -> None:
    data = ICON.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (256, 256)


def test_other_systems_are_told_that_they_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Unsupported, match="Linux"):
        entry.install(["/usr/bin/il", "desktop"], {"XDG_DATA_HOME": str(tmp_path)})


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "applications").touch()
    with pytest.raises(LocalFileError, match=r"interlingua\.desktop"):
        entry.install(["/usr/bin/il", "desktop"], {"XDG_DATA_HOME": str(tmp_path)})
