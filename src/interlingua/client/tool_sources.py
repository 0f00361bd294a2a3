"""All tools that a person has, by name: built in, of installed packages, of OpenAPI files, of MCP servers.

They are looked for when they are first asked for, all sources side by side; one that fails is told of and takes no
other with it. A program is started only once the person has seen its command and said yes (contracts §6.9).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from interlingua.client.guard import Approval
from interlingua.client.mcp_tools import McpServer
from interlingua.client.openapi_tools import openapi_tools, read_document
from interlingua.client.pages import page_tool
from interlingua.client.safe_tools import READING, safe_tools
from interlingua.client.tools import Tool, tool
from interlingua.config.schema import Config, McpSettings
from interlingua.credentials.vault import Vault
from interlingua.errors import ConfigError, InterlinguaError, LocalFileError
from interlingua.ports.transport import Transport

GROUP = "interlingua.tools"
"""The entry points of packages: each a function, a Tool, or several of them."""
BUILT_IN = "built in"
SHORTEST_SECRET = 8
"""Letters; what is shorter stands in other words, too."""
_REFERENCES = ("env:", "keychain:")

Confirm = Callable[[str, tuple[str, ...]], Awaitable[bool]]
"""Shows a server's name and command to the person; true starts it, now and from now on."""
Reveal = Callable[[str], str | None]
"""The secret that a reference such as `env:NAME` stands for."""


class Offered(Struct, frozen=True):
    """A tool that may be switched on.

    Args:
        tool: the tool.
        source: where it comes from, for people.
        approval: whether its calls are asked for.
        each: whether every call is asked for, whatever was said of the ones before.
    """

    tool: Tool
    source: str
    approval: Approval
    each: bool = False


class ToolSources:
    """The tools of one configuration. Belongs to the event loop that first asks for them.

    Args:
        config: which servers and APIs there are.
        network: the way to APIs.
        folder: below which files may be read.
        confirmed: the file in which confirmed commands are noted.
        confirm: asks the person; None refuses what is not confirmed yet.
        reveal: finds secrets.

    Attributes:
        problems: what could not be had, and why.
        secrets: what servers and APIs were given that nobody else is to see.
    """

    def __init__(
        self,
        config: Config,
        network: Transport,
        *,
        folder: Path,
        confirmed: Path,
        confirm: Confirm | None = None,
        reveal: Reveal | None = None,
    ) -> None:
        self.problems: list[InterlinguaError] = []
        self.secrets: set[str] = set()
        self.confirm = confirm
        self._config = config
        self._network = network
        self._folder = folder
        self._confirmed = confirmed
        self._reveal = reveal or (lambda reference: os.environ.get(reference.removeprefix("env:")))
        self._stack = AsyncExitStack()
        self._found: dict[str, Offered] | None = None

    async def offered(self) -> dict[str, Offered]:
        """All tools by name; names that two sources give are the first one's."""
        if self._found is None:
            self._found = {}
            for one in [*self.built_in(), *self._of_packages(), *self._of_files(), *await self._of_servers()]:
                rule = self._config.tools.approval.get(one.tool.name, one.approval)
                if one.tool.name in self._found:
                    self.problems.append(
                        ConfigError(f"{one.source}: there is a tool {one.tool.name} already; this one is left out")
                    )
                    continue
                self._found[one.tool.name] = Offered(one.tool, one.source, rule, one.each)
        return self._found

    def built_in(self) -> list[Offered]:
        """Those that come with the package; whoever reads, asks, and every page is asked for."""
        found = [
            Offered(one, BUILT_IN, "ask" if one.name in READING else "allow")
            for one in safe_tools(self._folder).values()
        ]
        return [*found, Offered(page_tool(), BUILT_IN, "ask", each=True)]

    async def aclose(self) -> None:
        """Ends all servers. May be called twice."""
        await self._stack.aclose()
        self._found = None

    def _of_packages(self) -> Iterator[Offered]:
        for point in entry_points(group=GROUP) if self._config.tools.plugins else ():
            try:
                for one in _plugin_tools(point):
                    yield Offered(one, point.dist.name if point.dist is not None else point.value, "ask")
            except Exception as error:  # noqa: BLE001 - it is somebody else's code, which must not end ours
                told = error.message if isinstance(error, InterlinguaError) else f"{type(error).__name__}: {error}"
                self.problems.append(ConfigError(f"the tools of {point.name} cannot be had: {told}"))

    def _of_files(self) -> Iterator[Offered]:
        for name, settings in self._config.tools.openapi.items():
            try:
                found = openapi_tools(
                    name,
                    read_document(settings.file),
                    self._network,
                    base_url=settings.base_url,
                    headers=self._revealed(f"tools.openapi.{name}.headers", settings.headers),
                    only=settings.tools,
                )
            except InterlinguaError as error:
                self.problems.append(error)
                continue
            yield from (Offered(one, f"API {name}", settings.approval) for one in found)

    async def _of_servers(self) -> list[Offered]:
        servers = self._config.mcp
        allowed = [name for name, settings in servers.items() if await self._may_start(name, settings)]
        started = await asyncio.gather(*(self._started(name, servers[name]) for name in allowed))
        return [
            Offered(one, f"MCP server {server.name}", servers[server.name].approval)
            for server in started
            if server is not None
            for one in server.tools
        ]

    async def _started(self, name: str, settings: McpSettings) -> McpServer | None:
        try:
            server = McpServer(
                name,
                command=settings.command,
                url=settings.url,
                env=self._revealed(f"mcp.{name}.env", settings.env),
                folder=settings.folder,
                headers=self._revealed(f"mcp.{name}.headers", settings.headers),
                only=settings.tools,
            )
            await server.__aenter__()
        except InterlinguaError as error:
            self.problems.append(error)
            return None
        self._stack.push_async_callback(server.aclose)
        return server

    async def _may_start(self, name: str, settings: McpSettings) -> bool:
        if not settings.command or is_confirmed(self._confirmed, name, settings):
            return True
        if self.confirm is not None and await self.confirm(name, settings.command):
            note_confirmed(self._confirmed, name, settings)
            return True
        remedy = f"il tools confirm {name}"
        self.problems.append(ConfigError(f"the command of the MCP server {name} is not confirmed", remedy=remedy))
        return False

    def _revealed(self, where: str, values: Mapping[str, str]) -> dict[str, str]:
        """Values with what their references stand for. Raises ConfigError."""
        found: dict[str, str] = {}
        for key, value in values.items():
            before, space, reference = value.rpartition(" ")
            if not reference.startswith(_REFERENCES):
                found[key] = value
                self._hide(reference)
                continue
            secret = self._reveal(reference)
            if not secret:
                raise ConfigError(f"{where}.{key}: {reference} is not set")
            self._hide(secret)
            found[key] = before + space + secret
        return found

    def _hide(self, value: str) -> None:
        if len(value) >= SHORTEST_SECRET:
            self.secrets.add(value)


