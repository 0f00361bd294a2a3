"""Settings that were edited in the UI, in SQL: each change is a row that stays, so every version can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import and_, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.errors import Conflict
from interlingua.ports.store import Overlay, OverlayChange
from interlingua.stores.database import Database, storable
from interlingua.stores.pages import checked_limit
from interlingua.stores.schema import settings_overlay
from interlingua.types.opaque import Json

LONGEST_NAME = 300
_c = settings_overlay.c


class SqlOverlay:
    """Keeps settings.

    Args:
        database: where.
        now: microseconds since 1970.
    """

    def __init__(self, database: Database, now: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._database = database
        self._now = now

    async def read(self, tenant: str = "") -> Overlay:
        """What is in force."""
        async with self._database.reading() as connection:
            return await _read(connection, tenant)

    async def version(self, tenant: str = "") -> int:
        """The present version."""
        async with self._database.reading() as connection:
            return await _version(connection, tenant)

    async def change(
        self, changes: Mapping[str, Json | UnsetType], who: str, *, tenant: str = "", version: int | None = None
    ) -> Overlay:
        """Sets settings, and takes out those whose value is UNSET, all or none; what is in force then."""
        now = self._now()
        storable("who", who, LONGEST_NAME)
        values: list[dict[str, Any]] = [
            {
                "tenant": tenant,
                "name": storable("name", name, LONGEST_NAME),
                "value": None if value is UNSET else msgspec.json.encode(value).decode(),
                "who": who,
                "changed": now,
            }
            for name, value in changes.items()
        ]

        async def work(connection: AsyncConnection) -> Overlay:
            await self._database.lock(connection, f"overlay {tenant}")
            present = await _version(connection, tenant)
            if version is not None and version != present:
                raise Conflict(
                    f"the settings were changed meanwhile: they are at version {present}, not {version}",
                    remedy="Look at what they are now, and change that.",
                )
            if values:
                await connection.execute(insert(settings_overlay), [{**row, "version": present + 1} for row in values])
            return await _read(connection, tenant)

        return await self._database.written(work)

    async def history(self, tenant: str = "", *, name: str | None = None, limit: int = 50) -> tuple[OverlayChange, ...]:
        """Changes, newest first."""
        query = select(settings_overlay).where(_c.tenant == tenant).order_by(_c.version.desc(), _c.name)
        if name is not None:
            query = query.where(_c.name == name)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query.limit(checked_limit(limit)))).all()
        return tuple(
            OverlayChange(version=row.version, name=row.name, value=_value(row.value), who=row.who, when=row.changed)
            for row in rows
        )


async def _version(connection: AsyncConnection, tenant: str) -> int:
    query = select(func.coalesce(func.max(_c.version), 0)).where(_c.tenant == tenant)
    return int((await connection.execute(query)).scalar_one())


async def _read(connection: AsyncConnection, tenant: str) -> Overlay:
    last = (
        select(_c.name, func.max(_c.version).label("version")).where(_c.tenant == tenant).group_by(_c.name).subquery()
    )
    query = (
        select(_c.name, _c.version, _c.value)
        .join(last, and_(_c.tenant == tenant, _c.name == last.c.name, _c.version == last.c.version))
        .order_by(_c.name)
    )
    rows = (await connection.execute(query)).all()
    values = {name: msgspec.json.decode(value) for name, _, value in rows if value is not None}
    return Overlay(max((version for _, version, _ in rows), default=0), values)


def _value(text: str | None) -> Json | UnsetType:
    if text is None:
        return UNSET
    value: Json = msgspec.json.decode(text)
    return value
