"""Every route × every kind of caller: who is not let in by the table stays out (contracts §6.2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from interlingua.config.schema import VirtualKeySettings
from interlingua.gateway.app import Gateway
from interlingua.gateway.auth import admin_token
from interlingua.gateway.build import token_path
from interlingua.gateway.routes import ROUTES, Route, find, methods
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.gateway.asgi import call, gateway

KEY = "il-a-key-of-twenty-four-letters-or-more"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway of its own with one virtual key; nothing upstream answers."""
    async with with_a_key(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The same one for all who are not let in, and so change nothing."""
    async with with_a_key(tmp_path_factory.mktemp("closed")) as made:
        yield made


def with_a_key(folder: Path) -> AbstractAsyncContextManager[Gateway]:
    keys = (VirtualKeySettings(name="team", key="env:TEAM_KEY"),)
    return gateway(folder, ScriptedTransport(Script.refused()), {"TEAM_KEY": KEY}, virtual_keys=keys)


def path_of(route: Route) -> str:
    if route.dialect == "gemini" and route.method == "POST":
        return route.path.replace("{id:path}", "gemini-3.8-flash:generateContent")
    return re.sub(r"\{.*?\}", "some", route.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_route_lets_in_whom_its_row_names_and_nobody_else(route: Route, app: Gateway) -> None:
    """No key, a wrong key, a good one, the administrator's."""
    path = path_of(route)
    token = admin_token(token_path(app.state.config)).reveal()
    statuses = {}
    for name, key in (("none", ""), ("wrong", "x" * 40), ("key", KEY), ("admin", token)):
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # Who follows events leaves after the first: they have no end.
        statuses[name] = (await call(app, route.method, path, {}, headers=headers, leave_after=1)).status
    refused = {name for name, status in statuses.items() if status in (401, 403)}
    keyed = {"none", "wrong"}
    expected = {"public": set(), "key": keyed, "session": keyed, "admin": {*keyed, "key"}}[route.access]
    assert refused == expected, statuses


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("route", [r for r in ROUTES if r.access != "public"], ids=lambda r: f"{r.method} {r.path}")
@pytest.mark.parametrize("disguise", ["/{0}", "//{0}", "/%2f{0}", "/x/../{0}", "/{0}/", "/{0}%00", "/{0};x"])
async def test_no_other_spelling_of_a_path_gets_past_the_table(route: Route, disguise: str, closed: Gateway) -> None:
    """What is not exactly a row is nothing, or asks for the same key."""
    path = disguise.format(path_of(route).lstrip("/"))
    assert (await call(closed, route.method, path, {})).status in (401, 403, 404, 405)


@pytest.mark.parametrize("path", ["/api/devices", "/api/chatty", "/v1", "/v1/", "/metrics2", "/api"])
async def test_a_path_that_only_looks_like_one_is_unknown(path: str, app: Gateway) -> None:
    """A prefix gives no access."""
    for method in ("GET", "POST"):
        assert (await call(app, method, path, {}, headers={"x-api-key": KEY})).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:8100"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "127.0.0.1:8100@evil.example"}, 403),
        ({"host": "[::1]evil.example"}, 403),
        ({"host": "127.0.0.1:"}, 200),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "ftp://127.0.0.1:8100"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:8100"}, 200),
        ({"host": "localhost:8100"}, 200),
        ({"host": "[::1]:8100"}, 200),
    ],
)
async def test_pages_of_other_sites_and_other_names_are_refused_reading_included(
    headers: dict[str, str], status: int, app: Gateway
) -> None:
    """Contracts §6.1."""
    assert (await call(app, "GET", "/healthz", headers=headers)).status == status


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-goog-api-key"])
async def test_a_key_is_taken_from_each_header_that_clients_use(header: str, app: Gateway) -> None:
    """OpenAI's, Anthropic's and Google's."""
    value = f"Bearer {KEY}" if header == "authorization" else KEY
    assert (await call(app, "GET", "/v1/models", headers={header: value})).status == 200


def test_the_table_names_each_route_once_and_finds_it() -> None:
    """A row that another hides would never be asked for its key."""
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    for route in ROUTES:
        found = find(route.method, path_of(route))
        assert found is not None
        assert found.route.path == route.path
    assert methods("/v1/chat/completions") == ("POST",)
