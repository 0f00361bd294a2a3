"""The paths of runs: start, list, watch, stop, approve."""

from __future__ import annotations

from contextlib import aclosing
from typing import Literal

from msgspec import Struct

from interlingua.errors import InvalidRequest
from interlingua.gateway.asked import Asked, json_answer, nothing
from interlingua.gateway.chat_settings import chat_request, read_settings
from interlingua.gateway.outgoing import send_end, send_head, send_piece
from interlingua.gateway.run import Asking
from interlingua.gateway.run_tools import Decision
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Json
from interlingua.types.parts import Part


class Turn(Struct, forbid_unknown_fields=True):
    """A message of a run that belongs to no conversation."""

    parts: tuple[Part, ...]
    role: Literal["user", "assistant", "system"] = "user"


class Start(Struct, forbid_unknown_fields=True):
    """What to answer: a message of a conversation, or messages that are given here."""

    conversation: str | None = None
    parent: str | None = None
    messages: tuple[Turn, ...] = ()
    model: str | None = None
    settings: dict[str, Json] = {}


async def started(asked: Asked) -> WireResponse:
    """Begins a run."""
    given = await asked.body(Start)
    if given.conversation is None:
        if not given.messages:
            raise InvalidRequest("messages: there is nothing to answer", path="messages")
        messages = [Message(role=one.role, parts=one.parts) for one in given.messages]
    else:
        if given.parent is None:
            raise InvalidRequest("parent: which message is to be answered?", path="parent")
        thread = await asked.state.conversations.get(asked.tenant, given.conversation, leaf=given.parent)
        messages = [one.message for one in thread.messages]
    settings = read_settings(given.settings)
    asking = Asking(
        principal=asked.principal,
        request=chat_request(given.model or "", settings, messages),
        conversation=given.conversation,
        parent=given.parent,
        settings=settings,
    )
    return json_answer((await asked.state.runs.start(asking)).shown(), status=201)


async def running(asked: Asked) -> WireResponse:
    """The runs that go on, of one conversation where it is named."""
    found = await asked.state.runs.shown(asked.tenant, asked.query("conversation") or None)
    return json_answer({"items": found, "next": None})


async def watched(asked: Asked) -> None:
    """A run's events, from where the watcher left off."""
    run = await asked.state.runs.reach(asked.tenant, asked.values[0])
    last = asked.incoming.header("last-event-id") or asked.query("after") or "0"
    if not (last.isascii() and last.isdecimal() and len(last) < 12):
        raise InvalidRequest("last-event-id is not the number of an event", path="last-event-id")
    async with asked.until_gone():
        await send_head(asked.send, "text/event-stream", asked.incoming.notes)
        async with aclosing(run.watch(int(last))) as pieces:
            async for piece in pieces:
                await send_piece(asked.send, b": still here\n\n" if piece is None else piece)
        await send_end(asked.send)


async def stopped(asked: Asked) -> WireResponse:
    """Ends a run; what came is kept."""
    await (await asked.state.runs.reach(asked.tenant, asked.values[0])).stop()
    return nothing()


async def approved(asked: Asked) -> WireResponse:
    """Allows or denies a tool's call."""
    run = await asked.state.runs.reach(asked.tenant, asked.values[0])
    await run.decide(asked.values[1], await asked.body(Decision))
    return nothing()
