"""Which tools a gateway has, for whom, and that nothing is started for those that nobody may call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.client import tool_sources
from interlingua.client.tool_sources import note_confirmed
from interlingua.config.schema import (
    Config,
    GatewaySettings,
    GatewayToolSettings,
    McpSettings,
    OpenApiSettings,
    ToolSettings,
)
from interlingua.engine.principal import Principal
from interlingua.gateway.tools import narrowed, patterns_of
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.client.test_mcp_tools import SERVER
from tests.client.test_openapi_tools import DOCUMENT
from tests.gateway.pages_client import MODEL, pages
from tests.gateway.test_run_tools import calling, started
from tests.gateway.upstreams import SECRET, script

STATION = McpSettings(command=SERVER, env={"STATION_KEY": "env:STATION"})
TRANSPORT = ScriptedTransport(Script.json({}))


def holds(folder: Path, text: str) -> bool:
    """Whether the store has it, anywhere."""
    return any(text.encode() in file.read_bytes() for file in folder.glob("il.db*"))


def allowing(*allow: str, **more: Any) -> GatewaySettings:
    return GatewaySettings(tools=GatewayToolSettings(allow=allow, **more))


@pytest.mark.parametrize(
    ("allow", "servers"),
    [
        ((), []),
        (("calculate", "time_now"), []),
        (("*",), ["files", "files_two", "web"]),
        (("files_read",), ["files"]),
        (("files_*",), ["files", "files_two"]),
        (("f*",), ["files", "files_two"]),
        (("files",), []),
        (("web_?et",), ["web"]),
    ],
)
def test_only_servers_that_could_have_an_allowed_tool_are_opened(allow: tuple[str, ...], servers: list[str]) -> None:
    settings = McpSettings(url="http://127.0.0.1:1/mcp")
    config = Config(
        gateway=allowing(*allow),
        mcp=dict.fromkeys(("files", "files_two", "web"), settings),
        tools=ToolSettings(openapi={name: OpenApiSettings(file="x") for name in ("files", "files_two", "web")}),
    )
    assert list(narrowed(config).mcp) == servers
    assert list(narrowed(config).tools.openapi) == servers


def test_the_administrator_has_what_is_allowed_and_a_key_what_it_was_given() -> None:
    settings = GatewayToolSettings(allow=("a*",), keys={"alice": ("ab",)})
    assert patterns_of(settings, Principal(tenant="local", admin=True)) == ("a*",)
    assert patterns_of(settings, Principal(tenant="alice", key="alice")) == ("ab",)
    assert patterns_of(settings, Principal(tenant="bob", key="bob")) == ()
    assert patterns_of(settings, Principal(tenant="local")) == ()
    none = GatewayToolSettings(keys={"alice": ("*",)})
    assert patterns_of(none, Principal(tenant="local", admin=True)) == ()
    assert patterns_of(none, Principal(tenant="alice", key="alice")) == ()


async def test_a_program_runs_only_once_its_command_was_confirmed_in_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator's page says what to do; a look after the confirmation finds its tools."""
    noted = tmp_path / "confirmed.json"
    monkeypatch.setattr(tool_sources, "confirmed_path", lambda: noted)
    monkeypatch.setattr("interlingua.gateway.tools.AGAIN_SECONDS", 0.0)
    async with pages(tmp_path, TRANSPORT, gateway=allowing("station_*"), mcp={"station": STATION}) as page:
        found = await page.get("/api/tools")
        assert found["items"] == []
        # Its secret is looked for only when it is to be started.
        assert [one["remedy"] for one in found["problems"]] == ["il tools confirm station"]
        note_confirmed(noted, "station", STATION)
        assert page.app.state.tools.secrets() == set()
        page.app.state.tools.environment = {"STATION": SECRET}
        found = await page.get("/api/tools")
        assert "station_weather" in [one["name"] for one in found["items"]]
        assert {one["source"] for one in found["items"]} == {"MCP server station"}
        assert SECRET not in json.dumps(found)
        assert page.app.state.tools.secrets() == {SECRET}


