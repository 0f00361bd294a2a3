"""Models on this machine: which there are, getting one, and taking one away. Getting one is an explicit act."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.catalog import weights
from interlingua.config.schema import Config
from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError, NotFound
from interlingua.gateway.asked import Asked, json_answer, nothing
from interlingua.gateway.outgoing import send_end, send_head, send_piece, told
from interlingua.ports.dialect import WireResponse
from interlingua.wire.sse import render_sse


class Pull(Struct, forbid_unknown_fields=True):
    """A model to get."""

    name: str


def local_names(config: Config) -> list[str]:
    """The models that lie on this machine."""
    return [one.name for one in weights.list_weights(_folder_of(config))]


def _folder(asked: Asked) -> Path | None:
    return _folder_of(asked.state.config)


def _folder_of(config: Config) -> Path | None:
    folder = config.local.folder
    return Path(folder).expanduser() if folder else None


async def listed(asked: Asked) -> WireResponse:
    """The models that lie here, and the one that can always be had."""
    here = await asyncio.to_thread(weights.list_weights, _folder(asked))
    items: list[dict[str, Any]] = [
        {"name": one.name, "size": one.size, "loaded": False, "present": True} for one in here
    ]
    if all(one["name"] != weights.SMOLLM2.name for one in items):
        try:
            await asyncio.to_thread(weights.find, weights.SMOLLM2.name, _folder(asked), paths=False)
            present = True
        except LocalFileError:
            present = False
        size = weights.SMOLLM2.size
        items.insert(0, {"name": weights.SMOLLM2.name, "size": size, "loaded": False, "present": present})
    return json_answer({"items": items, "next": None})


async def pulled(asked: Asked) -> None:
    """Gets a model, telling how far it is; nothing half-written stays where the client leaves."""
    given = await asked.body(Pull)
    if given.name != weights.SMOLLM2.name and not given.name.startswith("hf:"):
        raise InvalidRequest(
            f"{given.name!r} is no model that can be got", path="name", remedy="smollm2, or hf:owner/repo/file.gguf"
        )
    loop = asyncio.get_running_loop()
    told_last = 0.0
    progress: asyncio.Queue[tuple[int, int | None]] = asyncio.Queue(1)

    def note(done: int, total: int | None) -> None:
        nonlocal told_last
        now = loop.time()
        if now - told_last > 0.2 or done == total:
            told_last = now
            loop.call_soon_threadsafe(_newest, progress, (done, total))

    async with asked.until_gone():
        await send_head(asked.send, "text/event-stream", asked.incoming.notes)
        work = asyncio.ensure_future(
            weights.pull(given.name, note, folder=_folder(asked), transport=asked.state.engine.network)
        )
        try:
            while not work.done():
                waiting = asyncio.ensure_future(progress.get())
                await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    done, total = waiting.result()
                    await _say(asked, "progress", {"done": done, "total": total})
                else:
                    waiting.cancel()
            await work
            await _say(asked, "end", {"name": given.name})
        except InterlinguaError as error:
            problem = {"code": error.code, "message": told(error).message, "remedy": error.remedy}
            await _say(asked, "error", {"error": problem})
        finally:
            work.cancel()
        await send_end(asked.send)


def _newest(queue: asyncio.Queue[tuple[int, int | None]], value: tuple[int, int | None]) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(value)


async def _say(asked: Asked, name: str, value: Any) -> None:
    await send_piece(asked.send, render_sse(msgspec.json.encode(value).decode(), name))


async def removed(asked: Asked) -> WireResponse:
    """Takes a model's file away; only files in the folder of models."""
    name = asked.values[0]
    here = await asyncio.to_thread(weights.list_weights, _folder(asked))
    found = next((one for one in here if one.name == name), None)
    if found is None:
        raise NotFound(f"there is no local model {name!r} that could be removed", what="local model")
    try:
        found.path.unlink()
    except OSError as error:
        raise LocalFileError(f"{name} cannot be removed: {error.strerror}") from error
    return nothing()
