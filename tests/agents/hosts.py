"""Providers of the five formats on one socket, which a coding agent's whole turn can be played with.

Asked with the agent's own shell among the tools, a host thinks aloud, signs its thinking, and has the agent look for a
word in a file. Shown the output, it says the word. So an answer with the word in it has been all the way round.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from interlingua.dialects.registry import dialect
from interlingua.engine.called_tools import CalledTools
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.tools import CustomTool, FunctionTool, Tool
from tests.sdks.answers import answer
from tests.sdks.gateway_server import HOSTS, THINKING, state
from tests.sdks.server import CREATED, in_pieces

BASES = {"chat": "/v1", "responses": "/v1", "messages": "/v1", "gemini-host": "/v1beta", "ollama-host": ""}
"""What each host's address ends in."""
FILE = "word.txt"
PROOF = "proof.txt"
_ID = "call_word_1"
WORD = re.compile(r"word-[0-9a-f]{12}")
COMMAND = f"cat {FILE} | tee {PROOF}"
SHELLS = ("Bash", "bash", "exec_command", "shell_command", "shell")
"""What agents call the tool that runs a command."""
SCRIPT = f"text((await tools.exec_command({{cmd: {COMMAND!r}}})).output)"
"""The same where a model is to write JavaScript that calls the tools."""
SCRIPTS = ("exec", "functions__exec")


@dataclass
class Hosts:
    """The hosts, and what happened at them.

    Args:
        url: their address; a host is a folder of it.
        asked: every chat request, with the host.
        failures: requests that were none.
    """

    url: str = ""
    asked: list[tuple[str, ChatRequest]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forgets everything."""
        self.asked.clear()
        self.failures.clear()

    def kept_state(self, host: str) -> bool:
        """Whether the reasoning state that a host gave came back with the tool's output, byte for byte."""
        given = sorted(state(said(host, tool_call(_ID, "any")).message))
        shown = [request for name, request in self.asked if name == host and _results(request)]
        return bool(shown) and given == sorted(one for message in shown[-1].messages for one in state(message))


def _call(tool: Tool) -> ToolCallPart | None:
    """How a model would look for the word with a tool, if it can."""
    if isinstance(tool, CustomTool):
        return tool_call(_ID, tool.name, SCRIPT, custom=True) if tool.name in SCRIPTS else None
    if not isinstance(tool, FunctionTool) or tool.name not in (*SHELLS, *SCRIPTS):
        return None
    fields = tool.parameters.get("properties", {}) if isinstance(tool.parameters, dict) else {}
    arguments = {"input": SCRIPT} if tool.name in SCRIPTS else {"cmd" if "cmd" in fields else "command": COMMAND}
    if "description" in fields:
        arguments["description"] = "Look for the word"
    return tool_call(_ID, tool.name, msgspec.json.encode(arguments).decode())


def said(host: str, call: ToolCallPart) -> ChatResponse:
    """What a host says first: its thinking, and the call."""
    parts: list[Part] = []
    for part in THINKING[host].message.parts:
        if isinstance(part, ReasoningPart | TextPart):
            parts.append(part)
        elif isinstance(part, ToolCallPart) and part.opaque:
            call = msgspec.structs.replace(call, opaque=part.opaque)
    return answer(*parts, call, kind="tool_call")


def _results(request: ChatRequest) -> Sequence[str]:
    parts = [part for message in request.messages for part in message.parts]
    return [part.text for part in parts if isinstance(part, ToolCallResponsePart)]


def reply(host: str, request: ChatRequest) -> ChatResponse:
    """What a host answers."""
    if results := _results(request):
        found = WORD.search(results[-1])
        return answer(TextPart(text=f"It says {found[0]}." if found else f"There is no word in {results[-1]!r}."))
    for tool in request.tools:
        if (call := _call(tool)) is not None:
            return CalledTools(request).restore(said(host, call))
    return answer(TextPart(text="A word in a file"))  # titles and the like, for which agents offer no tools


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hosts: Hosts

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        host, _, rest = self.path[1:].partition("/")
        path = f"/{rest}".removeprefix(BASES.get(host, ""))
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        try:
            answered = self._answer(host, WireRequest(path=path, body=body, headers=headers))
        except (InterlinguaError, KeyError) as error:
            self.hosts.failures.append(f"{self.path}: {error!r}")
            answered = WireResponse(status=400, body=str(error).encode())
        self.send_response(answered.status)
        for name, value in (*answered.headers, ("content-length", str(len(answered.body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answered.body)

    def _answer(self, host: str, wire: WireRequest) -> WireResponse:
        spoken = dialect(HOSTS[host])
        context = TranslationContext(dialect=spoken.ID, model="m-1", created=CREATED, seed="agents")
        request = spoken.parse_request(wire, context)
        self.hosts.asked.append((host, request))
        response = msgspec.structs.replace(reply(host, request), id=f"answer-{len(self.hosts.asked)}")
        if not request.stream:
            return spoken.render_response(response, context)
        renderer = spoken.StreamRenderer(context, request)
        data = b"".join([*(renderer.render(event) for event in in_pieces(response)), renderer.close()])
        return WireResponse(body=data, headers=(("content-type", spoken.STREAM_CONTENT_TYPE),))

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def hosts() -> Iterator[Hosts]:
    """The hosts, serving."""
    found = Hosts()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"hosts": found}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
