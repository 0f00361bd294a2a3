"""Commands on conversations: kept, found again, branched, carried elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from interlingua.client.transcripts.stored import is_interrupted
from interlingua.errors import InterlinguaError, InvalidRequest, LocalFileError, NotFound
from interlingua.ports.conversations import Conversations
from interlingua.ports.store import Conversation
from interlingua.repl.archive import TENANT
from interlingua.repl.commands import Command, Option, words_of
from interlingua.repl.desk import Desk
from interlingua.repl.markdown import markdown_lines
from interlingua.repl.status import fitted
from interlingua.repl.talk import Talk, opened
from interlingua.wire.clean import one_line

if TYPE_CHECKING:
    from interlingua.client.transcripts.keep import Kept

_LISTED = 20
_MOST_LISTED = 200
_SHOWN_TURNS = 2
MOST_UNREAD = 5
FORMATS = ("markdown", "json", "openai_chat")
"""The last one is the list of messages that its API takes."""


async def save(desk: Desk, title: str) -> None:
    """`/save`: gives the conversation a title; it is kept anyway."""
    if not desk.talk.path:
        raise InvalidRequest("there is nothing to keep yet", remedy="Ask something first.")
    if title:
        await desk.talk.name(one_line(title, 120))
    where = "" if desk.keeps else " — until this chat ends: the store is not there"
    desk.note(f"  kept as “{desk.talk.title}”{where}")


async def latest(desk: Desk) -> tuple[Conversation, ...]:
    """Conversations, the latest first."""
    page = await desk.talk.store.page(TENANT, limit=_MOST_LISTED)
    return page.conversations


async def sessions(desk: Desk, text: str) -> None:
    """`/sessions`: the latest conversations."""
    found = await latest(desk)
    if not found:
        desk.note("  no conversations yet")
        return
    for at, one in enumerate(found[:_LISTED], start=1):
        desk.say(_row(desk, at, one))
    more = f" · {len(found) - _LISTED} older ones" if len(found) > _LISTED else ""
    desk.note(f"  /load NUMBER opens one, /search WORDS finds one{more}")


def _row(desk: Desk, at: int, one: Conversation) -> str:
    here = "›" if desk.talk.about is not None and one.id == desk.talk.about.id else " "
    model = str(one.settings.get("model") or "")
    tail = "  " + fitted([(1, model), (2, ago(one.updated))], max(10, desk.pen.columns() // 2))
    room = max(12, desk.pen.columns() - len(tail) - 8)
    title = one_line(one.title or "(untitled)", room)
    return f" {here}{at:>3}  {title}{desk.pen.paint(tail, desk.pen.theme.quiet)}"


async def load(desk: Desk, text: str) -> None:
    """`/load`: opens a conversation by its number, title or id."""
    found = await latest(desk)
    if text:
        await open_talk(desk, find_conversation(found, text).id)
        return
    options = [(one, f"{one_line(one.title or '(untitled)', 50)}  {ago(one.updated)}") for one in found[:_LISTED]]
    picked = await desk.line.pick("which conversation?", options, desk.pen.theme) if options else None
    if picked is None:
        desk.note("  no conversation was chosen" if options else "  no conversations yet")
    else:
        await open_talk(desk, picked.id)


def find_conversation(found: Sequence[Conversation], text: str) -> Conversation:
    """The conversation of a number in the list, an id or its beginning, or words of its title.

    Raises:
        NotFound: none.
    """
    if text.isdecimal() and 0 < int(text) <= len(found):
        return found[int(text) - 1]
    words = text.lower().split()
    ways: tuple[Callable[[Conversation], bool], ...] = (
        lambda one: one.id == text,
        lambda one: one.title.lower() == text.lower(),
        lambda one: one.id.startswith(text) and len(text) >= 6,
        lambda one: all(word in one.title.lower() for word in words),
    )
    for way in ways:
        fitting = next((one for one in found if way(one)), None)
        if fitting is not None:
            return fitting
    raise NotFound(
        f"no conversation is called {text[:60]!r}",
        what="conversation",
        remedy="/sessions lists them, /search finds words in them.",
    )


async def open_talk(desk: Desk, id: str) -> None:
    """Goes on with a conversation, with the model and instructions that it had, and shows its end."""
    chat = desk.talk.chat
    talk = await opened(chat, desk.talk.store, desk.talk.journals, id)
    assert talk.about is not None, "it was read from the store"
    chat.system = str(talk.about.settings.get("system") or "") or None
    model = str(talk.about.settings.get("model") or "")
    if model and model != chat.model:
        try:
            chat.use(model)
        except (
            InterlinguaError
        ) as error:  # it was renamed, or its provider is gone: the conversation opens all the same
            desk.warn(f"  note: {error.message}; {desk.talk.target.name} answers")
    desk.talk = talk
    desk.turn, desk.last = None, "no call yet"
    show_end(desk)


def show_end(desk: Desk) -> None:
    """The last turns of the conversation, as they looked."""
    path = [one for one in desk.talk.path if one.message.role in ("user", "assistant") and one.message.text.strip()]
    shown = path[-2 * _SHOWN_TURNS :]
    left = len(path) - len(shown)
    above = f" · {left} above" if left else ""
    desk.note(f"“{desk.talk.title}” · {desk.talk.target.name} · {len(desk.talk.path)} messages{above}")
    for one in shown:
        desk.say("")
        if one.message.role == "user":
            lines = one.message.text.splitlines()
            more = f" … {len(lines) - 3} lines more" if len(lines) > 4 else ""
            text = one_line("\n".join(lines[:3]) if more else one.message.text, 400)
            desk.say(desk.pen.paint("› ", desk.pen.theme.prompt) + text + desk.pen.paint(more, desk.pen.theme.quiet))
        else:
            desk.say(*markdown_lines(one.message.text, desk.pen))
            if is_interrupted(one):
                desk.warn("  interrupted — Enter on an empty line continues it")


async def search(desk: Desk, words: str) -> None:
    """`/search`: full text over all conversations."""
    if not words:
        raise InvalidRequest("what is to be found?", remedy="/search WORDS")
    hits = (await desk.talk.store.search(TENANT, words)).hits
    if not hits:
        desk.note("  nothing found")
        return
    numbers = {one.id: at for at, one in enumerate(await latest(desk), start=1)}
    for hit in hits:
        number = numbers.get(hit.conversation)
        at = f"{number:>4}" if number else "   –"
        desk.say(f" {at}  {one_line(hit.title or '(untitled)', max(12, desk.pen.columns() - 10))}")
        desk.note(f"       {around(hit.snippet, words, desk.pen.columns() - 10)}")
    desk.note("  /load NUMBER opens one")


async def fork(desk: Desk, title: str) -> None:
    """`/fork`: goes on in a new conversation; the old one stays as it is."""
    old = desk.talk.title
    desk.talk = await desk.talk.fork(one_line(title, 120) if title else "")
    desk.note(f"  now in “{desk.talk.title}” with {len(desk.talk.path)} messages; “{old}” stays as it is")


async def clear(desk: Desk, text: str) -> None:
    """`/clear`: begins a new conversation."""
    desk.talk = Talk(desk.talk.chat, desk.talk.store, desk.talk.journals)
    desk.turn, desk.last = None, "no call yet"
    desk.attached.clear()
    desk.note("  a new conversation; the last one is kept" if desk.keeps else "  a new conversation")


async def export(desk: Desk, text: str) -> None:
    """`/export`: writes the conversation to a file, or to the screen."""
    # This brings a dialect, which the first prompt need not wait for.
    from interlingua.client.transcripts.export import render_export

    words = words_of(text)
    named = [form for form in FORMATS if words and form.startswith(words[0])]
    form = named[0] if named else FORMATS[0]
    rest = words[1:] if named else words
    if desk.talk.about is None:
        raise InvalidRequest("there is nothing to write yet", remedy="Ask something first.")
    content = render_export(desk.talk.about, desk.talk.path, form)
    if not rest:
        desk.say(content.rstrip("\n"))
        return
    path = rest[0]
    try:
        if not _write(path, content, over=False):
            if not await desk.line.confirm(f"{path} is there already. Write over it?"):
                return
            _write(path, content, over=True)
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}", path=path) from error
    desk.note(f"  {len(desk.talk.path)} messages written to {path}")


def _write(path: str, content: str, *, over: bool) -> bool:
    """Writes a file; whether it did, where one is there already. Raises OSError."""
    try:
        with Path(path).expanduser().open("w" if over else "x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def _read(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise LocalFileError(f"{path} cannot be read: {error.strerror or error}", path=path) from error


async def import_(desk: Desk, text: str) -> None:
    """`/import`: takes in what ChatGPT or Claude exported."""
    words = words_of(text)
    if len(words) != 1:
        raise InvalidRequest("which file?", remedy="/import PATH, the .zip or conversations.json of an export")
    kept = await import_file(desk.talk.store, words[0])
    again = f", {kept.known:,} were here already" if kept.known else ""
    desk.note(f"  {kept.imported:,} conversations taken in{again}; /sessions lists them")
    if kept.left_out:
        desk.note(f"  {kept.left_out:,} pictures, files and tools' messages in them are no text, and were left out")
    for one in kept.unread[:MOST_UNREAD]:
        desk.note(f"  not read: {one.title or 'without a title'} ({one.reason})")
    if len(kept.unread) > MOST_UNREAD:
        desk.note(f"  and {len(kept.unread) - MOST_UNREAD:,} more that could not be read")


async def import_file(store: Conversations, path: str) -> Kept:
    """Keeps the conversations of an export; what came of that.

    Raises:
        LocalFileError: the file cannot be read.
        InvalidRequest: it is no export that we know.
    """
    from interlingua.client.transcripts.keep import keep_export

    return await keep_export(store, TENANT, await asyncio.to_thread(_read, path))


def ago(when: int) -> str:
    """How long ago, for people."""
    seconds = max(0.0, time.time() - when / 1e6)
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {word} ago"
    return "just now"


def around(text: str, words: str, room: int) -> str:
    """The piece of a text in which the first of some words stands."""
    flat = one_line(text, 100_000)
    at = flat.lower().find(words.lower().split()[0])
    start = max(0, at - room // 3)
    return ("…" if start else "") + one_line(flat[start:], max(10, room - 1))


COMMANDS = (
    Command(name="sessions", does="list conversations, the latest first", run=sessions, also=("ls",)),
    Command(name="load", takes="[NUMBER|TITLE]", does="open a conversation", run=load, also=("resume",)),
    Command(name="search", takes="WORDS", does="find words in all conversations", run=search),
    Command(name="save", takes="[TITLE]", does="give the conversation a title; it is kept anyway", run=save),
    Command(name="fork", takes="[TITLE]", does="go on in a copy, and leave this one as it is", run=fork),
    Command(name="clear", does="begin a new conversation", run=clear, also=("new",)),
    Command(
        name="export",
        takes="[FORMAT] [PATH]",
        does="write the conversation as markdown, json or openai",
        run=export,
        options=lambda desk, words: (Option(one) for one in FORMATS) if not words else (),
        more="FORMAT is markdown (the default), json (all that is known, to read back) or openai_chat (a list of "
        "messages as that API takes it); their beginnings do. Without PATH it goes to the screen.\n\n"
        "  /export chat.md\n  /export openai messages.json",
    ),
    Command(name="import", takes="PATH", does="take in an export of ChatGPT or Claude", run=import_),
)
