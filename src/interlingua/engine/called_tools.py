"""Makes of a model's calls what the caller's own definitions of the tools say of them.

A dialect that only knows functions is given a free-form tool as a function with one argument, `input`; what the caller
asked for was free text. And what a definition carries for its calls (`call_extra`) goes with each, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from interlingua.types.events import Event, PartDelta, PartEnd, PartStart
from interlingua.types.parts import Part, ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.tools import CustomTool, ServerTool

ARGUMENT = "input"


class CalledTools:
    """The tools of one request whose calls need something.

    Args:
        request: what was asked.
    """

    def __init__(self, request: ChatRequest) -> None:
        own = [tool for tool in request.tools if not isinstance(tool, ServerTool)]
        self._tools = {tool.name: tool for tool in own if tool.call_extra or isinstance(tool, CustomTool)}
        self._held: dict[tuple[int, int], list[str]] = {}

    def restore(self, response: ChatResponse) -> ChatResponse:
        """A whole answer with its calls as the caller defined them."""
        if not self._tools:
            return response
        choices = [
            replace(choice, message=replace(choice.message, parts=tuple(map(self._restored, choice.message.parts))))
            for choice in response.choices
        ]
        return replace(response, choices=tuple(choices))

    def restore_event(self, event: Event) -> Iterable[Event]:
        """A streamed event; the text of a free-form call comes when the call is whole, for only then it can be read."""
        if not self._tools:
            return (event,)
        if isinstance(event, PartStart) and isinstance(event.part, ToolCallPart):
            part = self._carrying(event.part)
            if self._is_function(part):
                self._held[event.choice, event.index] = [part.raw]
                part = replace(part, custom=True, raw="", arguments=None)
            return (replace(event, part=part),)
        if isinstance(event, PartDelta) and (event.choice, event.index) in self._held:
            self._held[event.choice, event.index].append(event.text)
            return (replace(event, text=""),) if event.opaque else ()
        if isinstance(event, PartEnd) and (held := self._held.pop((event.choice, event.index), None)) is not None:
            text = _free_text(tool_call("", "", "".join(held)))
            return (PartDelta(index=event.index, choice=event.choice, text=text), event)
        return (event,)

    def _carrying(self, part: ToolCallPart) -> ToolCallPart:
        """The call with what its tool's definition says of it, but for what it says itself."""
        tool = self._tools.get(part.name)
        if tool is None or not tool.call_extra:
            return part
        given = {dialect: {**luggage, **part.extra.get(dialect, {})} for dialect, luggage in tool.call_extra.items()}
        return replace(part, extra={**part.extra, **given})

    def _is_function(self, part: ToolCallPart) -> bool:
        """Whether it is the call of a free-form tool, made as a function's."""
        return not part.custom and isinstance(self._tools.get(part.name), CustomTool)

    def _restored(self, part: Part) -> Part:
        if not isinstance(part, ToolCallPart):
            return part
        part = self._carrying(part)
        return replace(part, custom=True, raw=_free_text(part), arguments=None) if self._is_function(part) else part


def _free_text(call: ToolCallPart) -> str:
    """The one argument, where it is that; else all that the model wrote."""
    value = call.arguments.get(ARGUMENT) if isinstance(call.arguments, dict) and len(call.arguments) == 1 else None
    return value if isinstance(value, str) else call.raw
