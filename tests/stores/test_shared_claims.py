"""Of several processes one asks; a claim ends with its process, and never sooner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlingua.stores import shared_claims
from interlingua.stores.settings import SharedSettings
from interlingua.stores.shared import Shared
from interlingua.stores.shared_claims import SharedClaims


@pytest.fixture
async def other(shared: Shared) -> AsyncIterator[SharedClaims]:
    """Another process's."""
    made = Shared(shared.settings, {})
    yield SharedClaims(made)
    await made.aclose()


def key(shared: Shared, name: str) -> str:
    return shared.key("claim", name)


async def test_a_name_is_one_processs_until_it_gives_it_up(shared: Shared, other: SharedClaims) -> None:
    ours = SharedClaims(shared)
    assert await ours.take("a") == "ours"
    assert [await other.take("a") for _ in range(2)] == ["theirs", "theirs"]
    assert await other.take("b") == "ours"
    ours.give_up("a", alone=False)
    ours.give_up("a", alone=True)  # it is no longer ours
    await shared.flush()
    assert await other.take("a") == "ours"


async def test_of_many_at_once_one_has_it(shared: Shared, other: SharedClaims) -> None:
    ours = SharedClaims(shared)
    found = await asyncio.gather(*(claims.take("a") for claims in (ours, other)))
    assert sorted(found) == ["ours", "theirs"]


async def test_a_name_that_is_given_up_alone_is_nobodys_for_a_moment(
    shared: Shared, other: SharedClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who waited ask at once; after that the name can be had again."""
    monkeypatch.setattr(shared_claims, "ALONE_SECONDS", 100.0)
    ours = SharedClaims(shared)
    assert await ours.take("a") == "ours"
    ours.give_up("a", alone=True)
    await shared.flush()
    assert await other.take("a") == "nobodys"
    assert await ours.take("a") == "nobodys"
    assert 90_000 < await shared.redis.pttl(key(shared, "a")) <= 100_000
    await shared.redis.pexpire(key(shared, "a"), 0)
    assert await other.take("a") == "ours"


async def test_a_claim_ends_with_its_process_and_lives_as_long_as_that(
    shared: Shared, other: SharedClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who renews it has it for as long again, and who does not loses it to somebody else."""
    monkeypatch.setattr(shared_claims, "SECONDS", 100.0)
    ours, dead = SharedClaims(shared), SharedClaims(shared)
    assert await dead.take("dead") == "ours"
    assert await ours.take("alive") == "ours"
    for name in ("dead", "alive"):
        assert 90_000 < await shared.redis.pttl(key(shared, name)) <= 100_000
        await shared.redis.pexpire(key(shared, name), 50_000)
    ours.renew()
    await shared.flush()
    assert await shared.redis.pttl(key(shared, "alive")) > 90_000
    assert await shared.redis.pttl(key(shared, "dead")) <= 50_000
    await shared.redis.pexpire(key(shared, "dead"), 0)
    assert [await other.take(name) for name in ("dead", "alive")] == ["ours", "theirs"]


async def test_a_claim_that_was_taken_over_is_not_ended_by_who_had_it(shared: Shared, other: SharedClaims) -> None:
    """It was too late to give it up, or to renew it."""
    late = SharedClaims(shared)
    assert await late.take("a") == "ours"
    await shared.redis.pexpire(key(shared, "a"), 0)
    assert await other.take("a") == "ours"
    late.renew()
    late.give_up("a", alone=True)
    await shared.flush()
    assert await SharedClaims(shared).take("a") == "theirs"


async def test_without_the_server_every_name_is_nobodys(tmp_path: Path) -> None:
    """So each asks for itself, and nobody waits."""
    away = Shared(SharedSettings(url=f"unix://{tmp_path}/none.sock"), {})
    claims = SharedClaims(away)
    assert [await claims.take("a") for _ in range(2)] == ["nobodys", "nobodys"]
    claims.give_up("a", alone=True)
    await away.aclose()
