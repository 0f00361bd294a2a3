"""Tools for a model that has none: it is told of them in words, and calls them in words.

Definitions become instructions, earlier calls and results become text, and what the model writes between the tags
becomes a call again, in streams too. What is between tags and is no call stays the text that it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from interlingua.engine.called_tools import ARGUMENT
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, MessageEnd, MessageStart, PartDelta, PartEnd, PartStart, UsageUpdate
from interlingua.types.messages import Message, system
from interlingua.types.parts import Part, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.tools import CustomTool, ServerTool, Tool

BEGIN, END = "<tool_call>", "</tool_call>"
_RESULT_BEGIN, _RESULT_END = "<tool_result", "</tool_result>"
_HOW = f"""You can call tools. To call one, write exactly:
{BEGIN}{{"name": "its name", "arguments": {{…}}}}{END}
The arguments are one JSON object that fits the tool's JSON Schema. Write nothing after your calls and wait: each \
result is then given to you between {_RESULT_BEGIN}> and {_RESULT_END}. Call a tool only where it helps; otherwise \
answer in words."""
_ONE = "Call at most one tool at a time."
_MUST = "You must call a tool now."
_MUST_ONE_OF = "You must now call one of: {}."


class EmulatedTools:
    """The tools of one request, in words.

    Args:
        request: what is asked.
        seed: what ids of calls are made of.
    """

    def __init__(self, request: ChatRequest, seed: str) -> None:
        self._asked = request
        self._seed = seed
        self._choices: dict[int, _Choice] = {}

    def request(self) -> ChatRequest:
        """What the model is asked instead."""
        messages = [_in_words(message) for message in self._asked.messages]
        if self._asked.tools:
            leading = 0
            while leading < len(messages) and messages[leading].role == "system":
                leading += 1
            messages.insert(leading, system(_instructions(self._asked)))
        return replace(self._asked, messages=tuple(messages), tools=(), tool_choice=None, parallel_tool_calls=None)

    def restore(self, response: ChatResponse) -> ChatResponse:
        """A whole answer with its calls as such."""
        if not self._asked.tools:
            return response
        events = (event for one in unfold(response) for event in self.restore_event(one))
        return accumulate(events)

    def restore_event(self, event: Event) -> Iterable[Event]:
        """A streamed event; what may be the beginning of a call waits until it is known."""
        if not self._asked.tools or isinstance(event, MessageStart | UsageUpdate):
            return (event,)
        number = getattr(event, "choice", None)
        if number is None:
            return (event,)
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice(number, self._seed)
        return choice.take(event)


def needs_emulation(request: ChatRequest) -> bool:
    """Whether a request holds anything that a model without tools cannot be given as it is."""
    return bool(request.tools) or any(
        isinstance(part, ToolCallPart | ToolCallResponsePart) for message in request.messages for part in message.parts
    )


@dataclass(slots=True)
class _Choice:
    """One answer on its way: parts are counted anew, because a text may become several parts."""

    number: int
    seed: str
    count: int = 0
    calls: int = 0
    places: dict[int, int] = field(default_factory=dict)
    texts: dict[int, _Text] = field(default_factory=dict)

    def take(self, event: Event) -> Iterator[Event]:
        """The events that one amounts to."""
        if isinstance(event, PartStart):
            if isinstance(event.part, TextPart):
                self.texts[event.index] = text = _Text(self, event.part)
                yield from text.add(event.part.text)
            else:
                self.places[event.index] = self.next()
                yield replace(event, index=self.places[event.index])
        elif isinstance(event, PartDelta) and event.index in self.texts:
            yield from self.texts[event.index].delta(event)
        elif isinstance(event, PartEnd) and event.index in self.texts:
            yield from self.texts.pop(event.index).close()
        elif isinstance(event, PartDelta | PartEnd):
            yield replace(event, index=self.places[event.index])
        elif isinstance(event, MessageEnd) and self.calls and event.finish.kind == "stop":
            yield replace(event, finish=replace(event.finish, kind="tool_call"))
        else:
            yield event

    def next(self) -> int:
        """The place of the next part."""
        self.count += 1
        return self.count - 1

    def call(self, text: str) -> Iterator[Event]:
        """The call that was written; nothing where it is none."""
        found = _parsed(text)
        if found is None:
            return
        name, arguments = found
        index = self.next()
        digest = hashlib.sha256(f"{self.seed}/{self.number}/{self.calls}".encode()).hexdigest()
        self.calls += 1
        yield PartStart(index=index, part=tool_call(f"call_{digest[:24]}", name), choice=self.number)
        yield PartDelta(index=index, text=arguments, choice=self.number)
        yield PartEnd(index=index, choice=self.number)


