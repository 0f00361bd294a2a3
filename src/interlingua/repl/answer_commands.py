"""Commands on questions and answers: what is sent along, asked again, set, shown and reckoned."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from interlingua.client.attachments import attach as attached
from interlingua.client.settings import ChatSettings, Settings
from interlingua.client.transcripts.stored import maker
from interlingua.errors import InvalidRequest
from interlingua.repl.commands import Command, Option, words_of
from interlingua.repl.desk import Desk
from interlingua.repl.facts import context_left, price
from interlingua.repl.model_commands import model_options, switch
from interlingua.repl.spending import Spending, found_with, spending
from interlingua.repl.talk import last_question
from interlingua.repl.turn import answer
from interlingua.repl.view import Reasoning, thinking_lines
from interlingua.types.messages import Message
from interlingua.types.money import Money
from interlingua.types.parts import BlobPart, Part, ReasoningPart, TextPart
from interlingua.types.request import ChatRequest

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SETTABLE = sorted(
    set(ChatSettings.__optional_keys__) - {"output_format", "extra", "n", "stop", "metadata", "logprobs"}
)
_CODE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(.*?)^\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)


async def system(desk: Desk, text: str) -> None:
    """`/system`: shows, sets or takes away the instructions."""
    chat = desk.talk.chat
    if text == "off":
        chat.system = None
        desk.note("  no instructions")
    elif text:
        chat.system = text
        desk.note(f"  instructions set ({len(text):,} letters)")
    elif chat.system:
        desk.text(chat.system)
        return
    else:
        desk.note("  no instructions; /system TEXT sets some")
        return
    await desk.talk.remember()


async def attach(desk: Desk, text: str) -> None:
    """`/attach`: shows files or addresses with the next question."""
    words = words_of(text)
    if not words:
        for name, part in desk.attached.items():
            desk.note(f"  {name} ({_kind(part)})")
        if not desk.attached:
            desk.note(
                "  nothing is attached; /attach PATH|URL… shows files with the next question, as does @PATH in it"
            )
        return
    if words == ["off"]:
        desk.attached.clear()
        desk.note("  nothing is attached")
        return
    for word in words:
        add_attachment(desk, word)


def add_attachment(desk: Desk, source: str) -> None:
    """Takes a file or an address to the next question. Raises LocalFileError, InvalidRequest."""
    part = attached(source)
    name = getattr(part, "name", None) or source.rpartition("/")[2] or source
    desk.attached[name] = part
    desk.note(f"  attached {name} ({_kind(part)})")
    known = desk.talk.target.traits.input
    kind = getattr(part, "modality", "text")
    needed = "pdf" if kind == "document" else kind
    if known and needed not in known and not isinstance(part, TextPart):
        desk.warn(f"  note: {desk.talk.target.name} takes no {needed}")


def _kind(part: Part) -> str:
    if isinstance(part, TextPart):
        return f"text, {len(part.text):,} letters"
    if isinstance(part, BlobPart):
        return f"{part.mime_type}, {len(part.content) * 3 // 4:,} bytes"
    return str(getattr(part, "mime_type", "") or part.__struct_config__.tag)


async def usage(desk: Desk, text: str) -> None:
    """`/usage`: tokens and money of the turn and the chat, by model."""
    by_model: dict[str, Spending] = {}
    for one in desk.talk.messages.values():
        if maker(one):
            by_model[maker(one)] = found_with(by_model.get(maker(one), Spending()), one)
    if not by_model:
        desk.note("  nothing was asked yet")
        return
    rows = [("turn", desk.turn)] if desk.turn else []
    rows += list(by_model.items())
    if len(by_model) > 1:
        rows.append(("chat", spending(desk.talk.messages.values())))
    pairs = []
    for name, spent in rows:
        answers = f"{spent.answers} answer{'' if spent.answers == 1 else 's'}"
        split = f"{spent.input_tokens:,} in, {spent.output_tokens:,} out"
        pairs.append((name, f"{answers} · {spent.tokens} ({split}) · {spent.money}"))
    desk.facts(pairs)
    whole = spending(desk.talk.messages.values())
    if whole.unknown_costs or whole.unknown_tokens:
        unknown = max(whole.unknown_costs, whole.unknown_tokens)
        desk.note(
            f"+ means that more is unknown: {unknown} answer{'' if unknown == 1 else 's'} of which not all is told"
        )


async def cost(desk: Desk, text: str) -> None:
    """`/cost`: what the chat cost, and what the next question would."""
    whole = spending(desk.talk.messages.values())
    target = desk.talk.target
    pairs = [("chat", whole.money if whole.answers else "nothing yet")]
    if desk.turn:
        pairs.append(("turn", desk.turn.money))
    request = replace(desk.talk.request(), model=desk.talk.chat.model)
    if request.messages:
        found = await desk.client.estimate(request)
        pairs.append(("next", f"{_money(found.prompt_cost)} for what was said until now, before any answer"))
    pairs.append(("price", price(target, desk.engine.catalog.as_of)))
    desk.facts(pairs)


def _money(amount: Money | None) -> str:
    return "unknown" if amount is None else str(amount)


async def context(desk: Desk, text: str) -> None:
    """`/context`: what fills the context; `/context shrink` summarises, with another model if one is named."""
    word, _, model = text.partition(" ")
    if word == "shrink":
        from interlingua.repl.model_commands import summarise

        if not desk.talk.path:
            raise InvalidRequest("there is nothing to summarise yet", remedy="Ask something first.")
        await summarise(desk, model.strip() or desk.talk.chat.model)
        return
    used, counted = desk.talk.context_used
    target = desk.talk.target
    whole = target.traits.context
    desk.facts(
        [
            ("left", context_left(used, counted, target)),
            ("counted", "by the provider" if counted else "estimated, good to some 20 %"),
            *((name, f"{share:,} tokens") for name, share in _shares(desk).items()),
        ]
    )
    if whole:
        filled = min(1.0, used / whole)
        room = max(10, min(50, desk.pen.columns() - 12))
        bar = "━" * round(filled * room)
        style = desk.pen.theme.bad if filled > 0.9 else desk.pen.theme.warn if filled > 0.7 else desk.pen.theme.good
        rest = desk.pen.paint("─" * (room - len(bar)), desk.pen.theme.quiet)
        desk.say(f"{desk.pen.paint(bar, style)}{rest} {filled:.0%}")
    if whole and used > whole * 0.7:
        desk.note("/context shrink puts a summary in the place of the conversation")


def _shares(desk: Desk) -> dict[str, int]:
    from interlingua.engine.estimate import estimate_tokens

    def count(messages: Iterable[Message] = (), tools: Any = ()) -> int:
        return estimate_tokens(ChatRequest(model="", messages=tuple(messages), tools=tools)).input_tokens - 3

    request = desk.talk.request()
    shares: dict[str, int] = {}
    names = {"system": "system", "user": "you", "assistant": "answers", "tool": "tools"}
    for role, name in names.items():
        shares[name] = count(message for message in request.messages if message.role == role)
    shares["tools"] += count(tools=request.tools)
    return {name: share for name, share in shares.items() if share}


async def retry(desk: Desk, text: str) -> None:
    """`/retry`: asks the last question again, of another model if one is named."""
    if text:
        words = words_of(text)
        await switch(desk, "/".join(words) if len(words) == 2 else words[0])
    await desk.talk.before_answer()
    await answer(desk, None)


async def edit(desk: Desk, text: str) -> None:
    """`/edit`: takes the last question back into the line."""
    if last_question(desk.talk.path) is None:
        raise InvalidRequest("nothing was asked yet", remedy="Ask something.")
    question = await desk.talk.undo()
    assert question is not None, "there is one: it was looked for"
    first = next((part.text for part in question.parts if isinstance(part, TextPart)), "")
    for at, part in enumerate(question.parts[1:], start=1):
        desk.attached[getattr(part, "name", None) or f"attachment {at}"] = part
    desk.draft = text or first
    desk.note("  the question is in the line again; the answer stays on a branch of its own")


async def undo(desk: Desk, text: str) -> None:
    """`/undo`: takes back the last question and its answer, or several."""
    if text and not text.isdecimal():
        raise InvalidRequest(f"{text!r} is no number of questions", remedy="/undo or /undo 2")
    before = len(desk.talk.path)
    if await desk.talk.undo(int(text or 1)) is None:
        raise InvalidRequest("there is nothing to take back", remedy="Ask something.")
    gone = before - len(desk.talk.path)
    desk.turn = None
    desk.note(f"  taken back: {gone} messages; {len(desk.talk.path)} are left")


async def copy(desk: Desk, text: str) -> None:
    """`/copy`: puts the last answer, or a code block of it, into the clipboard."""
    last = desk.talk.last_answer
    if last is None:
        raise InvalidRequest("there is no answer yet", remedy="Ask something.")
    content, what = last.message.text, "the answer"
    blocks = [found[2] for found in _CODE.finditer(content)]
    if text:
        if text != "code" and not text.isdecimal():
            raise InvalidRequest(f"{text!r} is no code block", remedy="/copy, /copy code, or /copy 2")
        number = 1 if text == "code" else int(text)
        if not 0 < number <= len(blocks):
            raise InvalidRequest(f"the answer holds {len(blocks)} code blocks", remedy="/copy copies all of it.")
        content, what = blocks[number - 1], f"code block {number}"
    # OSC 52: the terminal takes it, also over ssh; there is no reply to it.
    desk.out.write(f"\x1b]52;c;{base64.b64encode(content.encode()).decode()}\a")
    desk.note(f"  {what} was handed to the terminal's clipboard ({len(content):,} letters)")


async def set_(desk: Desk, text: str) -> None:
    """`/set`: shows, sets or takes away settings of every question."""
    name, _, value = text.partition("=" if "=" in text.split(" ")[0] else " ")
    name, value = name.strip(), value.strip()
    if not name:
        pairs = [(key, str(value)) for key, value in desk.settings.items()]
        desk.facts(pairs) if pairs else desk.note("  nothing is set; /set temperature 0.2, for example")
        return
    if not value:
        raise InvalidRequest(f"what is {name} to be?", remedy=f"/set {name} VALUE, or /set {name} off")
    settings: dict[str, Any] = dict(desk.settings)
    if value == "off" and name in settings:
        del settings[name]
    elif value != "off":
        settings[name] = _value(value)
    checked: Settings = settings  # type: ignore[assignment]  # its names and values are looked at in the next line
    desk.client.request("", model=desk.talk.chat.model, **checked)
    desk.settings = checked
    desk.note(f"  {name} " + ("is left to the model" if name not in settings else f"is {settings[name]}"))


def _value(text: str) -> Any:
    """JSON where it is JSON, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


