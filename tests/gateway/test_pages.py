"""The web interface as files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from interlingua.gateway import pages
from interlingua.gateway.app import Gateway
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
