"""Which value comes from where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interlingua.config.sources import Setting, Way, explain_config
from interlingua.errors import ConfigError

FILE = """
default_model = "fast"
[server]
port = 8200
drain = 5
[models."claude-*"]
targets = ["anthropic/*"]
[providers.lab]
base_url = "http://127.0.0.1:9101/v1"
dialect = "openai_chat"
api_keys = ["env:LAB_KEY", "sk-plain-text-key"]
headers = { x-team-token = "quite-plain", x-purpose = "test" }
[http]
proxy = "http://bob:hunter22@proxy:3128"
[[virtual_keys]]
name = "bench"
key = "plain-text-key-of-somebody"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "interlingua.toml"
    found.write_text(FILE)
    return found


def settings(file: Path, environment: dict[str, str] | None = None) -> dict[Way, Setting]:
    return {one.way: one for one in explain_config(file, environment or {}).settings}


def test_every_value_names_its_file_its_variable_or_the_default(file: Path) -> None:
    found = settings(file, {"IL_SERVER__DRAIN": "7"})
    assert found[("server", "port")] == Setting(("server", "port"), 8200, "file", str(file))
    assert found[("server", "drain")] == Setting(("server", "drain"), 7.0, "environment", "IL_SERVER__DRAIN")
    assert found[("server", "host")] == Setting(("server", "host"), "127.0.0.1", "default")
    assert found[("models", "claude-*", "targets")].kind == "file"
    assert found[("models", "claude-*", "strategy")].kind == "default"
    assert found[("virtual_keys", 0, "models")].kind == "default"


def test_a_variable_that_sets_a_whole_table_is_the_source_of_all_in_it(file: Path) -> None:
    found = settings(file, {"IL_SERVER": '{"port": 9000}'})
    assert found[("server", "port")].source == "IL_SERVER"
    assert found[("server", "port")].value == 9000


def test_secrets_are_masked_wherever_somebody_put_them(file: Path) -> None:
    shown: dict[Way, Any] = {way: one.value for way, one in settings(file).items()}
    assert shown[("providers", "lab", "api_keys")] == ["env:LAB_KEY", "***"]
    assert shown[("providers", "lab", "headers", "x-team-token")] == "***"
    assert shown[("providers", "lab", "headers", "x-purpose")] == "test"
    assert shown[("http", "proxy")] == "http://***@proxy:3128"
    assert shown[("virtual_keys", 0, "key")] == "***"
    assert not [one for one in shown.values() if "plain" in str(one) or "hunter" in str(one)]


def test_arguments_of_programs_are_masked_where_their_options_tell_that_they_are_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "interlingua"
    folder.mkdir()
    words = ["npx", "-y", "server", "--api-key", "plain1", "--token=plain2", "--keyboard", "dvorak", "--key"]
    (folder / "interlingua.toml").write_text(f"[mcp.files]\ncommand = {words}\n")
    (shown,) = [one for one in explain_config(None, {}).settings if one.way == ("mcp", "files", "command")]
    assert shown.value == ["npx", "-y", "server", "--api-key", "***", "--token=***", "--keyboard", "dvorak", "--key"]


def test_without_a_file_all_is_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    found = explain_config(None, {})
    assert (found.file, found.limited) == (None, False)
    assert {one.kind for one in found.settings} == {"default"}


def test_a_file_of_the_working_directory_is_told_to_be_limited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "interlingua.toml").write_text('default_model = "fast"\n')
    monkeypatch.chdir(tmp_path)
    assert explain_config(None, {}).limited


def test_what_cannot_be_loaded_cannot_be_shown(file: Path) -> None:
    file.write_text("[server]\nprot = 1\n")
    with pytest.raises(ConfigError, match="prot"):
        explain_config(file, {})