async def reasoning(desk: Desk, text: str) -> None:
    """`/reasoning`: shows the last thinking, says what is shown of it, or sets how much there is."""
    if text in get_args(Reasoning):
        desk.reasoning = text  # type: ignore[assignment]  # checked in the line before
        words = {"fold": "folded to a line when it ends", "show": "shown in full", "hide": "not shown"}
        desk.note(f"  thinking is {words[text]}")
        return
    if text in EFFORTS:
        settings = desk.settings.copy()
        settings["reasoning"] = text
        desk.settings = settings
        desk.note(f"  thinking effort is {text}")
        if desk.talk.target.traits.reasoning is False:
            desk.warn(f"  note: {desk.talk.target.name} does not think")
        return
    if text:
        raise InvalidRequest(
            f"{text!r} says nothing about thinking", remedy=f"/reasoning fold|show|hide, or {'|'.join(EFFORTS)}"
        )
    thoughts = [
        part.text
        for one in desk.talk.path[last_question(desk.talk.path) or 0 :]
        for part in one.message.parts
        if isinstance(part, ReasoningPart) and part.text.strip()
    ]
    if not thoughts:
        desk.note("  the last answer shows no thinking")
    for thought in thoughts:
        desk.say(*thinking_lines(thought, desk.pen))


COMMANDS = (
    Command(name="system", takes="[TEXT|off]", does="show or set the instructions", run=system),
    Command(
        name="attach",
        takes="[PATH|URL…]",
        does="show files with the next question",
        run=attach,
        more="Also @PATH within a question. `/attach off` takes all back.\n\n"
        "  /attach bill.jpg notes.md\n  what is in @bill.jpg?",
    ),
    Command(name="usage", does="tokens and money of this turn and this chat", run=usage),
    Command(name="cost", does="what this chat cost, and what the next question would", run=cost),
    Command(
        name="context",
        takes="[shrink [MODEL]]",
        does="what fills the context; shrink summarises",
        run=context,
        options=lambda desk, words: (
            model_options(desk, words[1:]) if words else (Option("shrink", "put a summary in its place"),)
        ),
    ),
    Command(
        name="retry",
        takes="[MODEL]",
        does="ask the last question again, or another model",
        run=retry,
        options=model_options,
        more="The answer that is there stays on a branch of its own.\n\n  /retry\n  /retry g openai/gpt-oss-120b",
    ),
    Command(name="edit", does="take the last question back into the line", run=edit),
    Command(name="undo", takes="[NUMBER]", does="take back the last question and its answer", run=undo),
    Command(name="copy", takes="[code|NUMBER]", does="copy the last answer, or a code block of it", run=copy),
    Command(
        name="set",
        takes="[NAME VALUE]",
        does="settings of every question, such as temperature",
        run=set_,
        options=lambda desk, words: () if words else (Option(name) for name in _SETTABLE),
        more="Without arguments it shows what is set. VALUE off leaves it to the model again.\n\n"
        "  /set temperature 0.2\n  /set max_output_tokens 500\n  /set temperature off",
    ),
    Command(
        name="reasoning",
        takes="[fold|show|hide|EFFORT]",
        does="show the last thinking, or set what is shown of it",
        run=reasoning,
        also=("thinking",),
        options=lambda desk, words: () if words else (Option(name) for name in (*get_args(Reasoning), *EFFORTS)),
        more="fold shows the last lines while it runs and then one line; show shows all; hide nothing. An effort "
        f"({', '.join(EFFORTS)}) sets how much a model thinks.",
    ),
)
