"""The stores' tests run on both kinds of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.stores.place import Place
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.sql import SqlStore
from tests.services import Redis, prepared_file
from tests.stores.spot import Spot


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Spot:
    """Where nothing is yet."""
    if request.param == "sqlite":
        return Spot(Place(tmp_path / "s.db"))
    server = request.getfixturevalue("postgres")
    name = server.empty()
    return Spot(Place(url=server.url(name)), server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where a store may be: each test has one of its own."""
    if request.param == "sqlite":
        prepared_file(tmp_path / "s.db")
        return Place(tmp_path / "s.db")
    server = request.getfixturevalue("postgres")
    return Place(url=server.url(server.prepared()))


@pytest.fixture
async def shared(redis: Redis) -> AsyncIterator[Shared]:
    """A connection to an empty Redis."""
    redis.run("FLUSHALL")
    made = Shared(SharedSettings(url=redis.url, timeout=60), {})
    yield made
    await made.aclose()


@pytest.fixture
async def store(place: Place) -> AsyncIterator[SqlStore]:
    """An open store."""
    store = SqlStore(place)
    await store.open()
    yield store
    await store.aclose()
