"""A provider on a real port, in three dialects, whose answers are told by words in the question.

Every request that it gets is kept, parsed, so that a test can look at what a model was really shown. A word in
`HOLD` makes an answer wait in the middle until it is let go: an event where others would sleep.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from interlingua.dialects import registry
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event, PartDelta
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage

CODE = "def line_{0}(value: int) -> str:\n    '''Line {0}.'''\n    return f'{{value}} is {0}'\n\n"
LONG_CODE = "Here it is:\n\n```python\n" + "".join(CODE.format(i) for i in range(120)) + "```\n\nThat was **all**."
WIDE = "东京是日本的首都，" * 30 + "\n\n" + "👩‍👩‍👧‍👦 🎉 👍🏽 " * 20 + "\n\n- 一\n- 二\n\nend of wide"
TABLE = "| name | value |\n|---|---:|\n" + "".join(f"| row {i} | {i * i} |\n" for i in range(40)) + "\nend of table"
PLAIN = "Paris is the capital of **France**, and `1 + 1` is 2."
LIST = "".join(f"{i}. item number {i} of a long list\n" for i in range(1, 81)) + "\nend of list"
EVIL = "before \x1b[2J\x1b]0;owned\x07\x1b[31m after\n\n`\x9b31mcode` end of evil"
ANSWERS = {"long code": LONG_CODE, "wide": WIDE, "table": TABLE, "numbered": LIST, "evil": EVIL}
HOLD = "hold"


class Provider:
    """The server; use it as a context manager.

    Args:
        port: 0 picks a free one.
        pause: seconds between two pieces of a stream.
    """

    def __init__(self, port: int = 0, pause: float = 0.0) -> None:
        self.requests: list[tuple[str, ChatRequest]] = []
        self.go = threading.Event()
        self.held = threading.Event()
        self.pause = pause
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = b'{"object":"list","data":[{"id":"m-1","object":"model"}]}'
                self._head(401 if self.headers.get("authorization") == "Bearer wrong-key" else 200, len(body))
                self.wfile.write(body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                try:
                    provider.answer(self, self.path, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _head(self, status: int, length: int) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(length))
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Provider:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def config(self) -> str:
        """A configuration that calls it `one` (OpenAI), `two` (Anthropic) and `three` (Gemini)."""
        dialects = {"one": "openai_chat", "two": "anthropic_messages", "three": "gemini"}
        tables = [
            f'[providers.{name}]\nbase_url = "http://127.0.0.1:{self.port}/{name}"\ndialect = "{dialect}"\n'
            for name, dialect in dialects.items()
        ]
        tables.append(
            f'[providers.locked]\nbase_url = "http://127.0.0.1:{self.port}/one"\ndialect = "openai_chat"\n'
            'api_keys = ["env:LOCKED_KEY"]\n'
        )
        return "\n".join(tables)

    def answer(self, handler: Any, path: str, body: bytes) -> None:
        """Answers one request as a stream."""
        dialect = {"one": "openai_chat", "two": "anthropic_messages", "three": "gemini"}[path.split("/")[1]]
        module = registry.dialect(dialect)
        context = TranslationContext(dialect=dialect, model="m-1", seed=str(len(self.requests)))
        request = module.parse_request(
            WireRequest(path=path.removeprefix("/" + path.split("/")[1]), body=body), context
        )
        self.requests.append((dialect, request))
        handler.send_response(200)
        handler.send_header("content-type", module.STREAM_CONTENT_TYPE)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        renderer = module.StreamRenderer(context, request)
        response = reply_to(request)
        hold = HOLD in last_text(request)
        for number, event in enumerate(pieces(response)):
            if hold and number == 12:
                self.held.set()
                self.go.wait(30)
            self._send(handler, renderer.render(event))
            if self.pause:
                time.sleep(self.pause)
        self._send(handler, renderer.close())
        handler.wfile.write(b"0\r\n\r\n")
        handler.wfile.flush()

    def _send(self, handler: Any, data: bytes) -> None:
        if data:
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()


def pieces(response: ChatResponse) -> Iterator[Event]:
    """The stream of an answer in deltas of about a token."""
    for event in unfold(response):
        if isinstance(event, PartDelta) and len(event.text) > 6:
            for at in range(0, len(event.text), 5):
                yield PartDelta(index=event.index, text=event.text[at : at + 5])
        else:
            yield event


def last_text(request: ChatRequest) -> str:
    """What the person said last."""
    return next((one.text for one in reversed(request.messages) if one.role == "user" and one.text), "")


def reply_to(request: ChatRequest) -> ChatResponse:
    """What a question is answered with."""
    asked = last_text(request)
    answered = [part for part in request.messages[-1].parts if isinstance(part, ToolCallResponsePart)]
    parts: tuple[Part, ...]
    finish = FinishReason("stop", "stop")
    if answered:
        parts = (TextPart(text=f"The tool says {answered[0].text}."),)
    elif "calculate" in asked and request.tools:
        arguments = '{"expression": "6 * 7"}'
        parts = (TextPart(text="Let me see."), tool_call("call_1", "calculate", arguments))
        finish = FinishReason("tool_call", "tool_calls")
    elif "use list_files" in asked and request.tools:
        parts = (tool_call("call_1", "list_files", '{"path": "."}'),)
        finish = FinishReason("tool_call", "tool_calls")
    elif "think" in asked:
        signed = (Opaque(kind="anthropic_messages.signature", data="c2lnbmVk"),)
        thought = "First I look at it.\nThen I look again.\n" * 6
        parts = (ReasoningPart(text=thought, opaque=signed), TextPart(text="I have thought."))
    else:
        text = next((answer for word, answer in ANSWERS.items() if word in asked), PLAIN)
        parts = (TextPart(text=text),)
    return ChatResponse(
        id="answer-1",
        model="m-1",
        created=1_790_000_000,
        choices=(Choice(message=Message(role="assistant", parts=parts), finish=finish),),
        usage=Usage(input_tokens=11, output_tokens=7),
    )


if __name__ == "__main__":
    import sys

    with Provider(port=int(sys.argv[1]), pause=float(sys.argv[2])) as running:
        print(running.config, flush=True)
        threading.Event().wait()
