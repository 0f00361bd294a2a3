"""A real Secret Service: gnome-keyring under a D-Bus of its own, from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

needs_service = pytest.mark.skipif(
    not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")),
    reason="needs dbus-run-session and gnome-keyring-daemon",
)
_SERVE = r"""
mkdir -m 700 -p "$XDG_RUNTIME_DIR"
mkfifo "$XDG_RUNTIME_DIR/ready"
printf pw | gnome-keyring-daemon --unlock --components=secrets --foreground > "$XDG_RUNTIME_DIR/ready" 2>/dev/null &
daemon=$!
head -c 1 < "$XDG_RUNTIME_DIR/ready" > /dev/null
"$@"
status=$?
kill "$daemon"
wait "$daemon"
exit "$status"
"""
"""The daemon writes its first line once it owns its name on the bus."""


def il(folder: Path, script: str, *, unlocked: bool = True) -> str:
    """What Python code prints in a session with a Secret Service of its own."""
    env = {name: value for name, value in os.environ.items() if name != "IL_KEYCHAIN"}
    env |= {
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
    }
    command = [sys.executable, "-c", script]
    if unlocked:
        command = ["bash", "-c", _SERVE, "bash", *command]
    done = subprocess.run(
        ["dbus-run-session", "--", *command], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


_OPEN = """
import os, sys
from pathlib import Path
from interlingua.credentials.sources import CredentialSources
from interlingua.credentials.vault import open_vault
from interlingua.types.secret import Secret
folder = Path(os.environ["XDG_CONFIG_HOME"]) / "interlingua"
vault = open_vault(os.environ, folder)
"""


@needs_service
def test_keys_are_kept_in_a_real_secret_service_and_found_by_another_process(tmp_path: Path) -> None:
    """Set, found again through the index, used by calls, and taken away."""
    script = (
        _OPEN
        + f"OPEN = {_OPEN!r}\n"
        + """
print(vault.set("openai/default", Secret("sk-the-real-one-1234")), vault.set("openai/team", Secret("sk-team-9876543")))
print(sorted(one.name for one in folder.iterdir()))
import subprocess
again = OPEN + '''
found = CredentialSources({"OPENAI_API_KEY": "sk-env"}, vault=vault).find("openai", ("OPENAI_API_KEY",))
print(found.source, found.secret.tail)
team = CredentialSources({}, references={"openai": ["keychain:openai/team"]}, vault=vault).find("openai", ())
print(team.source, team.secret.tail)
print(vault.delete("openai/default"), vault.names())
'''
sys.stdout.flush()
subprocess.run([sys.executable, "-c", again], check=True)
"""
    )
    lines = il(tmp_path, script).splitlines()
    assert lines == [
        "('keychain', '') ('keychain', '')",
        "['keychain-index.json', 'keychain-index.lock']",
        "keychain …1234",
        "keychain (openai/team) …6543",
        "keychain {'openai/team': 'keychain'}",
    ]
    index = (tmp_path / "config" / "interlingua" / "keychain-index.json").read_text()
    assert "sk-" not in index


@needs_service
def test_without_a_secret_service_on_the_bus_the_file_is_used(tmp_path: Path) -> None:
    """A server without a desktop."""
    script = _OPEN + 'print(vault.set("openai/default", Secret("sk-the-real-one-1234")))\nprint(vault.path.name)'
    lines = il(tmp_path, script, unlocked=False).splitlines()
    assert lines[0].startswith("('file', '")
    assert lines[1] == "credentials.json"
    assert (tmp_path / "config" / "interlingua" / "credentials.json").stat().st_mode & 0o777 == 0o600
