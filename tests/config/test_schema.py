"""Sections of the configuration that say how things are kept and who is let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.config.load import load_config
from interlingua.config.schema import UNTRUSTED
from interlingua.errors import ConfigError
from interlingua.stores.periods import periods

GUARDED = {"virtual_keys": "[]", "limits": "{}", "ledger": "{}", "store": "{}", "responses": "{}", "shared": "{}"}


def test_store_ledger_and_limits_can_be_set(tmp_path: Path) -> None:
    """In the file or the environment."""
    (tmp_path / "c.toml").write_text('[limits."openai/*"]\nrpm = 100\n[ledger]\ndurable = true\n')
    config = load_config(tmp_path / "c.toml", environment={"IL_STORE__PATH": "/data/il.db"})
    assert (config.limits["openai/*"].rpm, config.ledger.durable, config.store.path) == (100, True, "/data/il.db")


@pytest.mark.parametrize(
    "text",
    [
        '[[virtual_keys]]\nname = "a"\n',
        '[[virtual_keys]]\nname = "a"\nkey = "env:A"\nrpm = 0\n',
        '[[virtual_keys]]\nname = "a"\nkey = "env:A"\nbugdet = "1 USD"\n',
        '[[virtual_keys]]\nname = "a"\nkey = "env:A"\nexpires = 2027-01-31T00:00:00\n',
        '[limits."*"]\nrps = 5\n',
    ],
)
def test_a_section_with_a_mistake_is_an_error(text: str, tmp_path: Path) -> None:
    """Never a key without its limits."""
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "c.toml", environment={})


@pytest.mark.parametrize("section", GUARDED)
def test_a_file_in_the_working_directory_may_not_let_anybody_in(section: str, tmp_path: Path) -> None:
    """Contracts §6.9: it came with somebody's repository."""
    assert section not in UNTRUSTED
    (tmp_path / "interlingua.toml").write_text(f"{section} = {GUARDED[section]}\n")
    with pytest.raises(ConfigError, match=section):
        load_config(environment={}, working_directory=tmp_path, user_folder=tmp_path / "none")


def test_what_the_guide_of_the_store_shows_is_accepted(tmp_path: Path) -> None:
    """And says what the text says."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "store.md"
    (tmp_path / "c.toml").write_text(guide.read_text().partition("```toml\n")[2].partition("```")[0])
    config = load_config(tmp_path / "c.toml", environment={})
    assert config.store.url == "postgresql://gateway@db.example/interlingua"
    assert periods(config.store.keep).keys() == {"calls", "conversations", "responses", "contents"}
    assert (config.responses.store, config.shared.on_loss) == ("sql", "open")
