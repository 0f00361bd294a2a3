"""A run on disk, for a process that shares nothing: what a kill leaves of it is kept when a gateway starts again.

A line that says whose it is, then its events as they go over the wire, written each second.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from interlingua.errors import LocalFileError
from interlingua.ports.runs import RunHead
from interlingua.stores.running_files import RunningFile

if TYPE_CHECKING:
    from interlingua.gateway.run import Run

SECONDS = 1.0
"""Between two writes: at the most so much of an answer is lost."""

log = logging.getLogger("interlingua.runs")


class RunJournal:
    """Writes a run's events down until its end is kept elsewhere.

    Args:
        run: one of this process, which runs.
        head: whose it is.
        folder: where.
    """

    def __init__(self, run: Run, head: RunHead, folder: Path) -> None:
        self._run = run
        self._head = head
        self._folder = folder

    async def keep(self) -> None:
        """Does so. A disk that takes nothing costs the answer its safety, and nobody the answer."""
        try:
            file = RunningFile(self._folder, self._head.id)
        except LocalFileError as error:
            log.warning("a crash would lose what comes of %s: %s", self._head.id, error.message)
            return
        try:
            await self._write(file)
        except LocalFileError as error:
            log.warning("a crash would lose what else comes of %s: %s", self._head.id, error.message)
            await asyncio.wait({self._run.task})
        finally:
            file.done()

    async def _write(self, file: RunningFile) -> None:
        told, events = 0, self._run.log.events
        file.add(msgspec.json.encode(self._head) + b"\n")
        while not self._run.task.done():
            file.add(b"".join(events[told:]))
            told = len(events)
            await asyncio.wait({self._run.task}, timeout=SECONDS)


def read(text: bytes) -> tuple[RunHead, bytes] | None:
    """Whose a run was, and the events that are whole; None for what no version wrote that this one can read.

    Args:
        text: of a file that was left behind.
    """
    line, _, events = text.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=RunHead)
    except msgspec.DecodeError:
        return None
    return head, events[: events.rfind(b"\n\n") + 2]
