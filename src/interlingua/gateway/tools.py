"""The tools that models may call in the web chat: those that the administrator allowed, and no others (contracts §6.9).

Nothing is looked for, imported or started where nothing is allowed, and of servers and APIs only those that could have
an allowed tool. Sources are opened when somebody first wants them, in one task, and kept; a changed configuration, a
server that is gone or one that could not be had lets the next who asks open them anew, while runs keep what they
began with. Programs of MCP servers run only if their command was confirmed in a terminal: nobody is asked here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from interlingua.client.described_tools import tool_name
from interlingua.config.schema import Config, GatewayToolSettings, McpSettings, ToolSettings
from interlingua.engine.principal import Principal
from interlingua.errors import InterlinguaError
from interlingua.gateway.state import State

if TYPE_CHECKING:
    from interlingua.client.tool_sources import Offered, ToolSources

AGAIN_SECONDS = 30.0
"""After which a source that failed is tried again."""
_Wanted = tuple[GatewayToolSettings, ToolSettings, dict[str, McpSettings]]


@dataclass(eq=False, slots=True)
class _Opened:
    """Sources that are open.

    Args:
        sources: themselves.
        wanted: the configuration that they are of.
        looking: finds their tools.
        since: seconds of the loop's clock.
        users: how many run with them.
        stale: whether the next who asks is to open others.
    """

    sources: ToolSources
    wanted: _Wanted
    looking: asyncio.Task[dict[str, Offered]]
    since: float
    users: int = 0
    stale: bool = False


@dataclass(eq=False, slots=True)
class GatewayTools:
    """What may be called, by whom.

    Args:
        state: the gateway.
        environment: names and values, for the secrets of servers and APIs.
    """

    state: State
    environment: Mapping[str, str]
    _opened: list[_Opened] = field(default_factory=list)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def open(self, principal: Principal) -> AsyncIterator[dict[str, Offered]]:
        """The tools that somebody may have called, by name; they stay open while the context lasts.

        Args:
            principal: who asks.
        """
        patterns = patterns_of(self.state.config.gateway.tools, principal)
        if not patterns:
            if not self.state.config.gateway.tools.allow:
                self.lost()  # what was allowed before is not any more
                self._sweep()
            yield {}
            return
        opened = self._current()
        opened.users += 1
        try:
            found = await asyncio.shield(opened.looking)
            allowed = self.state.config.gateway.tools.allow
            yield {name: one for name, one in found.items() if _fits(name, allowed) and _fits(name, patterns)}
        finally:
            opened.users -= 1
            self._sweep()

    def secrets(self) -> set[str]:
        """What servers and APIs were given that no answer may hold."""
        return {secret for opened in self._opened for secret in opened.sources.secrets}

    def problems(self) -> list[InterlinguaError]:
        """What could not be had when it was last looked for."""
        return [problem for opened in self._opened[-1:] for problem in opened.sources.problems]

    def lost(self) -> None:
        """A source is gone: the next who asks opens them anew."""
        for opened in self._opened:
            opened.stale = True

    async def aclose(self) -> None:
        """Ends all servers. May be called twice."""
        for opened in self._opened:
            self._close(opened)
        self._opened.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _current(self) -> _Opened:
        config, loop = self.state.config, asyncio.get_running_loop()
        wanted = (config.gateway.tools, config.tools, config.mcp)
        last = self._opened[-1] if self._opened else None
        if last is not None and last.sources.problems and loop.time() - last.since > AGAIN_SECONDS:
            last.stale = True
        if last is None or last.stale or last.wanted != wanted:
            sources = self._sources(config)
            looking = loop.create_task(_offered(sources, config.gateway.tools), name="tools")
            last = _Opened(sources, wanted, looking, loop.time())
            for before in self._opened:
                before.stale = True
            self._opened.append(last)
        return last

    def _sources(self, config: Config) -> ToolSources:
        from interlingua.client.tool_sources import ToolSources, confirmed_path, revealing

        return ToolSources(
            narrowed(config),
            self.state.engine.network,
            folder=Path(config.gateway.tools.folder or ".").expanduser(),
            confirmed=confirmed_path(),
            reveal=revealing(self.environment, lambda: self.state.vault),
        )

    def _sweep(self) -> None:
        """Closes what is stale and nobody uses."""
        for opened in [one for one in self._opened if one.stale and not one.users]:
            self._opened.remove(opened)
            self._close(opened)

    def _close(self, opened: _Opened) -> None:
        async def close() -> None:
            await asyncio.wait({opened.looking})
            await opened.sources.aclose()

        task = asyncio.get_running_loop().create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def patterns_of(settings: GatewayToolSettings, principal: Principal) -> tuple[str, ...]:
    """The patterns of the tools that somebody may have called; none where nothing is allowed."""
    if not settings.allow:
        return ()
    return settings.allow if principal.admin else settings.keys.get(principal.key, ()) if principal.key else ()


def narrowed(config: Config) -> Config:
    """A configuration with those servers and APIs only that could have an allowed tool."""
    allow = config.gateway.tools.allow
    return replace(
        config,
        mcp={name: one for name, one in config.mcp.items() if _could_have(name, allow)},
        tools=replace(
            config.tools,
            openapi={name: one for name, one in config.tools.openapi.items() if _could_have(name, allow)},
        ),
    )


def _could_have(source: str, allow: Iterable[str]) -> bool:
    """Whether a name that begins as all of a source's do could fit a pattern."""
    begins = tool_name(source) + "_"
    for pattern in allow:
        fixed = min((pattern.index(sign) for sign in "*?[" if sign in pattern), default=len(pattern))
        if pattern[:fixed].startswith(begins) or (fixed < len(pattern) and begins.startswith(pattern[:fixed])):
            return True
    return False


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


async def _offered(sources: ToolSources, settings: GatewayToolSettings) -> dict[str, Offered]:
    """All tools of the sources that can run here; a page is asked for each time, whatever the configuration says."""
    from interlingua.client.safe_tools import READING
    from interlingua.client.tool_sources import BUILT_IN

    found: dict[str, Offered] = {}
    for name, one in (await sources.offered()).items():
        if one.approval == "deny" or (one.source == BUILT_IN and name in READING and not settings.folder):
            continue
        found[name] = replace(one, approval="ask") if one.each else one
    return found
