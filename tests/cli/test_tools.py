"""`il tools`, and tools in `il ask`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import openai_stream, run
from tests.cli.test_preset import KEYS, MODEL
from tests.client.test_mcp_tools import SERVER


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An MCP server in the user's own file, and a state of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "config" / "interlingua"
    folder.mkdir(parents=True)
    (folder / "interlingua.toml").write_text(f"[mcp.station]\ncommand = {json.dumps(SERVER)}\n")


def call(name: str, arguments: str) -> Script:
    head = {"id": "1", "model": "m", "created": 1, "object": "chat.completion.chunk"}
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        "[DONE]",
    )


def test_a_program_is_confirmed_before_its_tools_are_there() -> None:
    """The command is shown, once."""
    first = run("tools")
    assert "calculate" in first.stdout
    assert "station_weather" not in first.stdout
    assert "il tools confirm station" in first.stderr
    no = run("tools", "confirm", "station", stdin="n\n")
    assert no.exit_code == 130
    assert SERVER[1] in no.stderr
    assert run("tools", "confirm", "station", stdin="y\n").exit_code == 0
    found = json.loads(run("tools", "--json").stdout)
    assert ("station_weather", "MCP server station", "ask") in [
        (one["name"], one["source"], one["approval"]) for one in found
    ]
    assert "already" in run("tools", "confirm", "station").stderr
    assert run("tools", "confirm", "other").exit_code == 64


def test_ask_runs_what_is_allowed_and_refuses_what_nobody_can_be_asked_for() -> None:
    """Between pipes there is nobody."""
    transport = ScriptedTransport([call("calculate", '{"expression": "6 * 7"}'), openai_stream("42.")])
    done = run("ask", "-m", MODEL, "--tool", "calculate", "6 * 7?", transport=transport, env=KEYS)
    assert (done.exit_code, done.stdout) == (0, "42.\n"), done.stderr
    assert '"content":"42' in transport.requests[-1].body.decode()
    transport = ScriptedTransport([call("list_files", "{}"), openai_stream("I may not.")])
    run("ask", "-m", MODEL, "--tool", "list_files", "what is here?", transport=transport, env=KEYS)
    assert "did not allow" in transport.requests[-1].body.decode()
