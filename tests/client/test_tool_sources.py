"""Where tools come from, and what has to be confirmed before a program is started."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from interlingua.client import tool_sources
from interlingua.client.tool_sources import ToolSources, is_confirmed, note_confirmed
from interlingua.config.schema import Config, McpSettings, OpenApiSettings, ToolSettings
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.parts import tool_call
from tests.client.test_mcp_tools import SERVER
from tests.client.test_openapi_tools import DOCUMENT

STATION = McpSettings(command=SERVER, approval="allow", tools=("weather",))


def plugin(word: str) -> str:
    """A tool of a package."""
    return word


SEVERAL = [plugin]
BROKEN = 3


def sources(tmp_path: Path, config: Config, **more: Any) -> ToolSources:
    transport = ScriptedTransport(Script.json({}))
    return ToolSources(config, transport, folder=tmp_path, confirmed=tmp_path / "state" / "confirmed.json", **more)


async def test_tools_of_all_sources_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its own rule; what fails takes no other with it."""
    points = [
        EntryPoint(name, f"{__name__}:{attribute}", tool_sources.GROUP)
        for name, attribute in (("one", "plugin"), ("many", "SEVERAL"), ("broken", "BROKEN"), ("gone", "missing"))
    ]
    monkeypatch.setattr(tool_sources, "entry_points", lambda group: points)
    (tmp_path / "pets.json").write_text(json.dumps(DOCUMENT))
    config = Config(
        mcp={"station": STATION, "none": McpSettings(command=(sys.executable, "-c", ""))},
        tools=ToolSettings(
            openapi={
                "pets": OpenApiSettings(file=str(tmp_path / "pets.json"), headers={"authorization": "Bearer env:PETS"}),
                "lost": OpenApiSettings(file=str(tmp_path / "lost.json")),
            },
            approval={"calculate": "deny"},
        ),
    )

    async def yes(name: str, command: tuple[str, ...]) -> bool:
        return True

    found = sources(tmp_path, config, confirm=yes, reveal={"env:PETS": "secret"}.get)
    try:
        offered = await found.offered()
        rules = {name: (one.source, one.approval) for name, one in offered.items()}
        assert rules["time_now"] == ("built in", "allow")
        assert rules["calculate"] == ("built in", "deny")
        assert rules["read_file"] == ("built in", "ask")
        assert offered["fetch_page"].each
        assert rules["plugin"][1] == "ask"
        assert rules["pets_getPet"] == ("API pets", "ask")
        assert rules["station_weather"] == ("MCP server station", "allow")
        told = " ".join(problem.message for problem in found.problems)
        for word in ("broken", "gone", "lost.json", "MCP server none", "there is a tool plugin already"):
            assert word in told
        content = await offered["station_weather"].tool.answer(tool_call("1", "station_weather", '{"city": "Rome"}'))
        assert "Rome" in str(content)
    finally:
        await found.aclose()


async def test_a_program_is_shown_and_confirmed_once(tmp_path: Path) -> None:
    """No is no; yes holds until the command changes."""
    asked: list[tuple[str, ...]] = []

    def answering(answer: bool) -> Callable[[str, tuple[str, ...]], Any]:
        async def confirm(name: str, command: tuple[str, ...]) -> bool:
            asked.append(command)
            return answer

        return confirm

    config = Config(mcp={"station": STATION}, tools=ToolSettings(plugins=False))
    for answer, has in ((False, False), (True, True), (False, True)):
        found = sources(tmp_path, config, confirm=answering(answer))
        assert ("station_weather" in await found.offered()) is has
        await found.aclose()
    assert asked == [SERVER, SERVER]
    nobody = sources(tmp_path / "other", config)
    assert "station_weather" not in await nobody.offered()
    assert nobody.problems[0].remedy == "il tools confirm station"
    await nobody.aclose()
    path = tmp_path / "state" / "confirmed.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for other in (McpSettings(command=(*SERVER, "x")), McpSettings(command=SERVER, env={"PATH": "/tmp"})):  # noqa: S108 - a text
        assert not is_confirmed(path, "station", other)
    note_confirmed(path, "two", STATION)
    assert is_confirmed(path, "station", STATION)
    assert is_confirmed(path, "two", STATION)


async def test_a_secret_that_is_missing_is_named_and_never_shown(tmp_path: Path) -> None:
    """The reference is what the person wrote."""
    config = Config(
        mcp={"far": McpSettings(url="http://127.0.0.1:9/mcp", headers={"authorization": "Bearer env:NO_SUCH"})},
        tools=ToolSettings(plugins=False),
    )
    found = sources(tmp_path, config)
    await found.offered()
    assert "mcp.far.headers.authorization: env:NO_SUCH is not set" in found.problems[0].message
    await found.aclose()
