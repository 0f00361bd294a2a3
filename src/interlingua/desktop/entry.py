"""The entry in the desktop's menu and its icon, where the freedesktop.org rules want a user's own.

`~/.local/share/applications/interlingua.desktop`, and the icon of the pages as a picture and as a drawing.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from interlingua.desktop.native import ICON
from interlingua.desktop.view import TITLE
from interlingua.errors import LocalFileError, Unsupported
from interlingua.gateway.pages import STATIC

ID = TITLE.lower()
_ENTRY = """[Desktop Entry]
Type=Application
Version=1.5
Name={title}
GenericName=Language models
Comment=Talk to any language model, from one place on your own machine.
Exec={command}
TryExec={program}
Icon={id}
Terminal=false
Categories=Network;Chat;
Keywords=AI;LLM;Chat;Assistant;
StartupNotify=true
StartupWMClass={id}
"""
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@+-]+")
_SPECIAL = re.compile(r'(["`$\\])')


def install(arguments: Sequence[str], environment: Mapping[str, str]) -> list[Path]:
    """Writes entry and icons; what was written.

    Args:
        arguments: the command that opens the window, its program first, as an absolute path.
        environment: names and values; `XDG_DATA_HOME` says where a user's data lies.

    Raises:
        LocalFileError: the disk fails.
        Unsupported: this system has no such entries.
    """
    entry, picture, drawing = _places(environment)
    text = _ENTRY.format(title=TITLE, id=ID, program=arguments[0], command=command(arguments))
    written = []
    for path, source in ((entry, text.encode()), (picture, ICON), (drawing, STATIC / "icon.svg")):
        if isinstance(source, Path) and not source.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, Path):
                shutil.copyfile(source, path)
            else:
                path.write_bytes(source)
        except OSError as error:
            raise LocalFileError(f"cannot write {path}: {error.strerror}", path=str(path)) from error
        written.append(path)
    return written


def uninstall(environment: Mapping[str, str]) -> list[Path]:
    """Takes away what `install` wrote; what was there.

    Raises:
        LocalFileError: the disk fails.
        Unsupported: this system has no such entries.
    """
    found = [path for path in _places(environment) if path.exists()]
    for path in found:
        try:
            path.unlink()
        except OSError as error:
            raise LocalFileError(f"cannot remove {path}: {error.strerror}", path=str(path)) from error
    return found


def program() -> str:
    """Where `il` lies."""
    beside = Path(sys.executable).with_name("il")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("il") or str(Path(sys.argv[0]).absolute())


def command(arguments: Sequence[str]) -> str:
    """A command as an entry's `Exec` writes it: quoted by its rules, which are not those of a shell."""
    return " ".join(_quoted(one) for one in arguments)


def _quoted(argument: str) -> str:
    text = argument.replace("%", "%%")
    if _PLAIN.fullmatch(argument):
        return text
    # Once for the quotes, and once more for backslashes in a value of the file.
    return '"' + _SPECIAL.sub(r"\\\1", text).replace("\\", "\\\\") + '"'


def _places(environment: Mapping[str, str]) -> tuple[Path, Path, Path]:
    if sys.platform == "darwin" or os.name != "posix":
        raise Unsupported(
            "entries of this kind are for desktops of Linux", feature="--install", remedy="Run `il desktop`."
        )
    named = environment.get("XDG_DATA_HOME", "")
    data = Path(named) if named.startswith("/") else Path.home() / ".local" / "share"
    icons = data / "icons" / "hicolor"
    return (
        data / "applications" / f"{ID}.desktop",
        icons / "256x256" / "apps" / f"{ID}.png",
        icons / "scalable" / "apps" / f"{ID}.svg",
    )
