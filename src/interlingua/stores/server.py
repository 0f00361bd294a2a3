"""The way to a PostgreSQL server: its driver reads the address itself, so that all of libpq's options work."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Pool
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from interlingua.errors import ConfigError
from interlingua.stores.place import Place

CONNECT = 10.0
"""Seconds to reach the server."""


def server_engine(place: Place, pool: type[Pool] | None = None, *, seconds: float | None, **more: Any) -> AsyncEngine:
    """Connections to a server, made when they are needed.

    Args:
        place: where it is.
        pool: how connections are kept.
        seconds: most time for one statement; None is any.
        more: SQLAlchemy's own.

    Raises:
        ConfigError: the driver is not installed.
    """
    try:
        import asyncpg
    except ImportError as error:
        raise ConfigError(
            "store.url needs a package that is not installed: asyncpg", remedy="pip install 'interlingua[shared]'"
        ) from error
    assert place.url is not None
    url, password = place.url, place.password

    async def connect() -> Any:
        given = {} if password is None else {"password": password.reveal()}
        try:
            return await asyncpg.connect(
                url.reveal(),
                **given,
                timeout=CONNECT,
                command_timeout=seconds,
                server_settings={"application_name": "interlingua"},
            )
        except asyncpg.ClientConfigurationError as error:
            raise ConfigError(f"store.url: {place} is not an address that PostgreSQL knows") from error

    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=pool, hide_parameters=True, **more
    )
