"""A provider for the official clients: our dialects read what they ask and write what the test answers."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from interlingua.dialects.registry import DIALECTS, count_tokens, dialect, embeddings, models
from interlingua.errors import InterlinguaError, Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import unfold
from interlingua.types.embeddings import EmbedRequest, EmbedResponse
from interlingua.types.events import Event, PartDelta, PartEnd, PartStart
from interlingua.types.listing import ModelPage
from interlingua.types.loss import Loss
from interlingua.types.parts import TextPart
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount

Answer = ChatResponse | Sequence[Event] | EmbedResponse | ModelPage | TokenCount | InterlinguaError
_MARKS = {"anthropic-version": "anthropic_messages", "x-goog-api-key": "gemini"}
CREATED = 1_790_000_000
PIECE = 7
"""Characters in a delta, and bytes in a write: enough to cut every word, number and escape somewhere."""


@dataclass
class Peer:
    """What the server answers next, and what it was asked.

    Args:
        url: its address.
        answer: what it says to everything; events are for streams only.
        comments: whether comment lines and pings stand between events, as heartbeats do.
    """

    url: str
    answer: Answer | None = None
    comments: bytes = b""
    asked: list[ChatRequest] = field(default_factory=list)
    embedded: list[EmbedRequest] = field(default_factory=list)
    wire: list[WireRequest] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def request(self) -> ChatRequest:
        """What was asked last."""
        assert not self.failures, self.failures
        return self.asked[-1]


def in_pieces(response: ChatResponse) -> Iterator[Event]:
    """A stream of small deltas that amounts to `response`; state and citations come behind the words."""
    late: list[PartDelta] = []
    for event in unfold(response):
        if isinstance(event, PartStart):
            part = event.part
            late = [PartDelta(index=event.index, choice=event.choice, opaque=one) for one in part.opaque]
            part = msgspec.structs.replace(part, opaque=())
            if isinstance(part, TextPart):
                cited = part.annotations
                late += [PartDelta(index=event.index, choice=event.choice, annotation=one) for one in cited]
                part = msgspec.structs.replace(part, annotations=())
            yield msgspec.structs.replace(event, part=part)
        elif isinstance(event, PartDelta) and not event.logprobs:
            for place in range(0, len(event.text), PIECE):
                yield msgspec.structs.replace(event, text=event.text[place : place + PIECE])
        else:
            yield from late if isinstance(event, PartEnd) else ()
            yield event


def _matches(paths: Sequence[str], path: str) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\{model\}", ".+"), path) for one in paths)


def _render(name: str, request: WireRequest, peer: Peer, context: TranslationContext) -> WireResponse | list[bytes]:
    """The answer to a request: whole, or as the pieces of a stream."""
    path = request.path.partition("?")[0]
    spoken = dialect(name)
    listing, counting, embedding = models(name), count_tokens(name), embeddings(name)
    if isinstance(peer.answer, InterlinguaError):
        if _matches(spoken.CHAT_PATHS, path):
            peer.asked.append(spoken.parse_request(request, context))
        return spoken.render_error(peer.answer, context)
    if isinstance(peer.answer, ModelPage) and listing is not None:
        return listing.render_models_response(peer.answer, context)
    if isinstance(peer.answer, TokenCount) and counting is not None:
        peer.asked.append(counting.parse_count_request(request, context))
        return counting.render_count_response(peer.answer, context)
    if isinstance(peer.answer, EmbedResponse) and embedding is not None:
        peer.embedded.append(embedding.parse_embed_request(request, context))
        return embedding.render_embed_response(peer.answer, context, peer.embedded[-1])
    assert _matches(spoken.CHAT_PATHS, path), f"{path} is no path of {name}"
    asked = spoken.parse_request(request, context)
    peer.asked.append(asked)
    assert peer.answer is not None
    if not asked.stream:
        assert isinstance(peer.answer, ChatResponse)
        # Ollama's request says by its mark in which of two shapes it wants the answer; the answer must carry it on.
        marked = {name: {"generate": True}} if asked.extra.get(name, {}).get("generate") else {}
        return spoken.render_response(msgspec.structs.replace(peer.answer, extra=marked), context)
    events = in_pieces(peer.answer) if isinstance(peer.answer, ChatResponse) else peer.answer
    assert not isinstance(events, EmbedResponse | ModelPage | TokenCount)
    renderer = spoken.StreamRenderer(context, asked)
    return [*(peer.comments + renderer.render(event) for event in events), renderer.close()]


def _speaks(name: str, path: str) -> bool:
    rooms = (room for room in (models(name), count_tokens(name), embeddings(name)) if room is not None)
    return _matches([*dialect(name).CHAT_PATHS, *(path for room in rooms for path in room.PATHS)], path)


def _dialect_of(request: web.Request) -> str:
    """The dialect whose path it is; three share the address of their lists, and two of them come with a mark."""
    names = [name for name in DIALECTS if _speaks(name, request.path)]
    assert names, f"{request.path} is nobody's path"
    marked = [name for header, name in _MARKS.items() if header in request.headers]
    return marked[0] if marked else names[0]


async def _handle(http: web.Request, peer: Peer) -> web.StreamResponse:
    headers = tuple((key.lower(), value) for key, value in http.headers.items())
    request = WireRequest(method=http.method, path=http.path_qs, body=await http.read(), headers=headers)
    peer.wire.append(request)
    name = _dialect_of(http)
    context = TranslationContext(dialect=name, created=CREATED, seed="sdk")
    peer.losses = context.losses
    answer = _render(name, request, peer, context)
    if isinstance(answer, WireResponse):
        return web.Response(status=answer.status, body=answer.body, headers=dict(answer.headers))
    streamed = web.StreamResponse(headers={"content-type": dialect(name).STREAM_CONTENT_TYPE})
    await streamed.prepare(http)
    for piece in answer:
        for place in range(0, len(piece), PIECE):
            await streamed.write(piece[place : place + PIECE])
    await streamed.write_eof()
    return streamed


@contextmanager
def serve() -> Iterator[Peer]:
    """The server, on a thread and a loop of its own: blocking clients can be asked too."""
    peer = Peer("")
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await _handle(request, peer)
        except Unsupported as refused:
            # A feature that we refuse by design: the client is told, and may go on without it.
            name = next((name for name in DIALECTS if request.path in dialect(name).CHAT_PATHS), "openai_chat")
            told = dialect(name).render_error(refused, TranslationContext(dialect=name))
            return web.Response(status=told.status, body=told.body, headers=dict(told.headers))
        except (AssertionError, InterlinguaError) as failure:
            peer.failures.append(failure)
            return web.Response(status=400, text=str(failure))

    async def run() -> None:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield peer
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
