"""`il providers`: hosts and where their credentials come from."""

from __future__ import annotations

import json
from pathlib import Path

from interlingua.providers.provider import load_registry
from tests.cli.runs import lines, run


def test_every_provider_is_listed_with_what_it_speaks() -> None:
    """In order of preference."""
    listed = lines(run("providers").stdout)
    assert [line.split()[0] for line in listed[1:]] == list(load_registry())
    assert "anthropic_messages" in next(line for line in listed if line.split()[0] == "anthropic")


def test_a_credential_is_shown_by_source_and_masked_tail() -> None:
    """Contracts §5: never more than the last four characters."""
    env = {"GROQ_API_KEY": "gsk_canary_0123459fQ2"}
    done = run("providers", env=env)
    assert "…9fQ2, from GROQ_API_KEY" in done.stdout
    assert "canary" not in done.output
    rows = {row["provider"]: row for row in json.loads(run("providers", "--json", env=env).stdout)}
    assert rows["groq"]["credential"]["state"] == "present"
    assert rows["openai"]["credential"] == {
        "state": "missing",
        "source": None,
        "tail": None,
        "looked_in": ["keychain (openai/default)", "OPENAI_API_KEY", "credentials file"],
    }
    assert rows["ollama"]["credential"]["state"] == "not needed"


def test_hosts_of_the_configuration_are_listed_too(tmp_path: Path) -> None:
    """They are as good as ours."""
    file = tmp_path / "my.toml"
    file.write_text(
        '[providers.lab]\nbase_url = "http://127.0.0.1:9/v1"\ndialect = "openai_chat"\napi_keys = ["env:LAB_KEY"]\n'
    )
    rows = {row["provider"]: row for row in json.loads(run("--config", str(file), "providers", "--json").stdout)}
    assert rows["lab"]["credential"]["looked_in"] == ["LAB_KEY"]
    assert "no key (set LAB_KEY)" in run("--config", str(file), "providers").stdout


def test_a_local_model_that_is_not_here_is_not_called_ready(tmp_path: Path) -> None:
    """It says what would make it so."""
    env = {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    rows = {row["provider"]: row for row in json.loads(run("providers", "--json", env=env).stdout)}
    assert rows["local"]["credential"]["state"] == "missing"
    assert "il pull smollm2" in run("providers", env=env).stdout
