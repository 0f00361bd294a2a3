"""Keys that we issue."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.config.load import load_config
from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.principal import Limits, Principal
from interlingua.errors import AuthenticationFailed, ConfigError, InvalidRequest, LocalFileError
from interlingua.gateway.virtual_keys import VirtualKeys, configured_keys, digest, expiry, key_row, new_key
from interlingua.ports.store import KeyRow
from interlingua.stores.opening import open_store
from interlingua.stores.sql import SqlStore

LONG = "a-key-that-somebody-made-up-0123"
NOW = 1_790_000_000.0


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def time(self) -> float:
        """As it was set."""
        return self.now

    def monotonic(self) -> float:
        """As it was set."""
        return self.now

    def chance(self) -> float:
        """Not asked."""
        raise AssertionError

    async def sleep(self, seconds: float) -> None:
        """Not asked."""
        raise AssertionError


def kept(key: str, name: str = "bench", expires: float | None = None) -> KeyRow:
    """A key as it is kept."""
    return KeyRow(
        name=name,
        digest=digest(key),
        tail=key[-4:],
        tenant="acme",
        rpm=60,
        expires=int(expires * 1e6) if expires else None,
    )


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    """One of its own."""
    store = await open_store(tmp_path / "s.db")
    yield store
    await store.aclose()


def test_a_new_key_is_32_random_bytes_behind_our_prefix() -> None:
    """In letters that every header and shell takes."""
    keys = {new_key().reveal() for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch(r"il-[A-Za-z0-9_-]{43}", key) for key in keys)


def test_what_is_kept_does_not_hold_the_key() -> None:
    """SHA-256 and the last four letters."""
    key = new_key()
    row = key_row(key, "bench", VirtualKeySettings(name="bench", key="", tenant="acme", rpm=5), created=7)
    assert key.reveal() not in repr(row)
    assert (row.digest, row.tail, row.tenant, row.rpm) == (digest(key.reveal()), key.reveal()[-4:], "acme", 5)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "a\n", "ä", "x" * 65])
def test_a_name_that_would_not_survive_a_log_or_a_path_is_refused(name: str) -> None:
    """It stands in rows, metrics and addresses."""
    with pytest.raises(InvalidRequest, match="name"):
        key_row(new_key(), name, VirtualKeySettings(name=name, key=""), created=0)
    with pytest.raises(InvalidRequest):
        key_row(new_key(), "ok", VirtualKeySettings(name="ok", key="", tenant=name or " "), created=0)


def test_a_key_leads_to_its_principal() -> None:
    """And its digest does not."""
    keys = VirtualKeys(Hand(), [kept(LONG)])
    found = keys.principal(LONG)
    assert found == Principal(tenant="acme", key="bench", limits=Limits(rpm=60))
    assert not found.admin
    with pytest.raises(AuthenticationFailed):
        keys.principal(digest(LONG))


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    """Half of a surrogate pair included."""
    keys = VirtualKeys(Hand(), [kept(LONG)])
    for other in (text, "\udcff" + text, LONG + "x" + text):
        with pytest.raises(AuthenticationFailed):
            keys.principal(other)


async def test_unknown_expired_and_revoked_keys_get_the_same_answer(store: SqlStore) -> None:
    """So that nobody learns which keys there are."""
    clock = Hand()
    keys = VirtualKeys(clock, [kept(LONG, expires=NOW + 10)], store)
    revoked = new_key().reveal()
    await store.add_key(kept(revoked, "gone"))
    await keys.refresh()
    assert keys.principal(revoked).key == "gone"
    assert keys.principal(LONG).key == "bench"
    await store.revoke_key("gone", 1)
    assert await keys.refresh()
    clock.now += 10
    said = set()
    for key in ("nobody's", "", LONG, revoked):
        with pytest.raises(AuthenticationFailed) as caught:
            keys.principal(key)
        said.add((caught.value.message, caught.value.remedy, caught.value.status))
    assert len(said) == 1


async def test_a_change_by_another_process_is_seen_and_nothing_is_read_without_one(
    store: SqlStore, tmp_path: Path
) -> None:
    """`il keys create` beside a running gateway."""
    keys = VirtualKeys(Hand(), store=store)
    assert not keys
    assert await keys.refresh()
    assert not await keys.refresh()
    elsewhere = await open_store(tmp_path / "s.db")
    await elsewhere.add_key(kept(LONG))
    assert await keys.refresh()
    assert keys.principal(LONG).tenant == "acme"
    assert keys
    fresh = new_key().reveal()
    await elsewhere.rotate_key("bench", digest(fresh), fresh[-4:], 5)
    await elsewhere.aclose()
    await keys.refresh()
    assert keys.principal(fresh).key == "bench"
    with pytest.raises(AuthenticationFailed):
        keys.principal(LONG)


async def test_watching_takes_over_changes_and_outlives_a_store_that_fails(store: SqlStore) -> None:
    """Keys stay as they were meanwhile."""
    keys = VirtualKeys(Hand(), store=store)
    watching = asyncio.create_task(keys.watch(0.01))
    await store.add_key(kept(LONG))
    async with asyncio.timeout(30):
        while not keys:  # noqa: ASYNC110 # what is waited for has no event
            await asyncio.sleep(0.01)

    asked = asyncio.Semaphore(0)

    class Broken(SqlStore):
        async def keys_version(self) -> int:
            asked.release()
            raise LocalFileError("the disk fails")

    keys._store = Broken(store.database.place.path)
    for _ in range(2):
        await asked.acquire()
    assert not watching.done()
    assert keys.principal(LONG).key == "bench"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def test_the_configuration_wins_over_a_stored_key_of_the_same_name(store: SqlStore) -> None:
    """Two keys of one name would share limits and tenant."""
    stored = new_key().reveal()
    await store.add_key(kept(stored))
    keys = VirtualKeys(Hand(), [kept(LONG)], store)
    await keys.refresh()
    assert keys.principal(LONG).key == "bench"
    with pytest.raises(AuthenticationFailed):
        keys.principal(stored)
    assert [(one.row.name, one.source) for one in keys.issued] == [("bench", "configuration")]


def test_keys_of_the_configuration_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """As the contract's example has it."""
    (tmp_path / "key").write_text(f"{LONG}-file\n")
    (tmp_path / "c.toml").write_text(
        f"""
[[virtual_keys]]
name = "bench"
key = "env:BENCH_KEY"
models = ["*"]
rpm = 600000
budget = "5 USD / month"
[[virtual_keys]]
name = "lab"
key = "file:{tmp_path / "key"}"
tenant = "acme"
models = ["fast"]
concurrency = 2
expires = 2027-01-31T00:00:00Z
"""
    )
    settings = load_config(tmp_path / "c.toml", environment={}).virtual_keys
    bench, lab = configured_keys(settings, {"BENCH_KEY": LONG})
    assert (bench.tenant, bench.rpm, bench.budget, bench.digest) == ("bench", 600_000, "5 USD / month", digest(LONG))
    assert (lab.tenant, lab.models, lab.concurrency) == ("acme", ("fast",), 2)
    assert lab.digest == digest(f"{LONG}-file")
    assert lab.expires == int(datetime(2027, 1, 31, tzinfo=UTC).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (LONG, "must not hold the key itself"),
        ("env:NOT_THERE", "NOT_THERE is not set"),
        ("env:SHORT", "not a key of 24"),
        ("env:SPACED", "not a key of 24"),
        ("file:/nowhere/at/all", "cannot read the key"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_without_being_shown(key: str, says: str) -> None:
    """At start, and not when the first client comes."""
    environment = {"SHORT": "too-short", "SPACED": "a key with spaces in it, and long"}
    with pytest.raises((ConfigError, LocalFileError), match=says) as caught:
        configured_keys([VirtualKeySettings(name="k", key=key)], environment)
    assert LONG not in caught.value.message + caught.value.remedy
    assert "too-short" not in caught.value.message


def test_two_keys_of_one_name_or_one_secret_are_refused() -> None:
    """It would be chance which one counts."""
    one, two = VirtualKeySettings(name="a", key="env:A"), VirtualKeySettings(name="b", key="env:A")
    with pytest.raises(ConfigError, match="same key"):
        configured_keys([one, two], {"A": LONG})
    with pytest.raises(ConfigError, match="two keys named"):
        configured_keys([one, VirtualKeySettings(name="a", key="env:B")], {"A": LONG, "B": LONG + "b"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("12h", 43200), ("2d", 172800), ("1w", 604800), ("2026-12-31", None), ("2027-01-01T00:00Z", None)],
)
def test_a_time_may_be_a_span_or_a_date(text: str, seconds: int | None) -> None:
    """Dates without a zone are UTC."""
    found = expiry(text, NOW)
    assert found.tzinfo is not None
    if seconds is not None:
        assert found.timestamp() == NOW + seconds
    else:
        assert found.strftime("%Y-%m-%d") == text[:10]


@pytest.mark.parametrize("text", ["", "soon", "0d", "2020-01-01", "-5d", "1y"])
def test_a_time_that_is_none_or_has_passed_is_refused(text: str) -> None:
    """A key that is dead at birth is a mistake."""
    with pytest.raises(InvalidRequest):
        expiry(text, NOW)
