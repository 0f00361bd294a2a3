"""What can be set about state: where it is kept, for how long, and what workers and machines share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class KeepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long what is kept; None is for ever. Such as `90 days`, `12 weeks` or `36 hours`.

    Args:
        calls: rows of the ledger; older ones are added up by the hour, so that no total changes.
        conversations: since their last message; pinned ones stay.
        responses: answers that can be continued by their id, with `responses.store = "sql"`.
        contents: what was asked and answered, of calls whose content is kept (`ledger.content`); never longer than
            the rows of these calls.
    """

    calls: str | None = None
    conversations: str | None = None
    responses: str = "30 days"
    contents: str = "7 days"


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where state is kept that outlives the process: in an SQLite file, or in PostgreSQL.

    Args:
        path: an SQLite file; None is `interlingua.db` in the platform's folder for state.
        url: `postgresql://user@host/database` instead, or `env:NAME` of a variable that holds such an address.
        password: `env:NAME` or `file:/path`; without it, what libpq reads: PGPASSWORD, then `~/.pgpass`.
        keep: for how long what is kept.
    """

    path: str | None = None
    url: str | None = None
    password: str | None = None
    keep: KeepSettings = KeepSettings()


class ResponseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers that clients continue by their id.

    Args:
        store: `memory` keeps them for an hour, `sql` in the store for as long as `store.keep.responses` says.
    """

    store: Literal["memory", "sql"] = "memory"


class SharedSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What workers and machines count and remember together, in Redis or Valkey.

    Args:
        url: `redis://host:6379/0`, `rediss://…`, `unix:///path`, or `env:NAME` of a variable that holds one; None is
            that each process counts for itself.
        password: `env:NAME` or `file:/path`.
        prefix: how all keys begin, so that several gateways can use one server.
        on_loss: while the server is away, `open` lets each process count for itself, `closed` refuses calls that
            have a limit.
        timeout: seconds to wait for it.
        lease: seconds after which the calls of a worker that died no longer count as running.
        most_bytes: how much one tenant's memory may take there.
    """

    url: str | None = None
    password: str | None = None
    prefix: str = "il"
    on_loss: Literal["open", "closed"] = "open"
    timeout: Annotated[float, Meta(gt=0)] = 1.0
    lease: Annotated[float, Meta(ge=3)] = 30.0
    most_bytes: Annotated[int, Meta(ge=1024)] = 64 * 1024 * 1024
