"""Where a store is, and what of it may be seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interlingua.errors import ConfigError, LocalFileError
from interlingua.stores.opening import open_store
from interlingua.stores.place import Place, default_path, find_place
from interlingua.stores.settings import StoreSettings
from interlingua.types.secret import Secret
from tests.services import Postgres


def test_a_file_is_where_it_is_said_or_in_the_folder_for_state() -> None:
    """As before there were servers."""
    assert find_place(StoreSettings()).path == default_path()
    assert find_place(StoreSettings(path="~/x.db")).path == Path("~/x.db").expanduser()


def test_an_address_shows_neither_password_nor_options(tmp_path: Path) -> None:
    """In whatever form it is printed."""
    environment = {
        "URL": "postgresql://me:hunter22@db.example:5433/il?sslmode=require&password=hunter22",
        "PW": "hunter22",
    }
    for settings in (
        StoreSettings(url="env:URL"),
        StoreSettings(url="postgresql://me@db.example:5433/il", password="env:PW"),  # noqa: S106
    ):
        place = find_place(settings, environment)
        assert str(place) == "postgresql://me@db.example:5433/il"
        assert "hunter22" not in f"{place!r} {place} {vars(place)}"
    (tmp_path / "pw").write_text("hunter22\n")
    place = find_place(StoreSettings(url="postgres://db/il", password=f"file:{tmp_path / 'pw'}"), {})
    assert place.password == Secret("hunter22")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"path": "x.db", "url": "postgresql://h/d"}, "both set"),
        ({"url": "postgresql://me:hunter22@h/d"}, "a password may not stand"),
        ({"url": "postgresql://me@h/d", "password": "hunter22"}, "a secret may not stand"),
        ({"url": "mysql://h/d"}, "only PostgreSQL"),
        ({"url": "env:NOT_SET"}, "NOT_SET is not set"),
        ({"password": "env:PW"}, "no store.url"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_repeating_a_secret(settings: dict[str, Any], says: str) -> None:
    """And with a remedy."""
    with pytest.raises(ConfigError, match=says) as caught:
        find_place(StoreSettings(**settings), {"PW": "x"})
    assert "hunter22" not in f"{caught.value} {caught.value.remedy}"


def test_a_password_file_that_is_not_there_is_named() -> None:
    """By its path."""
    with pytest.raises(LocalFileError, match="/nowhere/pw"):
        find_place(StoreSettings(url="postgresql://h/d", password="file:/nowhere/pw"), {})  # noqa: S106


async def test_passwords_come_from_the_configuration_or_from_pgpass_and_never_show(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server asks for one where it is reached over the network."""
    name = postgres.prepared()
    postgres.run(f"CREATE ROLE {name} LOGIN PASSWORD 'hunter22' SUPERUSER")
    url = f"postgresql://{name}@127.0.0.1:{postgres.port}/{name}"
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    for settings in (StoreSettings(url=url), StoreSettings(url=url, password="env:PW")):  # noqa: S106
        with pytest.raises(LocalFileError, match="refuses this user") as caught:
            await open_store(settings, {"PW": "wrong-hunter22"})
        assert caught.value.path == url
        assert "hunter22" not in f"{caught.value} {caught.value.remedy}"
    for settings in (StoreSettings(url=url, password="env:PW"), StoreSettings(url="env:WHOLE")):  # noqa: S106
        store = await open_store(settings, {"PW": "hunter22", "WHOLE": url.replace("@", ":hunter22@")})
        assert await store.keys() == ()
        await store.aclose()
    (tmp_path / "pgpass").write_text(f"127.0.0.1:{postgres.port}:{name}:{name}:hunter22\n")
    (tmp_path / "pgpass").chmod(0o600)
    store = await open_store(StoreSettings(url=url), {})
    await store.aclose()


async def test_a_server_that_cannot_be_used_says_why(postgres: Postgres, tmp_path: Path) -> None:
    """Not there, no such database, no address."""
    for url, says, retryable in (
        (f"postgresql://il@/x?host={tmp_path}", "cannot be reached", True),
        ("postgresql://il@127.0.0.1:1/x", "cannot be reached", True),
        (postgres.url("missing"), "no such database", False),
    ):
        with pytest.raises(LocalFileError, match=says) as caught:
            await open_store(StoreSettings(url=url), {})
        assert (caught.value.exit_code, caught.value.retryable) == (74, retryable)
    with pytest.raises(ConfigError, match="not an address"):
        await open_store(StoreSettings(url=postgres.url() + "&sslmode=maybe"), {})


def test_an_address_is_nothing_but_postgresql() -> None:
    """SQLite's is a path."""
    with pytest.raises(ConfigError):
        Place(url="sqlite:///x")
