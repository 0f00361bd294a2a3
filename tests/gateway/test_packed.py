"""Large answers of our own paths are packed for who can unpack them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from interlingua.transport.scripted import ScriptedTransport
from tests.gateway.pages_client import pages


async def test_a_large_list_is_packed_and_known_by_its_tag(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([])) as page:
        plain = await page.ask("GET", "/api/models")
        small = await page.ask("GET", "/api/models", headers={"accept-encoding": "br, gzip"})
        assert small.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in small.headers["vary"]
        assert json.loads(gzip.decompress(small.body)) == plain.json
        assert len(small.body) < len(plain.body) / 4
        assert small.headers["etag"] == "W/" + plain.headers["etag"]
        for tag in (small.headers["etag"], plain.headers["etag"]):
            again = await page.ask("GET", "/api/models", headers={"accept-encoding": "gzip", "if-none-match": tag})
            assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "deflate, gzip; q=0"])
async def test_who_cannot_unpack_gets_it_as_it_is(accepted: str, tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([])) as page:
        found = await page.ask("GET", "/api/models", headers={"accept-encoding": accepted})
        assert "content-encoding" not in found.headers
        assert found.json["items"]


async def test_a_small_answer_is_left_alone(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport([])) as page:
        found = await page.ask("GET", "/api/session", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in found.headers
