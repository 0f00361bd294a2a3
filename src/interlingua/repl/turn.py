"""One question and its answer on the terminal: asked, shown, stopped, concluded."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from interlingua.client.guard import GuardedToolbox
from interlingua.errors import InterlinguaError
from interlingua.repl.desk import Desk
from interlingua.repl.facts import context_left
from interlingua.repl.spending import Spending, spending
from interlingua.repl.status import answer_line, fitted
from interlingua.repl.view import AnswerSink, AnswerView, PlainView, call_text
from interlingua.types.messages import Message, user
from interlingua.types.parts import BlobPart, RefusalPart, ToolCallPart, UriPart

_TICK = 0.1
_FINISH = {
    "length": "cut off at the limit of tokens (/set max_output_tokens); Enter on an empty line goes on",
    "content_filter": "stopped by the provider's content filter",
    "refusal": "the model refused to answer",
    "pause": "the provider paused the answer; Enter on an empty line goes on",
    "error": "the provider ended the answer with an error; it may not be complete",
}


async def answer(desk: Desk, question: Message | None) -> None:
    """Asks and shows what comes. Ctrl-C stops it; what came stays. Errors are told, and the chat goes on.

    Args:
        desk: the chat.
        question: None goes on with the conversation as it stands.
    """
    known = len(desk.talk.messages)
    view: AnswerSink = (
        AnswerView(desk.live, desk.pen, desk.talk.target.name, reasoning=desk.reasoning)
        if desk.moves
        else PlainView(desk.out, reasoning=desk.reasoning)
    )
    desk.view = view
    task = asyncio.ensure_future(_stream(desk, question, view))
    ticking = asyncio.ensure_future(_ticks(view))
    failure: InterlinguaError | None = None
    stopped = False
    try:
        await task
    except asyncio.CancelledError:
        stopped = True
    except InterlinguaError as error:
        failure = error
    finally:
        ticking.cancel()
        desk.view = None
        view.end()
    if stopped:
        _tell_stopped(desk, question, known)
    elif failure is not None:
        _tell_failed(desk, question, known, failure)
    else:
        _conclude(desk, known)


async def _stream(desk: Desk, question: Message | None, view: AnswerSink) -> None:
    async for item in desk.talk.ask(question, desk.settings):
        view.show(item)


async def approve(desk: Desk, call: ToolCallPart) -> bool:
    """Asks whether a tool may be called; `always` answers for the rest of the chat."""
    if desk.view is not None:
        desk.view.pause()
    try:
        text = f"  call {call_text(call.name, call.raw, 200)}?"
        options = [("yes", "yes"), ("always", f"yes, and {call.name} always"), ("no", "no")]
        if call.name in desk.offered and desk.offered[call.name].each:
            del options[1]
        picked = await desk.line.pick(text, options, desk.pen.theme)
    finally:
        if desk.view is not None:
            desk.view.resume()
    tools = desk.talk.chat.tools
    if picked == "always" and isinstance(tools, GuardedToolbox):
        tools.approval[call.name] = "allow"
    return picked in ("yes", "always")


async def _ticks(view: AnswerSink) -> None:
    while True:
        view.tick()
        await asyncio.sleep(_TICK)


def with_attachments(desk: Desk, text: str) -> Message:
    """The question, with what was attached to it."""
    parts = tuple(desk.attached.values())
    desk.attached.clear()
    return user(text, *parts) if text else replace(user(""), parts=parts)


def _spent_since(desk: Desk, known: int) -> Spending:
    return spending(list(desk.talk.messages.values())[known:])


def _tell_stopped(desk: Desk, question: Message | None, known: int) -> None:
    if len(desk.talk.messages) > known:
        desk.turn = _spent_since(desk, known)
        desk.last = "interrupted"
        desk.warn("  interrupted — kept what came; Enter on an empty line continues it")
    else:
        desk.last = "stopped before anything came"
        _give_back(desk, question)
        desk.warn("  stopped — nothing had come; your text is kept for ↑")


def _tell_failed(desk: Desk, question: Message | None, known: int, error: InterlinguaError) -> None:
    desk.last = f"failed: {error.code}"
    desk.tell(error)
    if len(desk.talk.messages) > known:
        desk.turn = _spent_since(desk, known)
        desk.note("  kept what came; Enter on an empty line continues it")
    else:
        _give_back(desk, question)
        desk.note("  the chat goes on; your text is kept for ↑")


def _give_back(desk: Desk, question: Message | None) -> None:
    """Keeps the files of a question that was not answered for the next one; its text is in the history."""
    for at, part in enumerate(question.parts[1:] if question is not None else (), start=1):
        desk.attached[getattr(part, "name", None) or f"attachment {at}"] = part


def _conclude(desk: Desk, known: int) -> None:
    """What is to be known of a finished answer and cannot be seen in it."""
    reply = desk.talk.reply
    assert reply is not None, "a stream that ends without raising has its reply"
    for loss in reply.losses:
        done = "carried another way" if loss.action == "emulate" else "left out"
        note = f"{loss.reason} ({done})"
        if loss.action != "drop" and note not in desk.told:
            desk.told.add(note)
            desk.warn(f"  note: {note}")
    refusals = [part.text for part in reply.parts if isinstance(part, RefusalPart)]
    ending = _FINISH.get(reply.finish.kind, _FINISH["refusal"] if refusals else "")
    if ending:
        desk.warn(f"  note: {ending}")
    if not (reply.text.strip() or ending or any(isinstance(part, BlobPart | UriPart) for part in reply.parts)):
        desk.warn("  note: the answer is empty")
    turn = desk.turn = _spent_since(desk, known)
    timing = reply.timing
    desk.last = f"{timing.total:.1f} s, {turn.tokens}, {turn.money}"
    tries = len(reply.attempts) - len(reply.steps) + 1
    first = timing.first_token
    speed = timing.tokens_per_second
    used, counted = desk.talk.context_used
    desk.say(
        answer_line(
            desk.pen,
            model=reply.model if tries > 1 else "",
            tokens=turn.tokens,
            cost=turn.money,
            first="" if first is None else f"{first:.2f} s first token",
            speed="" if speed is None else f"{speed:.0f} tok/s",
            context=context_left(used, counted, desk.talk.target),
            attempts=tries,
        )
    )


def status(desk: Desk, width: int) -> str:
    """The line below what is typed: who answers, what is left, what this turn and this chat cost."""
    target = desk.talk.target
    used, counted = desk.talk.context_used
    whole = spending(desk.talk.messages.values())
    pieces = [
        (9, target.name),
        (5, context_left(used, counted, target)),
        (2, f"turn {desk.turn.tokens}, {desk.turn.money}" if desk.turn else ""),
        (6, f"chat {whole.tokens}, {whole.money}" if whole.answers else "/help"),
        (7, f"{len(desk.attached)} attached" if desk.attached else ""),
        (1, f"{len(desk.talk.chat.tools)} tools" if len(desk.talk.chat.tools) else ""),
        (3, "" if desk.talk.journals is not None else "not kept"),
    ]
    return fitted(pieces, width - 2)