def confirmed_path() -> Path:
    """The file in which commands are noted that the person said yes to."""
    import platformdirs

    return platformdirs.user_state_path("interlingua", appauthor=False) / "mcp-confirmed.json"


def revealing(environment: Mapping[str, str], vault: Callable[[], Vault]) -> Reveal:
    """Finds the secrets of tools where those of providers are.

    Args:
        environment: for `env:NAME`.
        vault: opens what holds `keychain:NAME`; only then, because it may ask the person.
    """

    def reveal(reference: str) -> str | None:
        kind, _, name = reference.partition(":")
        if kind == "env":
            return environment.get(name, "").strip() or None
        found = vault().get(name)
        return None if found is None else found.secret.reveal()

    return reveal


def is_confirmed(path: Path, name: str, settings: McpSettings) -> bool:
    """Whether the person has said yes to exactly this command of this server."""
    return _noted(path).get(name) == _digest(settings)


def note_confirmed(path: Path, name: str, settings: McpSettings) -> None:
    """Notes that the person said yes. Raises LocalFileError."""
    content = msgspec.json.format(msgspec.json.encode({**_noted(path), name: _digest(settings)}))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        raise LocalFileError(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error


def _noted(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}  # what is not noted is asked for again


def _digest(settings: McpSettings) -> str:
    """What a confirmation is of: all that decides what runs, and with what."""
    return hashlib.sha256(
        msgspec.json.encode((settings.command, settings.folder, settings.env), order="sorted")
    ).hexdigest()


def _plugin_tools(point: EntryPoint) -> Iterator[Tool]:
    found: Any = point.load()
    for one in found if isinstance(found, Iterable) and not callable(found) else (found,):
        yield one if isinstance(one, Tool) else tool(one)
