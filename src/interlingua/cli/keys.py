"""`il keys`: the keys that clients of the gateway send."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.config.schema import VirtualKeySettings
from interlingua.errors import Conflict
from interlingua.gateway.virtual_keys import digest, expiry, key_row, new_key
from interlingua.ports.store import KeyRow, KeyStore
from interlingua.stores.opening import open_store

if TYPE_CHECKING:
    from interlingua.types.secret import Secret

T = TypeVar("T")

_COLUMNS = (
    Column("name"),
    Column("key", keep=8),
    Column("tenant", keep=5),
    Column("models", keep=6),
    Column("rpm", right=True, keep=4),
    Column("tpm", right=True, keep=3),
    Column("at once", right=True, keep=2),
    Column("budget", keep=1),
    Column("until", keep=7),
    Column("state", keep=9),
)
_FROM_CONFIGURATION = "in the configuration"


@click.group("keys", short_help="Make, list and end the keys of gateway clients.")
def command() -> None:
    """Make, list and end the keys that clients of the gateway send.

    \b
    il keys create laptop --rpm 60 --expires 30d
    il keys revoke laptop
    """


@command.command("create", short_help="Make a key and print it, once.")
@click.argument("name")
@click.option("--tenant", metavar="NAME", help="Whose calls its calls are; the key's name by default.")
@click.option("--model", "models", metavar="PATTERN", multiple=True, help="A model that it may use, such as 'groq/*'.")
@click.option("--rpm", metavar="N", type=click.IntRange(1), help="Requests per minute.")
@click.option("--tpm", metavar="N", type=click.IntRange(1), help="Tokens per minute.")
@click.option("--concurrency", metavar="N", type=click.IntRange(1), help="Calls at once.")
@click.option("--budget", metavar="TEXT", help="How much it may spend, such as '5 USD / month'.")
@click.option("--expires", metavar="WHEN", help="When it ends: 12h, 30d, 2027-01-31.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def create(
    context: click.Context, /, name: str, models: tuple[str, ...], expires: str | None, as_json: bool, **limits: Any
) -> None:
    """Make a key and print it. It is kept as a digest only, so it cannot be shown again.

    \b
    export LAPTOP_KEY=$(il keys create laptop)
    """
    current = session(context)
    now = time.time()
    if any(one.name == name for one in current.config.virtual_keys):
        raise Conflict(f"the configuration has a key named {name!r}", remedy="Choose another name.")
    settings = VirtualKeySettings(
        name=name, key="", models=models or ("*",), expires=expiry(expires, now) if expires else None, **limits
    )
    key = new_key()
    row = key_row(key, name, settings, created=int(now * 1e6))
    _run(current, lambda store: store.add_key(row))
    _show(current, key, row, "is ready", as_json=as_json)


@command.command("list", short_help="List keys.")
@click.option("--all", "revoked", is_flag=True, help="Those that were revoked too.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def list_keys(context: click.Context, revoked: bool, as_json: bool) -> None:
    """List keys: whose they are, what they may do, and until when. No key is shown."""
    current = session(context)
    stored = _run(current, lambda store: store.keys(revoked=revoked))
    configured = current.config.virtual_keys
    taken = {one.name for one in configured}
    if as_json:
        rows = [*map(_configured_json, configured), *(_json(row, taken) for row in stored)]
        current.out.line(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not configured and not stored:
        current.err.line("no keys; il keys create NAME makes one")
        return
    body = [*map(_configured_cells, configured), *(_cells(row, taken) for row in stored)]
    for line in table(current.out, _COLUMNS, body):
        current.out.line(line)


@command.command("revoke", short_help="End a key.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def revoke(context: click.Context, name: str, yes: bool) -> None:
    """End a key. Running gateways refuse it within seconds; its calls stay in the ledger."""
    current = session(context)
    _check_ours(current, name)
    _ask(current, f"Revoke {name}? Who uses it is refused from now on.", yes=yes)
    row = _run(current, lambda store: store.revoke_key(name, _now()))
    current.err.line(f"{row.name} (il-…{row.tail}) is revoked")


@command.command("rotate", short_help="Replace a key by a new one of the same name and limits.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def rotate(context: click.Context, name: str, yes: bool, as_json: bool) -> None:
    """Replace a key by a new one of the same name, tenant and limits, and print it. The old one ends at once."""
    current = session(context)
    _check_ours(current, name)
    _ask(current, f"Rotate {name}? Who uses the present key is refused from now on.", yes=yes)
    key = new_key()
    tail = key.tail[-4:]
    row = _run(current, lambda store: store.rotate_key(name, digest(key.reveal()), tail, _now()))
    _show(current, key, row, "has a new key", as_json=as_json)


def _run(current: Session, act: Callable[[KeyStore], Awaitable[T]]) -> T:
    """Does something with the store. Raises ConfigError, LocalFileError, and what the act raises."""

    async def run() -> T:
        store = await open_store(current.config.store)
        try:
            return await act(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


def _check_ours(current: Session, name: str) -> None:
    if any(one.name == name for one in current.config.virtual_keys):
        raise Conflict(f"{name!r} is a key of the configuration", remedy="Change or take out its [[virtual_keys]].")


def _ask(current: Session, question: str, *, yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and current.err.is_terminal):
        raise click.UsageError("there is nobody to ask here; say --yes")
    click.confirm(question, abort=True, err=True)


def _show(current: Session, key: Secret, row: KeyRow, what: str, *, as_json: bool) -> None:
    """The key itself: the one time that it is shown."""
    if as_json:
        shown = {"key": key.reveal(), **_json(row, set())}
        current.out.line(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        current.out.line(key.reveal())
    current.err.line(f"{row.name} {what}; it is shown this once and cannot be shown again")


def _json(row: KeyRow, taken: set[str]) -> dict[str, Any]:
    return {
        "name": row.name,
        "tail": row.tail,
        "tenant": row.tenant,
        "models": list(row.models),
        "rpm": row.rpm,
        "tpm": row.tpm,
        "concurrency": row.concurrency,
        "budget": row.budget,
        "expires": _time(row.expires),
        "created": _time(row.created),
        "revoked": _time(row.revoked),
        "state": _state(row, taken),
        "source": "store",
    }


def _configured_json(one: VirtualKeySettings) -> dict[str, Any]:
    expires = int(one.expires.timestamp() * 1e6) if one.expires else None
    row = KeyRow(
        name=one.name,
        digest="",
        tail="",
        tenant=one.tenant or one.name,
        models=one.models,
        rpm=one.rpm,
        tpm=one.tpm,
        concurrency=one.concurrency,
        budget=one.budget,
        expires=expires,
    )
    return {**_json(row, set()), "tail": None, "created": None, "source": "configuration", "key": one.key}


def _cells(row: KeyRow, taken: set[str]) -> tuple[str, ...]:
    limits = [str(limit) if limit else "" for limit in (row.rpm, row.tpm, row.concurrency)]
    until = (_time(row.expires) or "")[:10]
    key = f"il-…{row.tail}"
    return row.name, key, row.tenant, " ".join(row.models), *limits, row.budget or "", until, _state(row, taken)


def _configured_cells(one: VirtualKeySettings) -> tuple[str, ...]:
    limits = [str(limit) if limit else "" for limit in (one.rpm, one.tpm, one.concurrency)]
    until = one.expires.astimezone(UTC).date().isoformat() if one.expires else ""
    tenant = one.tenant or one.name
    return one.name, one.key, tenant, " ".join(one.models), *limits, one.budget or "", until, _FROM_CONFIGURATION


def _state(row: KeyRow, taken: set[str]) -> str:
    if row.revoked is not None:
        return "revoked"
    if row.expires is not None and row.expires <= _now():
        return "expired"
    return "not accepted: the configuration has this name" if row.name in taken else "in force"


def _time(microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _now() -> int:
    return int(time.time() * 1e6)
