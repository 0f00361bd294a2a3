"""Signing in to the pages (contracts §6.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlingua.errors import AuthenticationFailed
from interlingua.gateway.sessions import CODE_SECONDS, SESSION_SECONDS, Sessions
from interlingua.stores.memory import ProcessMemory
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.secret import Secret
from tests.gateway.asgi import call
from tests.gateway.pages_client import KEYS, Page, pages, signed_in


class Clock:
    """A clock that stands until it is moved."""

    now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def chance(self) -> float:
        return 0.5

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def two_workers() -> tuple[Clock, Sessions, Sessions]:
    """Two that share memory and the administrator's token."""
    clock = Clock()
    memory = ProcessMemory(clock.monotonic)
    token = Secret("the administrator's token")
    return clock, Sessions(clock, memory, token), Sessions(clock, memory, token)


async def test_a_code_serves_once_whichever_worker_it_is_traded_at() -> None:
    _, one, other = two_workers()
    code = one.code()
    await other.trade(code)
    with pytest.raises(AuthenticationFailed, match="used or is too old"):
        await one.trade(code)


async def test_a_code_is_too_old_after_two_minutes_and_a_session_after_its_hours() -> None:
    clock, one, _ = two_workers()
    code, (token, until) = one.code(), one.token("digest")
    assert until == clock.now + SESSION_SECONDS
    clock.now += CODE_SECONDS
    with pytest.raises(AuthenticationFailed):
        await one.trade(code)
    assert one.claim(token) is not None
    clock.now += SESSION_SECONDS
    assert one.claim(token) is None


async def test_an_ended_session_is_refused_by_every_worker() -> None:
    _, one, other = two_workers()
    token, _ = one.token()
    await one.end(token)
    assert one.claim(token) is None
    with pytest.raises(AuthenticationFailed, match="signed out"):
        await other.check(token)
    assert other.claim(token) is None


@pytest.mark.parametrize("text", ["", "ils-", "ils-!", "ils-" + "A" * 200, "il-key", "ils-ÿ"])
async def test_what_nobody_sealed_is_no_session_and_no_code(text: str) -> None:
    _, one, _ = two_workers()
    assert one.claim(text) is None
    with pytest.raises(AuthenticationFailed):
        await one.trade(text)


async def test_a_token_is_no_code_and_a_code_is_no_token_nor_one_of_another_administrator() -> None:
    _, one, _ = two_workers()
    token, _ = one.token()
    with pytest.raises(AuthenticationFailed):
        await one.trade(token.removeprefix("ils-"))
    assert one.claim("ils-" + one.code()) is None
    clock = Clock()
    stranger = Sessions(clock, ProcessMemory(clock.monotonic), Secret("another token"))
    assert stranger.claim(token) is None


async def test_a_page_signs_in_by_link_is_told_who_it_is_and_signs_out(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(Script.refused())) as page:
        app = page.app
        assert (await call(app, "GET", "/api/session")).json["signed_in"] is False
        code = app.state.sessions.code()
        answer = await call(app, "POST", "/api/session", {"code": code})
        assert answer.status == 201
        assert answer.headers["cache-control"] == "no-store"
        assert (await call(app, "POST", "/api/session", {"code": code})).status == 401
        visitor = Page(app, answer.json["token"])
        told = await visitor.get("/api/session")
        assert (told["signed_in"], told["admin"], told["tenant"]) == (True, True, "local")
        assert (await visitor.ask("GET", "/api/providers")).status == 200
        assert (await visitor.ask("DELETE", "/api/session")).status == 204
        assert (await visitor.ask("GET", "/api/providers")).status in (401, 403)
        assert (await visitor.get("/api/session"))["signed_in"] is False


async def test_a_key_signs_in_as_its_tenant_and_is_no_administrator(tmp_path: Path) -> None:
    async with pages(tmp_path, ScriptedTransport(Script.refused()), keys=True) as admin:
        alice = await signed_in(admin.app, KEYS["ALICE"])
        told = await alice.get("/api/session")
        assert (told["admin"], told["tenant"], told["key"]) == (False, "alice", "alice")
        assert (await alice.ask("GET", "/api/credentials")).status == 403
        assert (await alice.ask("GET", "/api/conversations")).status == 200
        wrong = await call(admin.app, "POST", "/api/session", {"key": "il-a-key-that-nobody-was-given"})
        assert wrong.status == 401


async def test_an_open_loopback_does_not_open_what_belongs_to_people(tmp_path: Path) -> None:
    """Contracts §6.1: inference is open to local callers, conversations are not."""
    async with pages(tmp_path, ScriptedTransport(Script.refused())) as page:
        assert (await call(page.app, "GET", "/v1/models")).status == 200
        for path in ("/api/conversations", "/api/runs", "/api/requests", "/api/presets", "/api/performance"):
            assert (await call(page.app, "GET", path)).status == 401, path
