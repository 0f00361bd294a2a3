"""A changed configuration is taken over, or the last good one stays."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.config.load import load_config
from interlingua.config.schema import Config, StoreSettings
from interlingua.engine.breaker import key_name
from interlingua.errors import AuthenticationFailed
from interlingua.gateway import reload
from interlingua.gateway.app import Gateway
from interlingua.gateway.build import build_gateway
from interlingua.gateway.reload import ConfigSource, Reloader
from interlingua.gateway.virtual_keys import VirtualKeys
from interlingua.ports.rests import Rest
from interlingua.ports.transport import HttpRequest, HttpResponse
from tests.gateway.asgi import call

KEY = "il-" + "k" * 43
ENVIRONMENT = {"BENCH_KEY": KEY}
SET = """
import os, sys
from interlingua.config.load import default_user_folder
from interlingua.credentials.vault import open_vault
from interlingua.types.secret import Secret
open_vault(os.environ, default_user_folder()).set("openai/default", Secret(sys.argv[1]))
"""


class Served:
    """A gateway whose configuration lies in a file.

    Args:
        folder: where.
        text: the file.
    """

    def __init__(self, folder: Path, text: str) -> None:
        self.file = folder / "interlingua.toml"
        self.head = f'[store]\npath = "{folder / "il.db"}"\n'
        self.write(text)
        self.source = ConfigSource(lambda: self.file, self.load)
        self.app: Gateway
        self.reloader: Reloader

    def write(self, text: str) -> None:
        self.file.write_text(self.head + text)

    def load(self) -> Config:
        return load_config(self.file, environment={})

    async def start(self) -> None:
        self.app = await build_gateway(self.load(), environment=ENVIRONMENT, source=self.source)
        keys = self.app.state.doorkeeper._keys
        assert isinstance(keys, VirtualKeys)
        self.reloader = Reloader(self.app.state, keys, self.source, ENVIRONMENT)

    async def look(self) -> bool:
        """As often as it takes for a change to be settled."""
        await self.reloader.look()
        return await self.reloader.look()

    async def ready(self) -> dict[str, object]:
        found: dict[str, object] = (await call(self.app, "GET", "/readyz")).json
        return found


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    one = Served(tmp_path, '[models.fast]\ntargets = ["openai/gpt-6-sol"]\n')
    await one.start()
    yield one
    await one.reloader.aclose()
    await one.app.state.engine.aclose()
    await one.app.state.ledger.aclose()
    await one.app._shutdown()  # type: ignore[misc]  # it was given one


async def test_a_changed_file_is_in_force_as_soon_as_it_was_the_same_twice(served: Served) -> None:
    served.write('[models.quick]\ntargets = ["openai/gpt-6-luna"]\n')
    assert not await served.reloader.look()
    assert list(served.app.state.engine.aliases) == ["fast"]
    assert await served.reloader.look()
    assert list(served.app.state.engine.aliases) == ["quick"]


async def test_a_file_that_did_not_change_changes_nothing(served: Served) -> None:
    engine = served.app.state.engine
    assert not await served.look()
    assert served.app.state.engine is engine


async def test_a_file_that_cannot_be_used_leaves_the_last_good_one_and_is_told_once(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    engine = served.app.state.engine
    served.write("[server]\nprot = 1\n")
    for _ in range(3):
        assert not await served.look()
    assert served.app.state.engine is engine
    assert caplog.text.count("the last good one stays") == 1
    assert "prot" in caplog.text
    ready = await served.ready()
    assert ready["status"] == "ready"
    assert ready["configuration"] == "the file cannot be used; the log says why"
    served.write("")
    assert await served.look()
    assert (await served.ready())["configuration"] == "in force"


async def test_a_file_that_is_gone_leaves_the_last_good_one(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.file.unlink()
    assert not await served.look()
    assert "is gone" in caplog.text
    assert list(served.app.state.engine.aliases) == ["fast"]


async def test_keys_and_limits_change_with_the_file(served: Served) -> None:
    served.write('[limits."*"]\nrpm = 1\n[[virtual_keys]]\nname = "bench"\nkey = "env:BENCH_KEY"\n')
    assert await served.look()
    assert (await call(served.app, "GET", "/v1/models")).status == 401
    answer = await call(served.app, "GET", "/v1/models", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status == 200
    served.write("")
    assert await served.look()
    with pytest.raises(AuthenticationFailed):
        served.app.state.doorkeeper._keys.principal(KEY)


async def test_a_key_whose_variable_is_missing_keeps_all_as_it_was(served: Served) -> None:
    served.write('[[virtual_keys]]\nname = "bench"\nkey = "env:NOWHERE"\n')
    assert not await served.look()
    assert (await call(served.app, "GET", "/v1/models")).status == 200


async def test_what_needs_a_restart_is_named_and_stays(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        served.write('[server]\nport = 9999\nhost = "0.0.0.0"\ndrain = 7\n')
        assert await served.look()
    server = served.app.state.config.server
    assert (server.port, server.host, server.drain) == (8100, "127.0.0.1", 7)
    assert "a restart is needed for the change of server.host, server.port" in caplog.text
    assert (await served.ready())["restart_needed_for"] == ["server.host", "server.port"]


async def test_who_rests_goes_on_resting_but_for_keys_that_may_be_others_now(served: Served) -> None:
    """A limit does not end because a file was saved; a refused key may have been replaced in it."""
    rests = served.app.state.engine.rests
    rests.put("key lab/a", Rest(served.app.state.engine.now() + 60, "quota_exceeded"))
    rests.put("key lab/b", Rest(math.inf, "authentication_failed"))
    served.write("[retry]\nattempts = 2\n")
    assert await served.look()
    assert served.app.state.engine.rests.get("key lab/a") is not None
    assert served.app.state.engine.rests.get("key lab/b") is None


async def test_hosts_that_may_be_named_change_with_the_file(served: Served) -> None:
    assert (await call(served.app, "GET", "/healthz", headers={"host": "llm.lab"})).status == 403
    served.write('[server]\nallowed_hosts = ["llm.lab"]\n')
    assert await served.look()
    assert (await call(served.app, "GET", "/healthz", headers={"host": "llm.lab"})).status == 200


async def test_a_name_that_stands_for_no_model_is_told_and_does_not_hinder(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    served.write('[models.bad]\ntargets = ["nobody-made-this"]\n')
    assert await served.look()
    assert "nobody-made-this" in caplog.text


class Way:
    """A way out that says when it was closed."""

    closed = False

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError

    async def aclose(self) -> None:
        self.closed = True


async def test_ways_out_whose_settings_stay_are_kept_with_their_connections(served: Served) -> None:
    before = dict(served.app.state.engine.transports)
    served.write('[models.other]\ntargets = ["openai/gpt-6-sol"]\n')
    assert await served.look()
    assert dict(served.app.state.engine.transports) == before
    served.write('[http]\nproxy = "http://127.0.0.1:3128"\n')
    assert await served.look()
    after = served.app.state.engine.transports
    assert after["network"] is not before["network"]
    assert after["in_process"] is before["in_process"]


async def test_an_old_way_out_is_closed_when_the_last_call_that_may_use_it_is_over(served: Served) -> None:
    way, over = Way(), asyncio.Event()
    running = asyncio.create_task(over.wait())
    closing = asyncio.create_task(reload._close([way], frozenset([running])))
    await asyncio.sleep(0.01)
    assert not way.closed
    over.set()
    await closing
    assert way.closed


async def test_the_end_of_the_gateway_closes_what_is_left_of_old_ways(served: Served) -> None:
    served.app.state.running.add(forever := asyncio.create_task(asyncio.Event().wait()))
    served.write('[http]\nproxy = "http://127.0.0.1:3128"\n')
    assert await served.look()
    assert len(served.reloader._closing) == 1
    await served.reloader.aclose()
    assert not served.reloader._closing
    served.app.state.running.discard(forever)
    forever.cancel()


async def test_a_running_gateway_notices_by_itself(served: Served) -> None:
    watching = asyncio.create_task(served.reloader.watch(0.01))
    served.write('[models.soon]\ntargets = ["openai/gpt-6-sol"]\n')
    async with asyncio.timeout(30):
        while "soon" not in served.app.state.engine.aliases:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)
    watching.cancel()
    assert "soon" in served.app.state.engine.aliases


async def test_a_file_that_appears_is_taken_where_there_was_none(tmp_path: Path) -> None:
    file = tmp_path / "interlingua.toml"
    source = ConfigSource(lambda: file if file.exists() else None, lambda: load_config(file, environment={}))
    assert source.began is None
    file.write_text("")
    assert source.stamp() is not None


async def test_a_key_that_another_process_sets_is_in_force_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `il credentials` does; a rest that the old key had earned is over, and so is what was seen of it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("IL_KEYCHAIN", "off")
    config = Config(store=StoreSettings(path=str(tmp_path / "il.db")))
    app = await build_gateway(config, environment={"IL_KEYCHAIN": "off"})
    state = app.state
    reloader = Reloader(state, state.keys, ConfigSource.of(config), {})
    provider = state.engine.providers["openai"]
    rest = key_name("openai", None)
    for secret in ("sk-the-first-key", "sk-another-key"):
        before = state.engine.credential(provider)
        was = "" if before is None else before.secret.reveal()
        state.engine.rests.put(rest, Rest(math.inf, "authentication_failed"))
        setting = await asyncio.create_subprocess_exec(sys.executable, "-c", SET, secret)
        assert await setting.wait() == 0
        unseen = state.engine.credential(provider)
        assert (unseen.secret.reveal() if unseen is not None else "") == was, "no call looks at the files"
        reloader.look_at_credentials()
        found = state.engine.credential(provider)
        assert found is not None and found.secret.reveal() == secret
        assert state.engine.rests.get(rest) is None
    reloader.look_at_credentials()
    assert app._shutdown is not None
    await app._shutdown()
