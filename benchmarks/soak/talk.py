"""What is asked and answered in the soak, in every dialect: the answer's text is known, so that it can be checked."""

from __future__ import annotations

from typing import Literal, get_args

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.errors import InterlinguaError
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import Accumulator, unfold
from interlingua.types.events import Failed, PartDelta
from interlingua.types.messages import assistant, user
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage

Manner = Literal["well", "cut", "stall", "limited", "broken", "malformed"]
"""How the upstream answers; the model's name says it."""
MANNERS: tuple[Manner, ...] = get_args(Manner)
WORDS = 40
TEXT = "".join(f"word {i} " for i in range(WORDS))
ANSWER = ChatResponse(
    id="r1",
    model="m",
    usage=Usage(input_tokens=30, output_tokens=2 * WORDS),
    choices=(Choice(message=assistant(TEXT), finish=FinishReason("stop", "stop")),),
)
PREFIXES = {"openai_chat": "/v1", "openai_responses": "/v1", "anthropic_messages": "/v1", "gemini": "/v1beta"}
"""Where a server of each dialect begins its paths."""


def provider(name: str) -> str:
    """The upstream's name for a dialect."""
    return name.replace("_", "-")


def request(name: str, model: str, number: int, *, stream: bool) -> WireRequest:
    """A request with its whole path; each begins a conversation of its own."""
    asked = ChatRequest(
        model=model, stream=stream, max_output_tokens=500, messages=(user(f"Count, please. This is call {number}."),)
    )
    wire = dialect(name).render_request(asked, TranslationContext(dialect=name, model=model))
    return WireRequest(path=PREFIXES.get(name, "") + wire.path, body=wire.body, headers=wire.headers)


def whole(name: str) -> WireResponse:
    """The answer at once."""
    return dialect(name).render_response(ANSWER, TranslationContext(dialect=name, model="m"))


def pieces(name: str) -> list[bytes]:
    """The answer as a stream, an event a word."""
    renderer = dialect(name).StreamRenderer(TranslationContext(dialect=name, model="m"), None)
    found = []
    for event in unfold(ANSWER):
        parts = [event]
        if isinstance(event, PartDelta):
            parts = [PartDelta(index=event.index, text=f"word {i} ") for i in range(WORDS)]
        found += [renderer.render(part) for part in parts]
    return [piece for piece in (*found, renderer.close()) if piece]


def wrong(name: str, manner: Manner, status: int, body: bytes, *, stream: bool) -> str | None:
    """What is wrong with what a client got, or None: a whole answer, or a typed error, and nothing else.

    Args:
        name: the client's dialect.
        manner: how the upstream answered.
        status, body: of the gateway's answer.
        stream: whether it was asked for piece by piece.
    """
    context = TranslationContext(dialect=name, provider="gateway")
    failed: str | None = None
    said = ""
    try:
        if status != 200:
            raise dialect(name).parse_error(WireResponse(status=status, body=body), context)
        if stream:
            parser, accumulator = dialect(name).StreamParser(context), Accumulator()
            for event in (*parser.feed(body), *parser.close()):
                if isinstance(event, Failed):
                    raise event.error()
                accumulator.add(event)
            said = accumulator.response().message.text
        else:
            said = dialect(name).parse_response(WireResponse(body=body), context).message.text
    except InterlinguaError as error:
        failed = f"{status} {error.code}: {error.message}"[:200]
    if manner == "well":
        return failed or (None if said == TEXT else f"another answer: {said[:60]!r}")
    if failed is None:
        return f"a success, although the upstream's answer was {manner}: {said[-60:]!r}"
    if stream and status == 200:
        return None  # its head was out before the last try failed: the failure is an event
    wanted = {"limited": (429,), "broken": (500, 502, 503, 529)}.get(manner)
    return None if wanted is None or status in wanted else f"status {status} where the upstream's answer was {manner}"


__all__ = ["DIALECTS", "MANNERS", "Manner", "pieces", "provider", "request", "whole", "wrong"]
