"""The administrator's token: one for all gateways of a folder, whoever of them makes it."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from interlingua.gateway.auth import admin_token

MAKE = """
import sys
from pathlib import Path
from interlingua.gateway.auth import admin_token
sys.stdin.readline()
print(admin_token(Path(sys.argv[1])).reveal())
"""


def test_gateways_that_start_at_once_on_an_empty_folder_have_one_token(tmp_path: Path) -> None:
    """All are ready before any begins."""
    path = tmp_path / "state" / "admin-token"
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    told = {maker.communicate()[0].strip() for maker in makers}
    assert told == {path.read_text().strip()}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_that_was_not_written_whole_is_made_anew_once(tmp_path: Path) -> None:
    """A gateway that was killed in the middle leaves no door open, and no gateway without a door."""
    path = tmp_path / "admin-token"
    path.write_text("half")
    path.chmod(0o644)
    token = admin_token(path).reveal()
    assert len(token) >= 32
    assert path.read_text() == token + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert admin_token(path).reveal() == token
