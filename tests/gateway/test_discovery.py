"""Ollama servers on this machine: found where one would look, used when somebody says so, and never in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from interlingua.gateway import discovery
from tests.gateway.asgi import call, gateway
from tests.gateway.pages_client import Page
from tests.gateway.upstreams import config


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers is waited for, however slow this machine is."""
    monkeypatch.setattr(discovery, "SECONDS", 60.0)
    monkeypatch.setattr(discovery, "MOMENT", 60.0)


class Ollama:
    """A server that lists models; `hangs` makes it say nothing."""

    def __init__(self) -> None:
        self.models = ["llama3.2:3b", "qwen3:8b"]
        self.asked = 0
        self.hangs = False
        self.address = ""

    async def tags(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        return web.json_response({"models": [{"name": name, "model": name} for name in self.models]})


@asynccontextmanager
async def ollama() -> AsyncIterator[Ollama]:
    made = Ollama()
    app = web.Application()
    app.router.add_get("/api/tags", made.tags)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def page_of(folder: Path, host: str) -> AsyncIterator[Page]:
    """A page of a gateway whose environment says where Ollama is."""
    async with gateway(folder, None, {"OLLAMA_HOST": host, "IL_KEYCHAIN": "off"}, **config(providers={})) as app:
        yield Page(app, (folder / "admin-token").read_text().strip())


def ids(listed: object) -> list[str]:
    """The models of a list that are Ollama's."""
    return [name for name in json.dumps(listed).split('"') if name.startswith("ollama/")]


async def test_a_server_is_found_and_its_models_are_listed_once_it_is_used(tmp_path: Path) -> None:
    """By the pages and by clients; and no longer when it is used no longer."""
    async with ollama() as server, page_of(tmp_path, server.address) as page:
        (found,) = (await page.get("/api/local/servers"))["items"]
        assert (found["provider"], found["found"], found["used"], found["editable"]) == ("ollama", True, False, True)
        assert (found["address"], found["models"]) == (server.address, server.models)
        assert ids(await page.get("/api/models")) == []
        used = await page.ask("PUT", "/api/settings/providers.ollama.base_url", {"value": found["base_url"]})
        assert used.status == 200, used.body
        assert set(ids(await page.get("/api/models"))) == {"ollama/llama3.2:3b", "ollama/qwen3:8b"}
        assert set(ids((await call(page.app, "GET", "/v1/models")).json)) == {"ollama/llama3.2:3b", "ollama/qwen3:8b"}
        assert (await page.get("/api/local/servers"))["items"][0]["used"] is True
        await page.ask("DELETE", "/api/settings/providers.ollama.base_url")
        assert ids(await page.get("/api/models")) == []


async def test_where_none_answers_that_is_said(tmp_path: Path) -> None:
    async with page_of(tmp_path, "127.0.0.1:9") as page:
        (found,) = (await page.get("/api/local/servers"))["items"]
        assert (found["found"], found["models"], found["address"]) == (False, [], "127.0.0.1:9")
        assert found["error"]


async def test_a_server_that_hangs_keeps_no_list_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of models goes out without it; asked for itself, it is given up in time."""
    async with ollama() as server, page_of(tmp_path, server.address) as page:
        await page.ask("PUT", "/api/settings/providers.ollama.base_url", {"value": f"http://{server.address}"})
        server.hangs = True
        monkeypatch.setattr(discovery, "MOMENT", 0.01)
        monkeypatch.setattr(discovery, "SECONDS", 0.05)
        assert "local/smollm2" in [one["id"] for one in (await page.get("/api/models"))["items"]]
        (found,) = (await page.get("/api/local/servers"))["items"]
        assert not found["found"]
        assert "did not answer" in found["error"]


async def test_a_server_elsewhere_is_asked_only_if_it_is_configured(tmp_path: Path) -> None:
    """Nothing beyond this machine is looked at for its own sake."""
    async with page_of(tmp_path, "http://ollama.example:11434") as page:
        assert (await page.get("/api/local/servers"))["items"] == []
    assert not discovery._on_loopback("http://ollama.example:11434")
    for near in ("http://localhost:1", "http://127.8.0.1:11434", "http://[::1]:11434"):
        assert discovery._on_loopback(near)
    assert not discovery._on_loopback("http://[nonsense")
