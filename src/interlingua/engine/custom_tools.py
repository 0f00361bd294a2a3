"""Turns calls of free-form tools back into free text, where the target's dialect only knows functions.

Such a dialect is given the tool as a function with one argument, `input`; what the caller asked for was free text.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from interlingua.types.events import Event, PartDelta, PartEnd, PartStart
from interlingua.types.parts import Part, ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.tools import CustomTool

ARGUMENT = "input"


class CustomTools:
    """The free-form tools of one request.

    Args:
        request: what was asked.
    """

    def __init__(self, request: ChatRequest) -> None:
        self._names = frozenset(tool.name for tool in request.tools if isinstance(tool, CustomTool))
        self._held: dict[tuple[int, int], list[str]] = {}

    def restore(self, response: ChatResponse) -> ChatResponse:
        """A whole answer with its free-form calls as such."""
        if not self._names:
            return response
        choices = [
            replace(choice, message=replace(choice.message, parts=tuple(map(self._restored, choice.message.parts))))
            for choice in response.choices
        ]
        return replace(response, choices=tuple(choices))

    def restore_event(self, event: Event) -> Iterable[Event]:
        """A streamed event; the text of a free-form call comes when the call is whole, for only then it can be read."""
        if not self._names:
            return (event,)
        if isinstance(event, PartStart) and self._is_function(event.part):
            self._held[event.choice, event.index] = [event.part.raw] if isinstance(event.part, ToolCallPart) else []
            return (replace(event, part=replace(event.part, custom=True, raw="", arguments=None)),)
        if isinstance(event, PartDelta) and (event.choice, event.index) in self._held:
            self._held[event.choice, event.index].append(event.text)
            return (replace(event, text=""),) if event.opaque else ()
        if isinstance(event, PartEnd) and (held := self._held.pop((event.choice, event.index), None)) is not None:
            text = _free_text(tool_call("", "", "".join(held)))
            return (PartDelta(index=event.index, choice=event.choice, text=text), event)
        return (event,)

    def _is_function(self, part: Part) -> bool:
        return isinstance(part, ToolCallPart) and not part.custom and part.name in self._names

    def _restored(self, part: Part) -> Part:
        if isinstance(part, ToolCallPart) and self._is_function(part):
            return replace(part, custom=True, raw=_free_text(part), arguments=None)
        return part


def _free_text(call: ToolCallPart) -> str:
    """The one argument, where it is that; else all that the model wrote."""
    value = call.arguments.get(ARGUMENT) if isinstance(call.arguments, dict) and len(call.arguments) == 1 else None
    return value if isinstance(value, str) else call.raw
