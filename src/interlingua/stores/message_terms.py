"""Which messages hold which terms: SQLite's FTS5 or PostgreSQL's text search, used as plain indexes of given terms.

The tenant is a term of each message, so that a common word of one tenant costs nobody else anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ARRAY, Text, cast, column, delete, func, insert, literal, literal_column, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from interlingua.stores.terms import tenant_term


class MessageTerms(Protocol):
    """An index."""

    def hits(self, tenant: str, looked_for: Sequence[str]) -> Any:
        """A query for the numbers of a tenant's messages in which all those terms begin terms."""
        ...

    async def add(self, connection: AsyncConnection, tenant: str, number: int, found: Sequence[str]) -> None:
        """Notes a message's terms."""
        ...

    async def forget(self, connection: AsyncConnection, numbers: Any) -> None:
        """Forgets the messages whose numbers a query gives."""
        ...


class TermsInFile:
    """The index in SQLite."""

    _table = table("message_terms", column("rowid"), column("terms"))

    def hits(self, tenant: str, looked_for: Sequence[str]) -> Any:
        """A query for the numbers of a tenant's messages in which all those terms begin terms."""
        words = [*(f'"{term}" *' for term in looked_for), f'"{tenant_term(tenant)}"']
        whole: Any = literal_column("message_terms")
        return select(self._table.c.rowid).where(whole.op("MATCH")(" AND ".join(words)))

    async def add(self, connection: AsyncConnection, tenant: str, number: int, found: Sequence[str]) -> None:
        """Notes a message's terms."""
        terms = " ".join((*found, tenant_term(tenant)))
        await connection.execute(insert(self._table).values(rowid=number, terms=terms))

    async def forget(self, connection: AsyncConnection, numbers: Any) -> None:
        """Forgets the messages whose numbers a query gives."""
        await connection.execute(delete(self._table).where(self._table.c.rowid.in_(numbers)))


class TermsOnServer:
    """The index in PostgreSQL. Terms are given as they are: its parsers would cut them otherwise than SQLite's."""

    _table = table("message_terms", column("message"), column("terms"))

    def hits(self, tenant: str, looked_for: Sequence[str]) -> Any:
        """A query for the numbers of a tenant's messages in which all those terms begin terms."""
        from sqlalchemy.dialects.postgresql import TSQUERY  # a file does not need it

        words = [*(f"'{term}':*" for term in looked_for), f"'{tenant_term(tenant)}'"]
        asked = cast(literal(" & ".join(words), Text), TSQUERY)
        return select(self._table.c.message).where(self._table.c.terms.op("@@")(asked))

    async def add(self, connection: AsyncConnection, tenant: str, number: int, found: Sequence[str]) -> None:
        """Notes a message's terms."""
        terms = func.array_to_tsvector(cast(literal([*found, tenant_term(tenant)], ARRAY(Text)), ARRAY(Text)))
        await connection.execute(insert(self._table).values(message=number, terms=terms))

    async def forget(self, connection: AsyncConnection, numbers: Any) -> None:
        """Forgets the messages whose numbers a query gives."""
        await connection.execute(delete(self._table).where(self._table.c.message.in_(numbers)))
