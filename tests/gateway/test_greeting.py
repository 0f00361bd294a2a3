"""What is at `/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.config.schema import ServerSettings
from interlingua.gateway import pages
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(autouse=True)
def unbuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a build of the web interface would be."""
    folder = tmp_path / "static"
    folder.mkdir()
    monkeypatch.setattr(pages, "STATIC", folder)
    return folder


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, {"accept": "application/json"}])
async def test_clients_of_ollama_hear_that_it_runs(method: str, headers: dict[str, str], tmp_path: Path) -> None:
    """Word for word: they look for it."""
    async with gateway(tmp_path, ScriptedTransport(Script())) as app:
        answer = await call(app, method, "/", headers=headers)
    assert (answer.status, answer.body) == (200, b"Ollama is running")
    assert answer.headers["content-type"] == "text/plain"


async def test_a_browser_gets_a_page_that_says_where_clients_go(tmp_path: Path) -> None:
    """With the address that it was asked by, and nothing from elsewhere."""
    async with gateway(tmp_path, ScriptedTransport(Script())) as app:
        answer = await call(app, "GET", "/", headers={**BROWSER, "host": "localhost:8100"})
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "OPENAI_BASE_URL=http://localhost:8100/v1" in page
    assert "{address}" not in page and "{version}" not in page
    assert "src=" not in page and "href=" not in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_a_name_with_markup_in_it_stays_text(tmp_path: Path) -> None:
    """Where any name is taken."""
    headers = {**BROWSER, "host": "127.0.0.1:<script>"}
    async with gateway(tmp_path, ScriptedTransport(Script()), server=ServerSettings(allowed_hosts=("*",))) as app:
        answer = await call(app, "GET", "/", headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"127.0.0.1:&lt;script&gt;" in answer.body
    assert b"<script" not in answer.body


async def test_where_a_name_is_none_of_ours_its_refusal_is_no_page(tmp_path: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport(Script())) as app:
        answer = await call(app, "GET", "/", headers={**BROWSER, "host": "127.0.0.1:<script>"})
    assert (answer.status, answer.headers["content-type"]) == (403, "application/json")


async def test_the_built_interface_takes_its_place(tmp_path: Path, unbuilt: Path) -> None:
    """For browsers; Ollama's clients hear what they did."""
    built = unbuilt / "index.html"
    built.write_text("<!doctype html><title>The interface</title>")
    async with gateway(tmp_path, ScriptedTransport(Script())) as app:
        page, plain = await call(app, "GET", "/", headers=BROWSER), await call(app, "GET", "/")
    assert page.body == built.read_bytes()
    assert plain.body == b"Ollama is running"