async def test_a_server_that_tells_its_secret_tells_it_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the model, the page, the chat nor the store gets to see it."""
    noted = tmp_path / "confirmed.json"
    note_confirmed(noted, "station", STATION)
    monkeypatch.setattr(tool_sources, "confirmed_path", lambda: noted)
    transport = ScriptedTransport([calling(("c1", "station_told", "{}")), script("openai_chat")])
    tools = ToolSettings(approval={"station_told": "allow"})
    async with pages(
        tmp_path, transport, gateway=allowing("station_told"), mcp={"station": STATION}, tools=tools
    ) as page:
        page.app.state.tools.environment = {"STATION": SECRET}
        _, run = await started(page, "station_told")
        said = json.dumps(await page.events(run))
        assert "[hidden]" in said
        assert SECRET not in said
        assert SECRET.encode() not in transport.requests[-1].body
        assert b"[hidden]" in transport.requests[-1].body
    assert not holds(tmp_path, SECRET)


async def test_an_estimate_counts_what_the_model_is_told_of_tools(tmp_path: Path) -> None:
    async with pages(tmp_path, TRANSPORT, gateway=allowing("calculate")) as page:
        asking = {"model": MODEL, "parts": [{"type": "text", "text": "Hello"}]}
        plain = await page.post("/api/estimate", asking)
        known = await page.post("/api/estimate", {**asking, "settings": {"tools": ["calculate", "other"]}})
        other = await page.post("/api/estimate", {**asking, "settings": {"tools": ["other"]}})
        assert known["input_tokens"] > plain["input_tokens"] == other["input_tokens"]


async def test_what_a_tool_cannot_have_is_told_to_the_administrator_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "pets.json").write_text(json.dumps(DOCUMENT))
    headers = {"authorization": f"Bearer {SECRET}", "x-key": "env:NOWHERE"}
    tools = ToolSettings(openapi={"pets": OpenApiSettings(file=str(tmp_path / "pets.json"), headers=headers)})
    async with pages(tmp_path, TRANSPORT, gateway=allowing("pets_*"), tools=tools) as page:
        found = await page.get("/api/tools")
        assert found["items"] == []
        assert "env:NOWHERE is not set" in found["problems"][0]["message"]
        assert SECRET not in json.dumps(found)


async def test_files_are_read_only_below_the_folder_that_was_named(tmp_path: Path) -> None:
    async with pages(tmp_path, TRANSPORT, gateway=allowing("*")) as page:
        names = [one["name"] for one in (await page.get("/api/tools"))["items"]]
        assert "calculate" in names
        assert "read_file" not in names
    async with pages(tmp_path, TRANSPORT, gateway=allowing("*", folder=str(tmp_path))) as page:
        found = {one["name"]: one for one in (await page.get("/api/tools"))["items"]}
        assert found["read_file"]["approval"] == "ask"


async def test_a_changed_allow_list_is_in_force_for_the_next_who_asks(tmp_path: Path) -> None:
    async with pages(tmp_path, TRANSPORT, gateway=allowing("calculate")) as page:
        assert [one["name"] for one in (await page.get("/api/tools"))["items"]] == ["calculate"]
        from msgspec.structs import replace

        page.app.state.config = replace(page.app.state.config, gateway=allowing("time_now"))
        assert [one["name"] for one in (await page.get("/api/tools"))["items"]] == ["time_now"]
        page.app.state.config = replace(page.app.state.config, gateway=allowing())
        assert (await page.get("/api/tools"))["items"] == []
        assert not page.app.state.tools.problems()


async def test_only_who_is_signed_in_sees_tools(tmp_path: Path) -> None:
    from tests.gateway.asgi import call

    async with pages(tmp_path, TRANSPORT, gateway=allowing("calculate")) as page:
        assert (await call(page.app, "GET", "/api/tools")).status == 401
