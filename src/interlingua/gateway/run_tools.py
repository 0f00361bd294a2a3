"""The tools of one run: which the chat chose, who is asked before a call, and what is told of each.

A call that needs approval waits until somebody of the tenant answers on any page that shows the chat, or until nobody
did for too long. "Always" holds for that tool in that chat, for as long as the tool says the same of itself; tools
that ask each time know no "always".
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from interlingua.client.guard import GuardedToolbox
from interlingua.errors import ConnectionFailed, NotFound
from interlingua.ports.memory import Memory
from interlingua.types.parts import TextPart, ToolCallPart

if TYPE_CHECKING:
    from interlingua.client.tool_sources import Offered
    from interlingua.client.tools import ToolRun
    from interlingua.config.schema import GatewayToolSettings

MOST_CALLS = 32
"""Of one turn; a model that asks for more is told to ask for less."""
REMEMBERED = 30 * 86_400.0
"""Seconds for which "always" holds."""
Tell = Callable[[str, Any], None]
"""Tells a run's watchers of something, by its name."""

_HIDDEN = "[hidden]"
_REFUSED = "The person did not allow this call. Go on without it, or ask them."
_NOBODY = "Nobody answered whether this call may run. Go on without it."
_TOO_MANY = f"Too many calls at once: at most {MOST_CALLS} run in one turn. Call this one again if it is needed."


class Decision(Struct, forbid_unknown_fields=True):
    """What somebody says of a call that waits."""

    decision: Literal["allow", "deny"]
    always: bool = False


class Remembered:
    """What is always allowed in one chat.

    Args:
        memory: where.
        tenant: whose chat.
        conversation: its id; None remembers nothing.
    """

    def __init__(self, memory: Memory, tenant: str, conversation: str | None) -> None:
        self._memory = memory
        self._tenant = tenant
        self._conversation = conversation

    async def has(self, one: Offered) -> bool:
        """Whether calls of a tool are allowed here."""
        if self._conversation is None:
            return False
        key = self._key(one)
        return key in await self._memory.get(self._tenant, (key,))

    async def add(self, one: Offered) -> None:
        """Allows them from now on."""
        if self._conversation is not None:
            await self._memory.put(self._tenant, {self._key(one): b"1"}, REMEMBERED)

    def _key(self, one: Offered) -> str:
        # A server that changes what its tool does changes what was agreed to.
        what = hashlib.sha256(msgspec.json.encode((one.source, one.tool.definition))).hexdigest()[:32]
        return f"tool allowed {self._conversation} {what}"


class RunToolbox(GuardedToolbox):
    """The tools of one run.

    Args:
        offered: those that may be called, by name.
        settings: how long they may take, and wait.
        tell: tells the run's watchers.
        remembered: what is always allowed.
        secrets: gives what no result may hold.

    Attributes:
        finished: the calls of this turn that are over, by id.
        lost: whether a source turned out to be gone.
        on_work: is called when a call begins to run.
    """

    def __init__(
        self,
        offered: Mapping[str, Offered],
        settings: GatewayToolSettings,
        tell: Tell,
        remembered: Remembered,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        super().__init__([one.tool for one in offered.values()], timeout=settings.timeout)
        self.finished: dict[str, ToolRun] = {}
        self.lost = False
        self.on_work: Callable[[], None] = _nothing
        self._offered = dict(offered)
        self._patience = settings.patience
        self._tell = tell
        self._remembered = remembered
        self._secrets = secrets
        self._waiting: dict[str, asyncio.Future[Decision]] = {}

    @property
    def waiting(self) -> frozenset[str]:
        """The calls that wait for approval, by id."""
        return frozenset(self._waiting)

    def decide(self, call: str, decision: Decision) -> None:
        """Answers a call that waits; the first answer counts.

        Raises:
            NotFound: it does not wait.
        """
        waiting = self._waiting.pop(call, None)
        if waiting is None or waiting.done():
            raise NotFound(f"no tool call {call[:80]!r} waits for approval", what="tool call")
        waiting.set_result(decision)

    async def run_all(
        self,
        calls: Iterable[ToolCallPart],
        *,
        timeout: float | None = None,
        finished: dict[int, ToolRun] | None = None,
    ) -> list[ToolRun]:
        """Answers the calls of a turn as `GuardedToolbox.run_all`; those that need approval are asked for together."""
        self.finished = {}
        return await super().run_all(calls, timeout=timeout, finished=finished)

    async def _refusals(self, calls: Sequence[ToolCallPart]) -> list[str]:
        return list(await asyncio.gather(*(self._refused_at(place, call) for place, call in enumerate(calls))))

    async def _refused_at(self, place: int, call: ToolCallPart) -> str:
        why = _TOO_MANY if place >= MOST_CALLS else await self._refusal(call)
        if why:
            self._say(call, "failed", why)
        return why

    async def _refusal(self, call: ToolCallPart) -> str:
        one = self._offered.get(call.name)
        if one is None or one.approval == "allow" or (not one.each and await self._remembered.has(one)):
            return ""
        if call.id in self._waiting:
            return _TOO_MANY  # one name for two calls: an answer could not say which is meant
        waiting = self._waiting[call.id] = asyncio.get_running_loop().create_future()
        self._say(call, "waiting")
        arguments = call.raw if call.arguments is None else call.arguments
        self._tell("approval", {"call": call.id, "name": call.name, "arguments": arguments, "each": one.each})
        try:
            async with asyncio.timeout(self._patience):
                found = await waiting
        except TimeoutError:
            return _NOBODY
        finally:
            self._waiting.pop(call.id, None)
        if found.decision == "deny":
            return _REFUSED
        if found.always and not one.each:
            await self._remembered.add(one)
        return ""

    async def _run(self, call: ToolCallPart, timeout: float | None) -> ToolRun:
        self.on_work()
        self._say(call, "running")
        run = super()._trimmed(self._without_secrets(await super()._run(call, timeout)))
        self.lost = self.lost or isinstance(run.error, ConnectionFailed)
        self.finished[call.id] = run
        self._say(call, "failed" if run.response.is_error else "done", run.response.text)
        return run

    def _without_secrets(self, run: ToolRun) -> ToolRun:
        """A run whose result does not tell the model and the page what only the server was to know."""
        hidden = [secret for secret in self._secrets() if secret in run.response.text]
        if not hidden:
            return run
        parts = []
        for part in run.response.response:
            text = part.text if isinstance(part, TextPart) else ""
            for secret in hidden:
                text = text.replace(secret, _HIDDEN)
            parts.append(replace(part, text=text) if isinstance(part, TextPart) else part)
        return replace(run, response=replace(run.response, response=tuple(parts)))

    def _trimmed(self, run: ToolRun) -> ToolRun:
        return run  # it was, before it was told of

    def _say(self, call: ToolCallPart, state: str, result: str | None = None) -> None:
        value = {"call": call.id, "name": call.name, "state": state}
        self._tell("tool_state", value if result is None else {**value, "result": result})


def _nothing() -> None:
    """Nobody wants to know."""
