"""Presets of the pages are those of the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interlingua.client.presets import ChatSettings, Preset, Presets
from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.pages_client import MODEL, pages
from tests.gateway.upstreams import script


async def test_what_one_surface_keeps_the_other_shows(tmp_path: Path) -> None:
    """Both ways, and gone is gone."""
    async with pages(tmp_path, ScriptedTransport([])) as page:
        terminal = Presets(page.app.state.overlay)
        kept = Preset(model="one/m", system="Be brief.", settings=ChatSettings(temperature=0.5, tools=("calculate",)))
        await terminal.keep("terse", kept, "il preset")
        (shown,) = (await page.get("/api/presets"))["items"]
        assert (shown["name"], shown["system"], shown["settings"]["temperature"]) == ("terse", "Be brief.", 0.5)
        given = {"template": "Say {{x}}", "variables": ["x"], "settings": {"model": None, "temperature": 1.5}}
        answer = await page.ask("PUT", "/api/presets/say", given)
        assert answer.status == 200, answer.body
        assert (await terminal.get("say")).template == "Say {{x}}"
        assert (await terminal.get("say")).settings == ChatSettings(temperature=1.5)
        assert (await page.ask("PUT", "/api/presets/say", {"colour": 1})).status == 400
        assert (await page.ask("DELETE", "/api/presets/terse")).status == 204
        assert (await page.ask("DELETE", "/api/presets/terse")).status == 404
        assert set(await terminal.all()) == {"say"}


async def test_a_chat_of_the_terminal_goes_on_in_the_page(tmp_path: Path) -> None:
    """The page sends back all settings that a chat has, those that only the terminal uses too."""
    async with pages(tmp_path, ScriptedTransport(script("openai_chat"))) as page:
        settings: dict[str, Any] = {"system": "", "summaries": {"a": "b"}, "imported": "elsewhere"}
        chat, question = await page.chat(**settings)
        asked = {"conversation": chat, "parent": question, "model": MODEL, "settings": {"model": MODEL, **settings}}
        started = await page.post("/api/runs", asked)
        assert (await page.events(started["id"]))[-1][1] == "run_end"
