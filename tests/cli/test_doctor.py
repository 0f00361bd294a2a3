"""`il doctor`: what works, and what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.errors import ConnectionFailed
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import run
from tests.client.providers_scripted import openai_text


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """An environment without models."""
    return {"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}


def examined(*arguments: str, **more: Any) -> dict[str, Any]:
    """What `il doctor --json` found."""
    found: dict[str, Any] = json.loads(run("doctor", "--json", *arguments, **more).stdout)
    return found


def test_with_nothing_at_all_it_fails_and_says_how_to_begin(empty: dict[str, str]) -> None:
    """The first thing that a new person may type."""
    done = run("doctor", env=empty)
    assert done.exit_code == 78
    assert "il pull smollm2" in done.stdout
    assert "il credentials set openai" in done.stdout
    assert examined(env=empty)["usable"] == []


def test_a_key_is_enough(empty: dict[str, str]) -> None:
    """It is looked for, not tried; its secret is not shown."""
    env = {**empty, "ANTHROPIC_API_KEY": "sk-ant-canary-0123456789"}
    done = run("doctor", "--no-model", env=env)
    assert done.exit_code == 0
    assert "anthropic: …6789, from ANTHROPIC_API_KEY" in done.stdout
    assert "canary" not in done.output
    assert examined("--no-model", env=env)["usable"] == ["anthropic/claude-haiku-5-5"]


def test_the_local_model_is_asked_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is the proof."""
    monkeypatch.setattr("interlingua.catalog.weights.find", lambda *_: Path("smollm2.gguf"))
    transport = ScriptedTransport(openai_text("Paris, of course.", stream=False))
    found = examined(transport=transport)
    assert len(transport.requests) == 1
    assert "Paris, of course." in next(check["found"] for check in found["checks"] if check["name"] == "answers")
    assert "local/smollm2" in found["usable"]
    assert examined("--no-model", transport=transport)["usable"] == ["local/smollm2"]
    assert len(transport.requests) == 1


@pytest.mark.parametrize("answer", [Script.refused(), openai_text("", stream=False)])
def test_a_local_model_that_does_not_answer_is_not_usable(answer: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its file looks like."""
    monkeypatch.setattr("interlingua.catalog.weights.find", lambda *_: Path("smollm2.gguf"))
    monkeypatch.setenv("IL_RETRY__ATTEMPTS", "1")
    done = run("doctor", transport=ScriptedTransport(answer))
    assert done.exit_code == 78
    assert "✗ answers" in done.stdout


def test_a_configuration_that_cannot_be_used_is_a_finding(tmp_path: Path) -> None:
    """The doctor must not fall ill with the patient."""
    file = tmp_path / "my.toml"
    file.write_text("colour = 1\n")
    done = run("--config", str(file), "doctor")
    assert done.exit_code == 78
    assert "✗ configuration" in done.stdout and "unknown key 'colour'" in done.stdout


def test_no_network_is_used(empty: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is looked for, never tried."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionFailed("the network was used")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    done = run("doctor", env={**empty, "OPENAI_API_KEY": "sk-0123456789abcdef"})
    assert done.exit_code == 0
    assert "the network was used" not in done.output


def test_what_is_to_be_typed_next_names_a_model(empty: dict[str, str], tmp_path: Path) -> None:
    """A host without a default model alone is none."""
    path = tmp_path / "lab.toml"
    path.write_text('[providers.lab]\nbase_url = "http://127.0.0.1:9"\ndialect = "openai_chat"\napi_keys = ["env:K"]\n')
    assert 'il ask -m lab/MODEL "Hello"' in run("--config", str(path), "doctor", env={**empty, "K": "k"}).stdout
