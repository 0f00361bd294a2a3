"""A database as a test sees it from outside, whichever kind it is."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass

from interlingua.stores.migrate import prepare, prepare_server
from interlingua.stores.place import Place
from tests.services import Postgres


@dataclass
class Spot:
    """One database.

    Args:
        place: where it is.
        server, name: for PostgreSQL.
    """

    place: Place
    server: Postgres | None = None
    name: str = ""

    @property
    def address(self) -> str:
        """What a program is told of it."""
        return self.server.url(self.name) if self.server is not None else str(self.place.path)

    def prepare(self) -> None:
        """Brings it to the present schema."""
        if self.place.is_file:
            prepare(self.place.path)
        else:
            asyncio.run(prepare_server(self.place))

    def run(self, sql: str) -> list[str]:
        """The first column of what a statement gives."""
        if self.server is not None:
            return [line for line in self.server.run(sql, self.name).splitlines() if line]
        with sqlite3.connect(self.place.path) as connection:
            found = [str(row[0]) for row in connection.execute(sql)]
        connection.close()
        return found

    def tables(self) -> set[str]:
        """Its tables."""
        if self.server is not None:
            return set(self.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        return set(self.run("SELECT name FROM sqlite_master WHERE type = 'table'"))

    def version(self) -> list[str]:
        """The schema that it says it has."""
        return self.run("SELECT version_num FROM alembic_version")
