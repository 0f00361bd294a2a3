"""The store is there when it is needed, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interlingua.errors import ConfigError
from interlingua.stores.opening import default_path, open_store
from tests.stores.ledger_rows import row


def test_nothing_of_the_database_is_imported_before_a_store_is_opened() -> None:
    """Not by the engine, the configuration, the gateway or the command line."""
    code = """
import sys
import interlingua.stores.opening, interlingua.engine.engine, interlingua.engine.ledger, interlingua.config.build
import interlingua.gateway.virtual_keys, interlingua.cli.keys
print(sorted({"sqlalchemy", "alembic", "aiosqlite", "sqlite3"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_store_is_opened_where_it_is_said_or_in_the_folder_for_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was written is there the next time."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_path() == tmp_path / "state" / "interlingua" / "interlingua.db"
    for path in (None, tmp_path / "odd ?#%20 name.db"):
        store = await open_store(path)
        await store.write([row("r")])
        await store.aclose()
        store = await open_store(path)
        assert await store.read("acme", "r") == row("r")
        await store.aclose()
    assert (tmp_path / "odd ?#%20 name.db").exists()


async def test_where_its_packages_are_missing_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library works without them."""
    for name in [name for name in sys.modules if name.startswith("interlingua.stores.sql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(ConfigError, match="sqlalchemy") as caught:
        await open_store("unused.db")
    assert "interlingua[store]" in caught.value.remedy
