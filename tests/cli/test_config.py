"""`il config`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.runs import run

FILE = """
default_model = "fast"
[server]
port = 8200
[models.fast]
targets = ["openai/gpt-6-sol"]
[models."claude-*"]
targets = ["anthropic/*"]
[[virtual_keys]]
name = "bench"
key = "env:BENCH_KEY"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_KEY", "il-" + "k" * 43)
    found = tmp_path / "lab.toml"
    found.write_text(FILE)
    return found


def test_check_says_that_a_file_can_be_used(file: Path) -> None:
    done = run("config", "check", str(file))
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{file} can be used: ")
    assert "2 aliases, 1 virtual key" in done.stdout


def test_check_takes_the_file_of_config_where_none_is_named(file: Path) -> None:
    assert str(file) in run("--config", str(file), "config", "check").stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[server]\nprot = 1\n", "prot"),
        ("[server\n", "is not TOML"),
        ('[models.fast]\ntargets = ["gptt-6-sol"]\n', "there is no model called 'gptt-6-sol'"),
        ('[[virtual_keys]]\nname = "a"\nkey = "env:NOWHERE"\n', "NOWHERE is not set"),
        ('[providers.lab]\nbase_url = "nonsense"\n', "providers.lab"),
    ],
)
def test_check_says_what_is_wrong_and_exits_with_78(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    done = run("config", "check", str(file))
    assert done.exit_code == 78
    assert said in done.stderr
    assert done.stdout == ""


def test_check_of_a_file_that_is_not_there_exits_with_74(tmp_path: Path) -> None:
    assert run("config", "check", str(tmp_path / "nothing.toml")).exit_code == 74


def test_check_warns_of_a_key_that_is_not_set_and_goes_on(file: Path) -> None:
    file.write_text('[providers.openai]\napi_keys = ["env:NOBODY_SET_THIS"]\n')
    done = run("config", "check", str(file))
    assert done.exit_code == 0
    assert "warning: providers.openai.api_keys: NOBODY_SET_THIS is not set" in done.stderr


def test_show_is_toml_that_means_the_same(file: Path) -> None:
    done = run("--config", str(file), "config", "show", env={"IL_SERVER__DRAIN": "5"})
    assert done.exit_code == 0
    assert f"port = 8200{' ' * 33}# {file}\n" in done.stdout
    assert "# IL_SERVER__DRAIN" in done.stdout
    shown = tomllib.loads(done.stdout)
    assert shown["server"]["drain"] == 5
    assert shown["models"]["claude-*"]["targets"] == ["anthropic/*"]
    assert shown["virtual_keys"] == [{"name": "bench", "key": "env:BENCH_KEY", "models": ["*"]}]
    file.write_text(done.stdout)
    again = run("--config", str(file), "config", "show", "--json")
    assert again.exit_code == 0, again.stderr


def test_show_as_json_has_a_row_for_each_value(file: Path) -> None:
    done = run("--config", str(file), "config", "show", "--json", env={"IL_SERVER__DRAIN": "5"})
    found = json.loads(done.stdout)
    rows = {row["key"]: row for row in found["values"]}
    assert found["file"] == str(file)
    assert rows["server.port"] == {"key": "server.port", "value": 8200, "source": "file", "from": str(file)}
    assert rows["server.drain"]["from"] == "IL_SERVER__DRAIN"
    assert rows["server.host"]["source"] == "default"
    assert rows["virtual_keys[0].name"]["value"] == "bench"
    assert rows['models."claude-*".targets']["value"] == ["anthropic/*"]


def test_show_masks_what_should_not_be_there(file: Path) -> None:
    file.write_text('[http]\nproxy = "http://bob:hunter22@proxy:3128"\n')
    for options in ((), ("--json",)):
        done = run("--config", str(file), "config", "show", *options)
        assert "hunter22" not in done.output
        assert "***@proxy" in done.output
