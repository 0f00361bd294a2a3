"""Tools of MCP servers, over stdio and streamable HTTP, with the protocol's official package.

A server lives in a task of its own from its first use until it is closed: the package demands that whoever opens a
connection closes it. What a server says of its tools (names, descriptions, hints that one is harmless) is the
server's word: it is shown to the model, and decides nothing here.
"""

from __future__ import annotations

import asyncio
import fnmatch
import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from interlingua._version import __version__
from interlingua.client.described_tools import DescribedTool, tool_name
from interlingua.errors import ConfigError, ConnectionFailed, InterlinguaError, TimedOut, UpstreamError
from interlingua.types.opaque import Json
from interlingua.types.parts import BlobPart, ContentPart, TextPart

if TYPE_CHECKING:
    import mcp

START_SECONDS = 30.0
MOST_TOOLS = 512


class McpServer:
    """One MCP server; use it as an asynchronous context manager.

    Args:
        name: ours; begins the names of its tools.
        command: program and arguments that speak MCP over standard input and output; or
        url: address that speaks it over streamable HTTP.
        env: variables of the program, beside the few that it inherits (HOME, PATH and the like).
        folder: where the program runs.
        headers: sent with every request to the address.
        only: patterns of the tools that are offered.
        start: seconds that it may take to start.
    """

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[str] = (),
        url: str = "",
        env: Mapping[str, str] | None = None,
        folder: str | None = None,
        headers: Mapping[str, str] | None = None,
        only: Sequence[str] = ("*",),
        start: float = START_SECONDS,
    ) -> None:
        if bool(command) == bool(url):
            raise ConfigError(f"mcp.{name}: say either `command` or `url`")
        self.name = name
        self.tools: tuple[DescribedTool, ...] = ()
        self._command = tuple(command)
        self._url = url
        self._env = dict(env or {})
        self._folder = folder
        self._headers = dict(headers or {})
        self._only = tuple(only)
        self._start = start
        self._client: mcp.Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()

    async def __aenter__(self) -> McpServer:
        """Starts it and asks for its tools.

        Raises:
            ConfigError: the package is not installed, or the program does not exist.
            ConnectionFailed: it does not speak MCP, or cannot be reached.
            TimedOut: it took too long.
        """
        try:
            import mcp as mcp  # heavy: half a second
        except ImportError as error:
            raise ConfigError(
                "MCP needs a package that is not installed", remedy="pip install 'interlingua[tools]'"
            ) from error
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(ready))
        try:
            async with asyncio.timeout(self._start):
                await asyncio.shield(ready)
        except TimeoutError:
            await self.aclose()
            raise TimedOut(
                f"the MCP server {self.name} did not start within {self._start:g} s", phase="start"
            ) from None
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends it. May be called twice."""
        self._leave.set()
        task, self._task = self._task, None
        if task is None:
            return
        if self._client is None:
            task.cancel()  # it is still starting
        await asyncio.wait([task])

    async def _live(self, ready: asyncio.Future[None]) -> None:
        from contextlib import AsyncExitStack

        from mcp import Client
        from mcp.types import Implementation

        try:
            async with AsyncExitStack() as stack:
                transport = await self._transport(stack)
                info = Implementation(name="interlingua", version=__version__)
                client = await stack.enter_async_context(Client(transport, client_info=info))
                self.tools = await self._listed(client)
                self._client = client
                if not ready.done():
                    ready.set_result(None)
                await self._leave.wait()
        except asyncio.CancelledError:
            if not ready.done():
                ready.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - the package raises groups of what its streams met
            if not ready.done():
                ready.set_exception(self._failure(error))
        finally:
            self._client = None

    async def _transport(self, stack: Any) -> Any:
        if self._url:
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            http = httpx2.AsyncClient(headers=self._headers, timeout=httpx2.Timeout(30.0, read=300.0))
            await stack.enter_async_context(http)
            return streamable_http_client(self._url, http_client=http)
        from mcp.client.stdio import StdioServerParameters, stdio_client

        # What a server writes beside the protocol is not for the person's screen.
        quiet = stack.enter_context(open(os.devnull, "w"))  # noqa: ASYNC230, SIM115 - a device, closed with the stack
        program, *arguments = self._command
        parameters = StdioServerParameters(command=program, args=arguments, env=self._env, cwd=self._folder)
        return stdio_client(parameters, errlog=quiet)

    async def _listed(self, client: mcp.Client) -> tuple[DescribedTool, ...]:
        found: list[DescribedTool] = []
        cursor: str | None = None
        while True:
            page = await client.list_tools(cursor=cursor)
            for one in page.tools:
                if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in self._only):
                    name = tool_name(f"{self.name}_{one.name}", [each.name for each in found])
                    found.append(DescribedTool(name, one.description or "", one.input_schema, self._runner(one.name)))
            cursor = page.next_cursor
            if cursor is None or len(found) >= MOST_TOOLS:
                return tuple(found[:MOST_TOOLS])

    def _runner(self, name: str) -> Any:
        async def run(arguments: dict[str, Json]) -> list[ContentPart]:
            client = self._client
            if client is None:
                raise ConnectionFailed(f"the MCP server {self.name} is gone", remedy="Begin the chat anew.")
            from mcp import MCPError

            try:
                result = await client.call_tool(name, arguments)
            except MCPError as error:
                raise UpstreamError(str(error)) from error
            content = [_part(one) for one in result.content]
            if not content and result.structured_content is not None:
                import msgspec

                content = [TextPart(text=msgspec.json.encode(result.structured_content).decode())]
            if result.is_error:
                raise UpstreamError("\n".join(one.text for one in content if isinstance(one, TextPart)) or "it failed")
            return content or [TextPart(text="done")]

        return run

    def _failure(self, error: BaseException) -> InterlinguaError:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, FileNotFoundError | PermissionError):
            return ConfigError(
                f"mcp.{self.name}: {self._command[0]} cannot be run: {error.strerror}",
                remedy="Install it, or write its whole path into the configuration.",
            )
        where = self._url or self._command[0]
        return ConnectionFailed(
            f"the MCP server {self.name} cannot be used: {str(error)[:300] or type(error).__name__}",
            remedy=f"See that {where} speaks MCP.",
        )


def _part(content: Any) -> ContentPart:
    """A piece of a result as the model gets it."""
    kind = content.type
    if kind == "text":
        return TextPart(text=content.text)
    if kind in ("image", "audio"):
        return BlobPart(modality=kind, mime_type=content.mime_type, content=content.data)
    if kind == "resource_link":
        return TextPart(text=f"[{content.name}]({content.uri})")
    resource = content.resource
    text = getattr(resource, "text", None)
    if isinstance(text, str):
        return TextPart(text=f'<file name="{resource.uri}">\n{text}\n</file>')
    return TextPart(text=f"[{resource.uri}: {resource.mime_type or 'a file'}, which is no text]")