@dataclass(slots=True)
class _Text:
    """A text in which calls may stand."""

    choice: _Choice
    part: TextPart
    waiting: str = ""
    within: bool = False
    index: int | None = None

    def delta(self, event: PartDelta) -> Iterator[Event]:
        """The events that a piece amounts to; what it carries beside text stays with the text."""
        yield from self.add(event.text)
        if event.opaque is not None or event.annotation is not None or event.logprobs:
            yield from self._open()
            assert self.index is not None, "it was opened"
            yield replace(event, text="", index=self.index)

    def add(self, text: str) -> Iterator[Event]:
        """Takes a piece."""
        self.waiting += text
        while True:
            tag = END if self.within else BEGIN
            before, found, after = self.waiting.partition(tag)
            if not found:
                break
            self.waiting = after
            if self.within:
                yield from self._called(before, END)
            else:
                yield from self._say(before.rstrip())
            self.within = not self.within
        if not self.within:
            held = _begun(self.waiting)
            said, self.waiting = self.waiting[: len(self.waiting) - held], self.waiting[len(self.waiting) - held :]
            yield from self._say(said)

    def close(self) -> Iterator[Event]:
        """What was held back, and the end."""
        rest, self.waiting = self.waiting, ""
        if self.within:
            yield from self._called(rest, "")  # models forget the last tag, or stop before it
        else:
            yield from self._say(rest)
        if self.index is None and not self.choice.calls:
            yield from self._open()
        yield from self._end()

    def _called(self, text: str, tag: str) -> Iterator[Event]:
        events = list(self.choice.call(text)) if _parsed(text) is not None else []
        if events:
            yield from self._end()
            yield from events
        else:
            yield from self._say(f"{BEGIN}{text}{tag}")

    def _say(self, text: str) -> Iterator[Event]:
        if not text or (self.index is None and self.choice.calls and not text.strip()):
            return
        yield from self._open()
        assert self.index is not None, "it was opened"
        yield PartDelta(index=self.index, text=text, choice=self.choice.number)

    def _open(self) -> Iterator[Event]:
        if self.index is None:
            self.index = self.choice.next()
            yield PartStart(index=self.index, part=replace(self.part, text=""), choice=self.choice.number)

    def _end(self) -> Iterator[Event]:
        if self.index is not None:
            yield PartEnd(index=self.index, choice=self.choice.number)
            self.index = None


def _begun(text: str) -> int:
    """How many letters at the end of a text may be the beginning of a call, or the space before it."""
    most = min(len(text), len(BEGIN) - 1)
    tag = next((size for size in range(most, 0, -1) if text.endswith(BEGIN[:size])), 0)
    return len(text) - len(text[: len(text) - tag].rstrip())


def _parsed(text: str) -> tuple[str, str] | None:
    """Name and arguments of a call; None where the text is none."""
    try:
        value = msgspec.json.decode(text.strip())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    return value["name"], arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()


def _instructions(request: ChatRequest) -> str:
    lines = [_HOW]
    if request.parallel_tool_calls is False:
        lines.append(_ONE)
    choice = request.tool_choice
    if choice is not None and choice.mode == "required":
        lines.append(_MUST_ONE_OF.format(", ".join(choice.names)) if choice.names else _MUST)
    lines.append("The tools:")
    named = choice.names if choice is not None else ()
    lines += [_described(tool) for tool in request.tools if not named or getattr(tool, "name", "") in named]
    return "\n".join(lines)


def _described(tool: Tool) -> str:
    assert not isinstance(tool, ServerTool), "a provider's own tools were taken out before"
    if isinstance(tool, CustomTool):
        schema: object = {"type": "object", "properties": {ARGUMENT: {"type": "string"}}, "required": [ARGUMENT]}
    else:
        schema = tool.parameters or {"type": "object", "properties": {}}
    said = {"name": tool.name, "description": tool.description or "", "arguments": schema}
    return msgspec.json.encode(said).decode()


def _in_words(message: Message) -> Message:
    """A turn with its calls and results as text."""
    if not any(isinstance(part, ToolCallPart | ToolCallResponsePart) for part in message.parts):
        return message
    parts: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolCallPart):
            given = {ARGUMENT: part.raw} if part.custom else part.arguments if part.arguments is not None else part.raw
            said = msgspec.json.encode({"name": part.name, "arguments": given}).decode()
            parts.append(TextPart(text=("\n" if parts else "") + BEGIN + said + END))
        elif isinstance(part, ToolCallResponsePart):
            failed = ' error="true"' if part.is_error else ""
            parts.append(TextPart(text=f'{_RESULT_BEGIN} tool="{part.name or ""}"{failed}>\n'))
            parts += [_harmless(one) if isinstance(one, TextPart) else one for one in part.response]
            parts.append(TextPart(text=f"\n{_RESULT_END}\n"))
        else:
            parts.append(part)
    return replace(message, parts=tuple(parts), role="user" if message.role == "tool" else message.role)


def _harmless(part: TextPart) -> TextPart:
    """A result that cannot end itself, and go on as if it were something else."""
    return replace(part, text=part.text.replace(_RESULT_END, "<\\/tool_result>"))
