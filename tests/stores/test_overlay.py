"""Settings that were edited, on both kinds of database."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import UNSET

from interlingua.errors import Conflict, InvalidRequest
from interlingua.ports.store import Overlay, OverlayChange
from interlingua.stores.overlay import SqlOverlay
from interlingua.stores.sql import SqlStore


async def test_settings_are_set_and_taken_out_and_every_version_stays(store: SqlStore) -> None:
    """One change is one version, whatever it holds."""
    overlay = SqlOverlay(store.database, now=lambda: 7)
    assert await overlay.read() == Overlay(0, {})
    assert await overlay.version() == 0
    first = await overlay.change({"models.fast": {"targets": ["a/b"]}, "display.usage": False}, "ada")
    assert first == Overlay(1, {"models.fast": {"targets": ["a/b"]}, "display.usage": False})
    second = await overlay.change({"models.fast": UNSET, "x": None}, "bob", version=1)
    assert second == await overlay.read() == Overlay(2, {"display.usage": False, "x": None})
    assert await overlay.change({}, "ada") == second
    assert await overlay.version() == 2
    assert await overlay.history(name="models.fast") == (
        OverlayChange(version=2, name="models.fast", who="bob", when=7),
        OverlayChange(version=1, name="models.fast", value={"targets": ["a/b"]}, who="ada", when=7),
    )
    assert [(one.version, one.name) for one in await overlay.history(limit=3)] == [
        (2, "models.fast"),
        (2, "x"),
        (1, "display.usage"),
    ]


async def test_a_change_of_what_is_no_longer_so_is_refused(store: SqlStore) -> None:
    """Two windows of settings; nothing of the refused change is left."""
    await store.overlay.change({"a": 1}, "ada")
    with pytest.raises(Conflict, match="version 1, not 0"):
        await store.overlay.change({"a": 2, "b": 2}, "bob", version=0)
    assert await store.overlay.read() == Overlay(1, {"a": 1})


async def test_of_changes_at_once_from_one_version_one_is_taken(store: SqlStore) -> None:
    """Whichever it is."""
    changes = [store.overlay.change({"a": number}, "x", version=0) for number in range(8)]
    done = await asyncio.gather(*changes, return_exceptions=True)
    (taken,) = [one for one in done if isinstance(one, Overlay)]
    assert sum(isinstance(one, Conflict) for one in done) == 7
    assert await store.overlay.read() == taken


async def test_tenants_do_not_see_each_others_settings(store: SqlStore) -> None:
    """Nor the gateway's own."""
    await store.overlay.change({"a": 1}, "x")
    await store.overlay.change({"a": 2}, "x", tenant="t")
    assert (await store.overlay.read()).values == {"a": 1}
    assert (await store.overlay.read("t")).values == {"a": 2}
    assert await store.overlay.read("u") == Overlay(0, {})
    assert [one.value for one in await store.overlay.history("t")] == [2]


async def test_names_that_cannot_be_kept_are_refused(store: SqlStore) -> None:
    """By name."""
    for changes, who in (({"a\0": 1}, "x"), ({"a" * 301: 1}, "x"), ({"a": 1}, "\udcff")):
        with pytest.raises(InvalidRequest):
            await store.overlay.change(changes, who)
