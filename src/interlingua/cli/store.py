"""`il store`: what is kept, for how long, and its backups."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.stores.opening import open_store
from interlingua.stores.place import find_place

if TYPE_CHECKING:
    from interlingua.stores.sql import SqlStore

T = TypeVar("T")

_NAMES = {
    "calls": "calls",
    "attempts": "attempts before the last",
    "usage_hours": "hours of usage added up",
    "conversations": "conversations",
    "messages": "messages",
    "virtual_keys": "virtual keys",
    "settings_overlay": "changes of settings",
    "stored_responses": "answers that can be continued",
    "batch_answers": "answers of batches on their way to their file",
    "call_contents": "calls of which the content is kept",
    "benchmarks": "benchmarks",
}
"""What people call the tables; others go by their own names."""


@click.group("store", short_help="What is kept: look, prune, back up, restore.")
def command() -> None:
    """What is kept of calls, keys and conversations: look at it, prune it, back it up, restore it.

    \b
    il store backup monday.db
    il store prune --calls '90 days'
    """


@command.command("info", short_help="Say where the store is and what it holds.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def info(context: click.Context, as_json: bool) -> None:
    """Say where the store is, how large it is, and what it holds."""
    from interlingua.stores.keeping import contents

    current = session(context)
    found = _run(current, contents)
    if as_json:
        current.out.line(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    size = "" if found.bytes is None else f", {_size(found.bytes)}"
    current.out.line(f"{found.place} ({'SQLite' if found.kind == 'sqlite' else 'PostgreSQL'}{size})")
    rows = [(_NAMES.get(name, name), f"{count:,}") for name, count in found.rows.items() if count]
    for line in table(current.out, (Column("what"), Column("rows", right=True)), rows) if rows else ():
        current.out.line(line)
    if found.oldest is not None:
        day = datetime.fromtimestamp(found.oldest / 1e6, UTC).date().isoformat()
        current.out.line(f"The oldest call is of {day}.")


@command.command("prune", short_help="Delete what is older than it is to be kept.")
@click.option("--calls", metavar="AGE", help="Calls older than this, such as '90 days'; their totals stay.")
@click.option("--conversations", metavar="AGE", help="Conversations without a message for so long; pinned ones stay.")
@click.option("--contents", metavar="AGE", help="What was asked and answered in calls older than this.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def prune_command(
    context: click.Context, calls: str | None, conversations: str | None, contents: str | None, yes: bool
) -> None:
    """Delete what is older than it is to be kept: as `store.keep` says, or as you say here.

    Calls are added up by hour, key and target before they go: no total changes. `il serve` does the same each hour
    where `store.keep` is set.
    """
    from interlingua.stores.keeping import prune

    current = session(context)
    kept = current.config.store.keep
    keep = msgspec.structs.replace(
        kept,
        calls=calls or kept.calls,
        conversations=conversations or kept.conversations,
        contents=contents or kept.contents,
    )
    if keep.calls is None and keep.conversations is None and contents is None:
        raise click.UsageError(
            "nothing says how long to keep what; set store.keep, or say --calls, --conversations or --contents"
        )
    named = (("calls", keep.calls), ("conversations", keep.conversations), ("contents of calls", contents))
    ages = [f"{what} older than {age}" for what, age in named]
    _ask(current, f"Delete {' and '.join(one for one in ages if not one.endswith('None'))}?", yes=yes)
    done = _run(current, lambda store: prune(store, keep))
    current.err.line(
        f"{done.calls:,} calls added up and deleted, {done.conversations:,} conversations deleted, "
        f"{done.responses:,} answers past their time deleted, {done.contents:,} contents of calls deleted"
    )


@command.command("backup", short_help="Write a backup, while gateways run.")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def backup(context: click.Context, file: Path) -> None:
    """Write a backup. Gateways may run meanwhile; what is written during it is not in it, but it is whole.

    An SQLite store becomes an SQLite file; a PostgreSQL database is dumped with `pg_dump`, which must be installed.
    """
    from interlingua.stores.backups import back_up

    current = session(context)
    size = back_up(find_place(current.config.store), file)
    current.err.line(f"{file} holds all of it ({_size(size)}); il store restore {file} brings it back")


@command.command("restore", short_help="Replace all that is kept by a backup.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def restore_command(context: click.Context, file: Path, yes: bool) -> None:
    """Replace all that is kept by what a backup holds. Stop the gateways that use the store first.

    What an SQLite file held is put beside it; restoring into PostgreSQL is done whole or not at all.
    """
    from interlingua.stores.backups import restore

    current = session(context)
    place = find_place(current.config.store)
    _ask(current, f"Replace all that is in {place} by {file}?", yes=yes)
    former = restore(place, file)
    note = f"; what it held before is in {former}" if former is not None else ""
    current.err.line(f"{place} is as {file} says{note}")


def _run(current: Session, act: Callable[[SqlStore], Awaitable[T]]) -> T:
    """Does something with the store. Raises ConfigError, LocalFileError."""

    async def run() -> T:
        store = await open_store(current.config.store)
        try:
            return await act(store)
        finally:
            await store.aclose()

    return asyncio.run(run())


def _ask(current: Session, question: str, *, yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and current.err.is_terminal):
        raise click.UsageError("there is nobody to ask here; say --yes")
    click.confirm(question, abort=True, err=True)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
