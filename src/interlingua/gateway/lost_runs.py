"""The end of runs whose process died: what had come is kept, and whoever watches is told that it was interrupted."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from interlingua.errors import InterlinguaError, NotFound, StreamInterrupted
from interlingua.gateway.chats import shown_message
from interlingua.gateway.outgoing import problem, told
from interlingua.gateway.run_journal import read
from interlingua.gateway.run_log import render_event
from interlingua.gateway.state import State
from interlingua.ports.runs import RunHead
from interlingua.ports.store import Answer, StoredMessage
from interlingua.stores.running_files import left_behind
from interlingua.types.accumulate import Accumulator
from interlingua.types.events import Event, MessageStart
from interlingua.types.messages import Message

if TYPE_CHECKING:
    from interlingua.stores.shared_runs import SharedRuns

log = logging.getLogger("interlingua.runs")

_WHY = "the process that wrote this answer ended before the answer did"


class Found:
    """What a run had told.

    Args:
        head: whose it is.
    """

    def __init__(self, head: RunHead) -> None:
        self.parent = head.parent
        self.last = 0
        self.ended = False
        self.accumulator = Accumulator()
        self._readable = True

    def add(self, text: bytes) -> None:
        """Takes events as they went over the wire."""
        for block in text.split(b"\n\n"):
            lines = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"id" not in lines:
                continue
            self.last = int(lines[b"id"])
            name, data = lines[b"event"], lines[b"data"]
            if name == b"event" and self._readable:
                self._add_piece(data)
            elif name == b"message":
                self.parent, self.accumulator = msgspec.json.decode(data)["message"]["id"], Accumulator()
            elif name == b"run_end":
                self.ended = True

    def _add_piece(self, data: bytes) -> None:
        try:
            event = msgspec.json.decode(data, type=Event)
            if isinstance(event, MessageStart):
                self.accumulator = Accumulator()
            self.accumulator.add(event)
        except (msgspec.DecodeError, ValueError):
            self._readable = False  # another version wrote it, or its log was full: what there is so far is kept


async def bury(state: State, head: RunHead, shared: SharedRuns) -> None:
    """Keeps what there is of a run that this process has inherited, and tells its end.

    Args:
        state: the gateway.
        head: whose it is.
        shared: where it is.

    Raises:
        LocalFileError: the store fails; the run stays as it is, and is inherited again.
    """
    found = Found(head)
    while (read := await shared.read(head.tenant, head.id, found.last)) is not None and read.text:
        found.add(read.text)
    if read is None:
        return
    if not found.ended:
        error: InterlinguaError = StreamInterrupted(_WHY)
        message = await _kept(state, head, found, error)
        end = [("error", {"error": problem(told(error), head.request_id)}), ("run_end", {"message": message})]
        text = b"".join(render_event(found.last + at, name, value) for at, (name, value) in enumerate(end, 1))
        last = found.last + len(end)
        if await shared.add(head, found.last + 1, last, text, frozenset(), frozenset()) != 1:
            return  # it is another's by now, or the server is away: whoever has it next finds the answer kept
    await shared.end(head)


async def bury_left(state: State, folder: Path) -> None:
    """Keeps what there is of runs whose process left them on this machine's disk.

    Args:
        state: the gateway.
        folder: where.
    """
    for text in left_behind(folder):
        left = read(text)
        if left is None:
            continue
        head, events = left
        found = Found(head)
        try:
            found.add(events)
        except (KeyError, ValueError):
            log.warning("what there was of %s cannot be read", head.id)
            continue
        if found.ended:
            continue
        log.warning("the process that wrote %s is gone; what there is of it is kept", head.id)
        try:
            await _kept(state, head, found, StreamInterrupted(_WHY))
        except InterlinguaError as error:
            log.error("what there is of %s cannot be kept yet: %s", head.id, error.message)
            return  # the files stay, for the next start


async def _kept(state: State, head: RunHead, found: Found, error: InterlinguaError) -> dict[str, Any] | None:
    message = found.accumulator.partial()
    provider, _, model = head.model.partition("/")
    usage = found.accumulator.usage
    answer = Answer(
        request_id=head.request_id,
        provider=provider,
        model=model,
        usage=usage,
        started=head.started,
        error=error.code,
        error_message=error.message,
    )
    if head.conversation is None:
        return shown_message(StoredMessage(id=head.id, parent=None, message=message, created=0, answer=answer))
    try:
        kept = await _already(state, head, found, message)
        if kept is None:
            kept = await state.conversations.append(head.tenant, head.conversation, found.parent, message, answer)
    except NotFound:
        return None  # the chat was deleted in the meantime
    return shown_message(kept)


async def _already(state: State, head: RunHead, found: Found, message: Message) -> StoredMessage | None:
    """The answer, where its process had kept it and could only not tell so any more."""
    assert head.conversation is not None
    thread = await state.conversations.get(head.tenant, head.conversation, whole=True)
    for one in reversed(thread.messages):
        if one.parent == found.parent and one.message.role == message.role and one.created >= head.started:
            return one
    return None
