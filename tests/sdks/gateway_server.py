"""The gateway on a real port, and behind it one host for every dialect, whose answers the tests write.

Our dialects read what the hosts are asked and write what they answer; a client's model `chat/m-1` leads to the host
that speaks openai_chat, and so on.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

import msgspec
import uvicorn

from interlingua.config.schema import Config, StoreSettings, VirtualKeySettings
from interlingua.dialects.registry import count_tokens, dialect, embeddings
from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import RetrySettings
from interlingua.errors import InterlinguaError, InvalidRequest, Unsupported
from interlingua.gateway.build import build_gateway
from interlingua.gateway.process import BoundedProtocol
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.events import Event
from interlingua.types.messages import Message
from interlingua.types.opaque import Opaque
from interlingua.types.parts import Part, ReasoningPart, TextPart, ToolCallPart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount
from interlingua.types.tools import FunctionTool
from tests.sdks import answers
from tests.sdks.server import CREATED, in_pieces

Said = ChatResponse | Sequence[Event] | EmbedResponse | TokenCount | InterlinguaError
HOSTS: dict[str, str] = {
    "chat": "openai_chat",
    "responses": "openai_responses",
    "messages": "anthropic_messages",
    "gemini-host": "gemini",
    "ollama-host": "ollama",
}
"""The dialect of each host; the host's id is what a model's name begins with."""
CHUNK = 61
"""Bytes in a piece of a stream: events are cut anywhere."""
KEY = "il-for-every-model-0123456789"
NARROW_KEY = "il-for-one-model-only-0123456789"

WEATHER_CALL = tool_call("call_a", "weather", '{"city":"Bern"}')
CLOCK_CALL = tool_call("call_b", "clock", '{"zone":"UTC"}')
_DETAILS = '[{"type":"reasoning.encrypted","index":0,"data":"c2VjcmV0"}]'
_SAID = TextPart(text="Let me look.")
_SIGNED_CALL = msgspec.structs.replace(WEATHER_CALL, opaque=(Opaque("gemini.thought_signature", "CiQ+/3rX0w=="),))


def _thought(kind: str, data: str) -> Part:
    return ReasoningPart(text="I should look.", summary=kind.startswith("openai_r"), opaque=(Opaque(kind, data),))


THINKING: dict[str, ChatResponse] = {
    host: answers.answer(*parts, kind="tool_call")
    for host, parts in {
        "chat": (_thought("openai_chat.reasoning_details", _DETAILS), _SAID, WEATHER_CALL, CLOCK_CALL),
        "responses": (_thought("openai_responses.encrypted_content", "gAAAAB+/"), _SAID, WEATHER_CALL, CLOCK_CALL),
        "messages": (_thought("anthropic_messages.signature", "EqQBCg+/=="), _SAID, WEATHER_CALL, CLOCK_CALL),
        "gemini-host": (ReasoningPart(text="I should look.", summary=True), _SAID, _SIGNED_CALL, CLOCK_CALL),
        "ollama-host": (ReasoningPart(text="I should look."), _SAID, WEATHER_CALL, CLOCK_CALL),
    }.items()
}
"""What a host says that thinks, signs its thinking in its own way, and calls two tools."""


def state(message: Message) -> list[tuple[str, str, str]]:
    """What a host wants back unread: on which kind of part it stands, what it is, and its bytes."""
    return [
        (type(part).__name__, one.kind, one.data)
        for part in message.parts
        for one in part.opaque
        if not one.kind.endswith(("item_id", "reasoning_item"))
    ]


def calls(message: Message) -> list[tuple[str, Any]]:
    """The tool calls of a message: name and arguments."""
    return [(part.name, part.arguments) for part in message.parts if isinstance(part, ToolCallPart)]


def tool_names(request: ChatRequest) -> list[str]:
    """The functions that a host was offered."""
    return [tool.name for tool in request.tools if isinstance(tool, FunctionTool)]


class Upstream:
    """What the hosts answer next, in turn, and what they were asked."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport(self._answer)
        self._answered = 0
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.transport.requests.clear()
        self.transport.responses.clear()
        self._says: list[Said] = []
        self.breaks_off = False
        self.asked: list[ChatRequest] = []
        self.embedded: list[EmbedRequest] = []
        self.failures: list[BaseException] = []

    def says(self, *answers: Said) -> None:
        """What is answered next; the last answer is repeated."""
        self._says = list(answers)

    @property
    def request(self) -> ChatRequest:
        """What was asked last."""
        assert not self.failures, self.failures
        return self.asked[-1]

    def _answer(self, http: HttpRequest) -> Script:
        name = HOSTS[http.url.split("/")[2].removesuffix(".example")]
        path = http.url.partition(".example")[2]
        wire = WireRequest(method=http.method, path=path, body=http.body, headers=http.headers)
        context = TranslationContext(dialect=name, created=CREATED, seed="sdk")
        answer: WireResponse | list[bytes]
        try:
            answer = self._rendered(name, wire, context)
        except Unsupported as refused:
            answer = dialect(name).render_error(refused, context)
        except (AssertionError, InterlinguaError) as failure:
            self.failures.append(failure)
            return Script(status=400, chunks=(str(failure).encode(),))
        if isinstance(answer, WireResponse):
            return Script(status=answer.status, headers=answer.headers, chunks=(answer.body,))
        headers = (("content-type", dialect(name).STREAM_CONTENT_TYPE),)
        script = Script(headers=headers, chunks=(b"".join(answer),)).rechunked(CHUNK)
        return script.cut(after=len(script.chunks) * 2 // 3) if self.breaks_off else script

    def _rendered(self, name: str, wire: WireRequest, context: TranslationContext) -> WireResponse | list[bytes]:
        said = self._says[0]
        spoken, counting, embedding = dialect(name), count_tokens(name), embeddings(name)
        if isinstance(said, TokenCount):
            assert counting is not None, f"{name} counts no tokens"
            self.asked.append(counting.parse_count_request(wire, context))
            return counting.render_count_response(said, context)
        if isinstance(said, EmbedResponse):
            assert embedding is not None, f"{name} has no vectors"
            self.embedded.append(embedding.parse_embed_request(wire, context))
            return embedding.render_embed_response(said, context, self.embedded[-1])
        asked = spoken.parse_request(wire, context)
        self.asked.append(asked)
        self._says = self._says[1:] or self._says
        if isinstance(said, InterlinguaError):
            return spoken.render_error(said, context)
        if isinstance(said, ChatResponse):
            self._answered += 1
            said = msgspec.structs.replace(said, id=f"answer-{self._answered}")
        if not asked.stream:
            assert isinstance(said, ChatResponse)
            marked = {name: {"generate": True}} if asked.extra.get(name, {}).get("generate") else {}
            return spoken.render_response(msgspec.structs.replace(said, extra=marked), context)
        renderer = spoken.StreamRenderer(context, asked)
        events = in_pieces(said) if isinstance(said, ChatResponse) else said
        return [*(renderer.render(event) for event in events), renderer.close()]


class Service:
    """A running gateway.

    Args:
        url: its address.
        upstream: the hosts behind it.
    """

    def __init__(self, url: str, upstream: Upstream) -> None:
        self.url = url
        self.upstream = upstream


def _config(folder: Path, keyed: bool) -> Config:
    bases = {"messages": "/v1", "gemini-host": "/v1beta", "ollama-host": "", "chat": "/v1", "responses": "/v1"}
    hosts: dict[str, dict[str, Any]] = {
        host: {
            "base_url": f"http://{host}.example{bases[host]}",
            "endpoints": {spoken: {"native": True, "traits": {"reasoning_field": "reasoning_details"}}},
            "api_keys": ["env:LAB_KEY"],
        }
        for host, spoken in HOSTS.items()
    }
    keys = (
        VirtualKeySettings(name="wide", key="env:WIDE_KEY"),
        VirtualKeySettings(name="narrow", key="env:NARROW_KEY", models=("chat/m-1",)),
    )
    return Config(
        providers=hosts,
        models={f"house-{host}": ModelAlias(targets=(f"{host}/m-1",)) for host in HOSTS},
        retry=RetrySettings(attempts=1),
        store=StoreSettings(path=str(folder / "il.db")),
        virtual_keys=keys if keyed else (),
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, listening: Callable[[int], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening(self.servers[0].sockets[0].getsockname()[1])


class _Runner:
    def __init__(self, upstream: Upstream, keyed: bool) -> None:
        self._upstream = upstream
        self._keyed = keyed
        self._server: uvicorn.Server | None = None
        self.ready = threading.Event()
        self.url = ""

    def run(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        environment: Mapping[str, str] = {
            "LAB_KEY": "lab-secret",
            "WIDE_KEY": KEY,
            "NARROW_KEY": NARROW_KEY,
            "IL_KEYCHAIN": "off",
        }
        with tempfile.TemporaryDirectory() as folder:
            config = _config(Path(folder), self._keyed)
            app = await build_gateway(config, transport=self._upstream.transport, environment=environment)
            settings = uvicorn.Config(
                app, host="127.0.0.1", port=0, http=BoundedProtocol, ws="none", lifespan="on", log_config=None
            )
            self._server = _Server(settings, self._listening)
            await self._server.serve()

    def _listening(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ready.set()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True


@contextmanager
def gateway(*, keyed: bool = False) -> Iterator[Service]:
    """The gateway, on a thread and a loop of its own: blocking clients can be asked too.

    Args:
        keyed: whether clients must bring a virtual key: KEY, or NARROW_KEY, which may use `chat/m-1` only.
    """
    upstream = Upstream()
    runner = _Runner(upstream, keyed)
    thread = threading.Thread(target=runner.run, daemon=True)
    thread.start()
    if not runner.ready.wait(60) or not runner.url:
        raise InvalidRequest("the gateway did not start")
    try:
        yield Service(runner.url, upstream)
    finally:
        runner.stop()
        thread.join(60)
