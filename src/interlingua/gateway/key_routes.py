"""Virtual keys as the administrator sees, makes, rotates and ends them. A key is in the answer that made it, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from interlingua.config.schema import VirtualKeySettings
from interlingua.engine.principal import Amount
from interlingua.errors import Conflict, InvalidRequest
from interlingua.gateway.asked import Asked, json_answer, nothing, time_of
from interlingua.gateway.virtual_keys import digest, key_row, new_key
from interlingua.ports.dialect import WireResponse
from interlingua.ports.store import KeyRow
from interlingua.types.secret import Secret

Source = Literal["configuration", "store"]


class New(Struct, forbid_unknown_fields=True):
    """A key to make; what is None is unlimited."""

    name: str
    tenant: str | None = None
    models: tuple[str, ...] = ("*",)
    rpm: Amount | None = None
    tpm: Amount | None = None
    concurrency: Amount | None = None
    budget: str | None = None
    expires: datetime | None = None


async def listed(asked: Asked) -> WireResponse:
    """The keys in force."""
    items = [_shown(issued.row, issued.source) for issued in asked.state.keys.issued]
    return json_answer({"items": items, "next": None})


async def created(asked: Asked) -> WireResponse:
    """Makes a key."""
    given = await asked.body(New)
    _not_configured(asked, given.name)
    now = asked.state.engine.clock.time()
    if given.expires is not None and (given.expires.tzinfo is None or given.expires.timestamp() <= now):
        raise InvalidRequest("expires must be a time to come, with its zone", path="expires")
    settings = VirtualKeySettings(key="", **msgspec.structs.asdict(given))
    key = new_key()
    row = key_row(key, given.name, settings, created=int(now * 1e6))
    await asked.state.key_store.add_key(row)
    await asked.state.keys.refresh()
    return json_answer(_with_key(row, key), status=201)


async def rotated(asked: Asked) -> WireResponse:
    """Replaces a key by a new one of the same name and limits."""
    name = asked.values[0]
    _not_configured(asked, name)
    key = new_key()
    now = int(asked.state.engine.clock.time() * 1e6)
    row = await asked.state.key_store.rotate_key(name, digest(key.reveal()), key.tail[-4:], now)
    await asked.state.keys.refresh()
    return json_answer(_with_key(row, key), status=201)


async def revoked(asked: Asked) -> WireResponse:
    """Ends a key."""
    name = asked.values[0]
    _not_configured(asked, name)
    await asked.state.key_store.revoke_key(name, int(asked.state.engine.clock.time() * 1e6))
    await asked.state.keys.refresh()
    return nothing()


def _not_configured(asked: Asked, name: str) -> None:
    if any(one.name == name for one in asked.state.config.virtual_keys):
        raise Conflict(f"{name} is a key of the configuration file", remedy="Change it there.")


def _with_key(row: KeyRow, key: Secret) -> dict[str, Any]:
    return {**_shown(row, "store"), "key": key.reveal()}


def _shown(row: KeyRow, source: Source) -> dict[str, Any]:
    return {
        "name": row.name,
        "tail": row.tail,
        "tenant": row.tenant,
        "models": row.models,
        "rpm": row.rpm,
        "tpm": row.tpm,
        "concurrency": row.concurrency,
        "budget": row.budget,
        "expires": time_of(row.expires),
        "created": time_of(row.created) if row.created else None,
        "revoked": time_of(row.revoked),
        "source": "file" if source == "configuration" else "store",
    }
