"""A toolbox under supervision: who may be called, for how long, and how much of an answer the model gets.

The rule of this file: whatever is refused, takes too long or is too large becomes an answer that the model can act on;
the other calls of the same turn run on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec.structs import replace

from interlingua.client.tools import Toolbox, ToolRun
from interlingua.errors import PermissionDenied
from interlingua.types.parts import BlobPart, ContentPart, TextPart, ToolCallPart, ToolCallResponsePart, parse_arguments

Approval = Literal["allow", "ask", "deny"]
Approve = Callable[[ToolCallPart], bool | Awaitable[bool]]
"""Asked before a call runs; true lets it."""

TIMEOUT = 60.0
LONGEST_RESULT = 20_000
LARGEST_BLOB = 6 * 1024 * 1024
"""Letters of base64 of an image or the like in a result."""
_REFUSED = "The person did not allow this call. Go on without it, or ask them."
_DENIED = "This tool may not be called here. Go on without it."


class GuardedToolbox(Toolbox):
    """Tools that a model may call under rules.

    Args:
        tools: functions or Tools.
        approval: `allow`, `ask` or `deny` by tool name; `*` is for those that are not named.
        approve: is asked where it says `ask`, one call at a time; without it such calls are refused.
        timeout: seconds for each call; None is no limit.
        timeouts: the same by tool name.
        longest: letters of a result that the model gets; the rest is cut, which it is told. So are huge images.
        on_run: is told of every call.
    """

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] = (),
        *,
        approval: Mapping[str, Approval] | None = None,
        approve: Approve | None = None,
        timeout: float | None = TIMEOUT,
        timeouts: Mapping[str, float | None] | None = None,
        longest: int = LONGEST_RESULT,
        on_run: Callable[[ToolRun], None] | None = None,
    ) -> None:
        super().__init__(tools, on_run=on_run)
        self.approval: dict[str, Approval] = dict(approval or {})
        self.approve = approve
        self.timeout = timeout
        self.timeouts: dict[str, float | None] = dict(timeouts or {})
        self.longest = longest

    async def run_all(
        self,
        calls: Iterable[ToolCallPart],
        *,
        timeout: float | None = None,
        finished: dict[int, ToolRun] | None = None,
    ) -> list[ToolRun]:
        """Answers several calls; those that are allowed at once, in their order as `Toolbox.run_all`.

        Args:
            calls: what the model asked in one turn.
            timeout: seconds for each, where neither its name nor the toolbox sets them.
            finished: as for `Toolbox.run_all`.
        """
        calls = list(calls)
        done: dict[int, ToolRun] = {} if finished is None else finished
        for place, refusal in enumerate(await self._refusals(calls)):
            if refusal:
                done[place] = _refused(calls[place], refusal)
        groups: dict[float | None, list[int]] = {}
        for place, call in enumerate(calls):
            if place not in done:
                limit = self.timeouts.get(call.name, self.timeout if self.timeout is not None else timeout)
                groups.setdefault(limit, []).append(place)

        async def run(limit: float | None, places: list[int]) -> None:
            found: dict[int, ToolRun] = {}
            asked = [calls[place] for place in places]
            try:
                await super(GuardedToolbox, self).run_all(asked, timeout=limit, finished=found)
            finally:
                done.update((places[place], self._trimmed(one)) for place, one in found.items())

        async with asyncio.TaskGroup() as group:
            for limit, places in groups.items():
                group.create_task(run(limit, places))
        return [done[place] for place in range(len(calls))]

    async def _refusals(self, calls: Sequence[ToolCallPart]) -> list[str]:
        """Why calls may not run, in their order; a person is asked of one at a time."""
        return [await self._refusal(call) for call in calls]

    async def _refusal(self, call: ToolCallPart) -> str:
        """Why a call may not run; empty where it may. A tool that is not there is answered as ever."""
        if call.name not in self:
            return ""
        rule = self.approval.get(call.name, self.approval.get("*", "allow"))
        if rule == "allow":
            return ""
        if rule == "deny" or self.approve is None:
            return _DENIED
        answer = self.approve(call)
        allowed = await answer if inspect.isawaitable(answer) else answer
        return "" if allowed else _REFUSED

    def _trimmed(self, run: ToolRun) -> ToolRun:
        room = self.longest
        pieces: list[ContentPart] = []
        for piece in run.response.response:
            if isinstance(piece, BlobPart) and len(piece.content) > LARGEST_BLOB:
                pieces.append(
                    TextPart(text=f"[{piece.mime_type}, too large to be shown: {len(piece.content):,} letters]")
                )
                continue
            if not isinstance(piece, TextPart):
                pieces.append(piece)
                continue
            text = piece.text
            if len(text) > room:
                left = len(text) - room
                text = f"{text[:room]}\n[{left:,} of {len(text):,} letters were cut off here; ask for less at a time]"
            room = max(0, room - len(piece.text))
            pieces.append(piece if text is piece.text else replace(piece, text=text))
        if all(a is b for a, b in zip(pieces, run.response.response, strict=True)):
            return run
        return replace(run, response=replace(run.response, response=tuple(pieces)))


def _refused(call: ToolCallPart, why: str) -> ToolRun:
    given = None if call.custom else parse_arguments(call.raw)
    return ToolRun(
        call=call,
        name=call.name,
        arguments=call.raw if given is None else given,
        response=ToolCallResponsePart(id=call.id, name=call.name, response=(TextPart(text=why),), is_error=True),
        seconds=0.0,
        error=PermissionDenied(why),
    )
