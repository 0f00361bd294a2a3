"""The web interface as files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from msgspec.structs import replace

from interlingua.config.schema import Config, VoiceSettings
from interlingua.gateway import pages
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import Answer, call, gateway

INDEX = "<!doctype html><title>It</title>" + "x" * 2000


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "theme.js").write_text("1")
    (folder / "assets" / "index-abc.js").write_text("let a = 1;" * 500)
    (tmp_path / "secret.txt").write_text("no")
    monkeypatch.setattr(pages, "STATIC", folder)
    return folder


async def get(tmp_path: Path, path: str, **headers: str) -> Answer:
    """One file."""
    async with gateway(tmp_path, ScriptedTransport(Script.refused())) as app:
        return await got(app, path, **headers)


async def got(app: Gateway, path: str, **headers: str) -> Answer:
    """One file of a running gateway."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await call(app, "GET", path, headers={"accept": "text/html", **given})


@pytest.mark.parametrize("path", ["/", "/c/0123", "/compare", "/models", "/gateway", "/usage", "/settings"])
async def test_every_address_of_the_page_is_the_same_page_and_keeps_to_itself(
    path: str, tmp_path: Path, static: Path
) -> None:
    answer = await get(tmp_path, path)
    assert (answer.status, answer.body.decode()) == (200, INDEX)
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("livekit", "origins"),
    [
        ("", ""),
        ("ws://127.0.0.1:7880", " ws://127.0.0.1:7880 http://127.0.0.1:7880"),
        ("wss://voice.example.com/path", " wss://voice.example.com https://voice.example.com"),
        ("wss://[::1]:443", " wss://[::1]:443 https://[::1]:443"),
        ("https://voice.example.com", ""),
        ("wss://voice.example.com; script-src *", ""),
        ("wss://*", ""),
        ("wss://user:word@voice.example.com", ""),
        ("wss://a.example,b.example", ""),
    ],
)
def test_a_page_may_connect_to_the_livekit_server_and_nowhere_else(livekit: str, origins: str) -> None:
    """What is no address of one allows nothing."""
    assert pages.policy(livekit) == pages.POLICY.replace("connect-src 'self'", f"connect-src 'self'{origins}")


async def test_calls_by_voice_are_offered_where_they_are_mounted_and_a_server_is_named(
    tmp_path: Path, static: Path
) -> None:
    """To the administrator, who alone may hand out tokens; the page learns the address by its policy only then."""

    def mounted(config: Config, body: bytes) -> bytes:
        return b"{}"

    async def offered(app: Gateway, token: str) -> bool:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        told: bool = (await call(app, "GET", "/api/session", headers=headers)).json["features"]["voice"]
        return told

    environment = {"LIVEKIT_URL": "wss://voice.example.com"}
    async with gateway(tmp_path, ScriptedTransport(Script.refused()), environment) as app:
        admin = admin_token(token_path(app.state.config)).reveal()
        assert not await offered(app, admin)
        app.state.mounts = {("POST", "/api/voice/token"): mounted}
        assert await offered(app, admin)
        assert not await offered(app, "")
        page = await call(app, "GET", "/", headers={"accept": "text/html"})
        assert " wss://voice.example.com https://voice.example.com;" in page.headers["content-security-policy"]
        app.state.environment = {}
        assert not await offered(app, admin)
        app.state.config = replace(app.state.config, voice=VoiceSettings(url="ws://127.0.0.1:7880"))
        assert await offered(app, admin)


async def test_assets_are_packed_kept_for_ever_and_known_by_their_tag(tmp_path: Path, static: Path) -> None:
    async with gateway(tmp_path, ScriptedTransport(Script.refused())) as app:
        packed = await got(app, "/assets/index-abc.js", accept_encoding="gzip, br")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body).startswith(b"let a = 1;")
        assert "immutable" in packed.headers["cache-control"]
        assert packed.headers["content-type"].startswith("text/javascript")
        again = await got(app, "/assets/index-abc.js", if_none_match=packed.headers["etag"])
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/..",
        "/assets/../secret.txt",
        "/assets/%2e%2e",
        "/assets/nothing.js",
        "/assets/..\\secret.txt",
        "/icon.svg",
    ],
)
async def test_nothing_outside_of_the_build_is_given(path: str, tmp_path: Path, static: Path) -> None:
    answer = await get(tmp_path, path)
    assert answer.status == 404
    assert answer.body != b"no"


async def test_a_tree_without_a_build_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "STATIC", tmp_path / "nowhere")
    answer = await get(tmp_path, "/models")
    assert answer.status == 404
    assert "make web" in answer.json["error"]["remedy"]
