"""An MCP server of the tests' own: `python mcp_server.py` speaks over stdio, `… http PORT` over streamable HTTP."""

from __future__ import annotations

import base64
import os
import sys

from mcp.server import MCPServer
from mcp.types import ImageContent, TextContent

server = MCPServer("weather-station")


@server.tool()
def weather(city: str, days: int = 1) -> str:
    """The weather in a city."""
    print("noise that is no protocol", file=sys.stderr)
    return f"{city}: rain for {days} days"


@server.tool()
def broken() -> str:
    """Always fails."""
    raise ValueError("the station burnt down")


@server.tool(name="see.map")
def see() -> list[TextContent | ImageContent]:
    """A picture."""
    picture = base64.b64encode(b"png").decode()
    return [TextContent(type="text", text="here"), ImageContent(type="image", data=picture, mime_type="image/png")]


@server.tool()
def told() -> str:
    """What the server was told by its environment."""
    return os.environ.get("STATION_KEY", "nothing")


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
