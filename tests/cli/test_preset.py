"""`il preset`, and presets and templates in `il ask`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.transport.scripted import ScriptedTransport
from tests.cli.runs import openai_stream, run

KEYS = {"OPENROUTER_API_KEY": "k" * 20}
MODEL = "openrouter/openai/gpt-6-sol"


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def body(transport: ScriptedTransport) -> dict[str, Any]:
    found = transport.bodies[-1]
    assert isinstance(found, dict)
    return found


def test_a_preset_gives_model_instructions_settings_and_tools(tmp_path: Path) -> None:
    """Options named beside it win."""
    made = run(
        "preset", "set", "terse", "-m", MODEL, "-s", "Be brief.", "--max-tokens", "9", "--tool", "calculate", env=KEYS
    )
    assert made.exit_code == 0, made.stderr
    assert "il ask -p terse" in made.stderr
    transport = ScriptedTransport(openai_stream("hi"))
    done = run("ask", "-p", "terse", "hello", transport=transport, env=KEYS)
    assert (done.exit_code, done.stdout) == (0, "hi\n")
    sent = body(transport)
    assert sent["model"] == "openai/gpt-6-sol"
    assert sent["messages"][0]["content"] == "Be brief."
    assert [one["function"]["name"] for one in sent["tools"]] == ["calculate"]
    assert 9 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    run("ask", "-p", "terse", "-s", "Be long.", "hello", transport=transport, env=KEYS)
    assert body(transport)["messages"][0]["content"] == "Be long."


def test_presets_are_listed_shown_changed_and_deleted() -> None:
    """What is not named stays."""
    run("preset", "set", "into", "-t", "Say in {{language}}: {{input}}", "--temperature", "1")
    run("preset", "set", "into", "-s", "Translate.")
    shown = json.loads(run("preset", "show", "into", "--json").stdout)
    assert (shown["system"], shown["variables"], shown["settings"]["temperature"]) == (
        "Translate.",
        ["language", "input"],
        1.0,
    )
    assert "into" in run("preset").stdout
    assert [one["name"] for one in json.loads(run("preset", "--json").stdout)] == ["into"]
    assert "instructions  Translate." in run("preset", "show", "into").stdout
    run("preset", "set", "into", "--unset", "temperature", "--unset", "system")
    assert "temperature" not in run("preset", "show", "into").stdout
    assert run("preset", "set", "into", "--unset", "colour").exit_code == 2
    assert run("preset", "delete", "into", "--yes").exit_code == 0
    assert run("preset", "delete", "into", "--yes").exit_code == 64
    assert "no presets yet" in run("preset").stderr


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("-t", "Say {{words}} in {{language}}", "-v", "language=French", "hello"), "Say hello in French"),
        (("-t", "@{file}", "hello"), "From a file: hello"),
        (("-t", "into", "-v", "language=Thai", "hello"), "In Thai: hello"),
        (("-p", "into", "-v", "language=a=b", "hello"), "In a=b: hello"),
    ],
)
def test_a_template_is_a_text_a_file_or_a_presets(arguments: tuple[str, ...], asked: str, tmp_path: Path) -> None:
    """What is asked finds its place in it."""
    (tmp_path / "t.txt").write_text("From a file: {{input}}")
    run("preset", "set", "into", "-t", "In {{language}}: {{input}}")
    transport = ScriptedTransport(openai_stream("ok"))
    given = [one.replace("{file}", str(tmp_path / "t.txt")) for one in arguments]
    done = run("ask", "-m", MODEL, *given, transport=transport, env=KEYS)
    assert done.exit_code == 0, done.stderr
    assert body(transport)["messages"][-1]["content"] == asked


def test_what_is_missing_is_said_before_anything_is_sent() -> None:
    """A preset, a variable, a tool."""
    transport = ScriptedTransport([])
    for arguments, told in (
        (("-p", "none"), "no preset 'none'"),
        (("-t", "{{a}} {{b}}"), "variable 'a' has no value"),
        (("-v", "a=b"), "there is no template"),
        (("--tool", "none"), "no tool 'none'"),
    ):
        done = run("ask", "-m", MODEL, *arguments, "hi", transport=transport, env=KEYS)
        assert done.exit_code in (2, 64)
        assert told in done.stderr
    assert transport.requests == []
