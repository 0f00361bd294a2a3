"""What is written down about calls and keys, and what a store promises about it.

Times are integers in microseconds since 1970, money an integer count of pico-dollars; None is unknown, never 0.
`tenant=None` in a question means all tenants: it is for the administrator only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from interlingua.types.loss import Loss
from interlingua.types.usage import Usage


class AttemptRow(Struct, frozen=True, gc=False, omit_defaults=True):
    """One try at a target. Build it by position: that takes a twentieth of the time that keywords take.

    Args:
        target: `provider/model`.
        dialect: what was spoken there.
        lane: `verbatim` or `translated`.
        started, duration: microseconds.
        first: microseconds until the first content, or None where none came.
        status: the HTTP status of the provider, or None where no answer came.
        error: the code of the error that ended it, or None.
        finish: why the answer ended, our word.
        usage: what it consumed; `raw` is not kept.
        cost: pico-dollars.
        price_source, price_since: which price row the cost was reckoned with, so that it can be reckoned again; source
            `reported` is the provider's own figure.
        service_tier: as the provider reports it.
    """

    target: str
    dialect: str
    lane: str
    started: int
    duration: int
    first: int | None = None
    status: int | None = None
    error: str | None = None
    finish: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    price_source: str | None = None
    price_since: str | None = None
    service_tier: str | None = None


class LedgerRow(Struct, frozen=True, gc=False, omit_defaults=True):
    """One call: answered, failed, refused, cancelled or broken off alike. Build it by position.

    Args:
        request_id: ours, never a client's: a second row of the same id is taken for a repetition and not written.
        tenant: whose call it is.
        key: the virtual key's name; empty without one.
        conversation: which conversation it belongs to; empty where unknown.
        started, duration: microseconds.
        dialect: the client's.
        operation: `chat`, `embeddings`, …
        stream: whether the client asked for a stream.
        model: as the client named it.
        status: the HTTP status that the client got.
        error: the code of the error that ended the call, or None.
        losses: what could not be carried.
        attempts: every try, the last one last; empty where a call was refused before any.
    """

    request_id: str
    tenant: str
    key: str
    conversation: str
    started: int
    duration: int
    dialect: str
    operation: str
    stream: bool
    model: str
    status: int
    error: str | None = None
    losses: tuple[Loss, ...] = ()
    attempts: tuple[AttemptRow, ...] = ()

    @property
    def cost(self) -> int | None:
        """Pico-dollars of all attempts, or None where one that was answered with a 2xx has an unknown cost.

        An attempt that a provider refused, or that never reached it, adds what is known of it: nothing, as a rule.
        """
        total = 0
        for attempt in self.attempts:
            if attempt.cost is not None:
                total += attempt.cost
            elif attempt.status is not None and 200 <= attempt.status < 300:
                return None
        return total


class LedgerPage(Struct, frozen=True):
    """Some rows, newest first, and the cursor of those that follow; None where there are no more."""

    rows: tuple[LedgerRow, ...]
    next: str | None = None


class LedgerStore(Protocol):
    """Keeps the ledger."""

    async def write(self, rows: Sequence[LedgerRow]) -> None:
        """Commits all rows or none; rows that are there already are left as they are.

        Raises:
            InvalidRequest: one of the rows can never be written.
            LocalFileError: the disk or the file fails; the same rows may be tried again.
        """
        ...

    async def read(self, tenant: str | None, request_id: str) -> LedgerRow | None:
        """One call, or None: no such id, or another tenant's. Raises LocalFileError."""
        ...

    async def page(self, tenant: str | None, *, after: str | None = None, limit: int = 50) -> LedgerPage:
        """Calls in the order of their being written, newest first.

        Args:
            tenant: whose.
            after: the cursor of the page before.
            limit: most rows, 1 to 1,000.

        Raises:
            InvalidRequest: the cursor or limit is not one.
            LocalFileError: the file cannot be read.
        """
        ...


class KeyRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual key as it is kept: everything but the key.

    Args:
        name: unique among keys that are not revoked.
        digest: SHA-256 of the key, hexadecimal.
        tail: the key's last four characters, to tell keys apart.
        tenant: whose calls its calls are.
        models: patterns of the models that it may use.
        rpm, tpm: requests and tokens per minute; None is no limit.
        concurrency: calls at once.
        budget: such as `5 USD / month`.
        expires, created, revoked: microseconds since 1970.
    """

    name: str
    digest: str
    tail: str
    tenant: str
    models: tuple[str, ...] = ("*",)
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    budget: str | None = None
    expires: int | None = None
    created: int = 0
    revoked: int | None = None


class KeyStore(Protocol):
    """Keeps virtual keys."""

    async def keys(self, *, revoked: bool = False) -> tuple[KeyRow, ...]:
        """All keys by name, those that were revoked only if asked for. Raises LocalFileError."""
        ...

    async def keys_version(self) -> int:
        """A number that is another one after every change of any key, by whatever process. Raises LocalFileError."""
        ...

    async def add_key(self, row: KeyRow) -> None:
        """Writes a new key. Raises Conflict where the name or the key is in use, LocalFileError."""
        ...

    async def revoke_key(self, name: str, when: int) -> KeyRow:
        """Ends a key; what it was. Raises NotFound, LocalFileError."""
        ...

    async def rotate_key(self, name: str, digest: str, tail: str, when: int) -> KeyRow:
        """Revokes a key and writes its successor of the same name and limits; the successor.

        Raises:
            NotFound: there is no such key.
            LocalFileError: the disk or the file fails; the old key stays good.
        """
        ...
