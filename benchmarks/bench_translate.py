"""CPU per translation, for every ordered pair of dialects: a request, a response, and one event of a stream.

Beside it LiteLLM's, measured right after on the same inputs in a process of its own (`peer_litellm.py` in the
environment of the peers), for the pairs that it has: its transformation functions alone, and what a call through its
SDK costs against an upstream that answers from memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from itertools import product

from benchmarks.peers import run_peer
from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.types.accumulate import unfold
from interlingua.types.events import PartDelta
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import TextPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool
from interlingua.types.usage import Usage

DELTAS = 200
CALL = tool_call("call_1", "lookup", '{"city": "Oslo"}')
RESULT = ToolCallResponsePart(id="call_1", name="lookup", response=(TextPart(text="rain"),))
REQUEST = ChatRequest(
    model="m",
    max_output_tokens=500,
    tools=(FunctionTool(name="lookup", parameters={"type": "object", "properties": {"city": {"type": "string"}}}),),
    messages=(
        system("Be brief."),
        *(message for _ in range(10) for message in (user("How is the weather?"), assistant("Where?"))),
        user("In Oslo."),
        Message(role="assistant", parts=(CALL,)),
        Message(role="tool", parts=(RESULT,)),
    ),
)
ROUNDS = 10
TOOL_REQUEST = ChatRequest(
    model="m",
    max_output_tokens=500,
    tools=REQUEST.tools,
    messages=(
        user("How is the weather in ten cities?"),
        *(
            message
            for i in range(ROUNDS)
            for message in (
                Message(role="assistant", parts=(tool_call(f"call_{i}", "lookup", '{"city": "Oslo"}'),)),
                Message(
                    role="tool",
                    parts=(ToolCallResponsePart(id=f"call_{i}", name="lookup", response=(TextPart(text="rain"),)),),
                ),
            )
        ),
    ),
)
"""A conversation with hardly a plain message, which is what the quick ways of the parsers are for."""
RESPONSE = ChatResponse(
    id="r",
    model="m",
    usage=Usage(input_tokens=300, output_tokens=DELTAS),
    choices=(Choice(message=assistant("word " * DELTAS), finish=FinishReason("stop", "stop")),),
)


def microseconds(work: Callable[[], object], times: int) -> float:
    """CPU microseconds per run, the best of five rounds."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - start) / times)
    return best * 1e6


def stream_bytes(name: str) -> bytes:
    """A whole stream of a dialect, one delta per word."""
    renderer = dialect(name).StreamRenderer(TranslationContext(dialect=name, model="m"), None)
    out = b""
    for event in unfold(RESPONSE):
        pieces = [event]
        if isinstance(event, PartDelta):
            pieces = [PartDelta(index=event.index, text=f"word {i} ") for i in range(DELTAS)]
        out += b"".join(renderer.render(piece) for piece in pieces)
    return out + renderer.close()


def relay(source: str, target: str, data: bytes) -> None:
    """One stream from one dialect to another, in pieces as a network gives them."""
    parser = dialect(source).StreamParser(TranslationContext(dialect=source))
    renderer = dialect(target).StreamRenderer(TranslationContext(dialect=target, model="m"), None)
    for start in range(0, len(data), 1400):
        for event in parser.feed(data[start : start + 1400]):
            renderer.render(event)
    for event in parser.close():
        renderer.render(event)
    renderer.close()


def requests(request: ChatRequest) -> dict[str, bytes]:
    """The body of a request in every dialect."""
    return {name: dialect(name).render_request(request, _context(name)).body for name in DIALECTS}


def responses() -> dict[str, WireResponse]:
    """The answer in every dialect."""
    return {name: dialect(name).render_response(RESPONSE, _context(name)) for name in DIALECTS}


def measure() -> dict[str, dict[str, float]]:
    """Microseconds by kind (request, tool_request, response, event) and `source>target`."""
    found: dict[str, dict[str, float]] = {"request": {}, "tool_request": {}, "response": {}, "event": {}}
    bodies, tools, answers, streams = (
        requests(REQUEST),
        requests(TOOL_REQUEST),
        responses(),
        {name: stream_bytes(name) for name in DIALECTS},
    )
    for source, target in product(DIALECTS, DIALECTS):
        pair = f"{source}>{target}"
        found["request"][pair] = microseconds(partial(translate_request, source, target, bodies[source]), 200)
        found["tool_request"][pair] = microseconds(partial(translate_request, source, target, tools[source]), 100)
        found["response"][pair] = microseconds(partial(translate_response, source, target, answers[source]), 500)
        found["event"][pair] = microseconds(partial(relay, source, target, streams[source]), 10) / DELTAS
    return found


def translate_request(source: str, target: str, body: bytes) -> None:
    """A client's request to what a provider gets."""
    parsed = dialect(source).parse_request(WireRequest(body=body), TranslationContext(dialect=source))
    dialect(target).render_request(parsed, _context(target))


def translate_response(source: str, target: str, answer: WireResponse) -> None:
    """A provider's answer to what a client gets."""
    parsed = dialect(source).parse_response(answer, TranslationContext(dialect=source))
    dialect(target).render_response(parsed, _context(target))


def _context(name: str) -> TranslationContext:
    return TranslationContext(dialect=name, model="m")


def peer() -> dict[str, dict[str, float]]:
    """LiteLLM's figures for the same inputs; empty where the environment of the peers was not made."""
    streams = {name: stream_bytes(name).decode() for name in DIALECTS}
    given = {
        "deltas": DELTAS,
        "requests": {name: body.decode() for name, body in requests(REQUEST).items()},
        "tool_requests": {name: body.decode() for name, body in requests(TOOL_REQUEST).items()},
        "responses": {name: answer.body.decode() for name, answer in responses().items()},
        "streams": streams,
    }
    return run_peer("peer_litellm.py", json.dumps(given)) or {}


def report() -> None:
    """Prints the tables."""
    ours, theirs = measure(), peer()
    print("| from → to | request | request full of tools | response | stream event |\n|---|---|---|---|---|")
    for pair in ours["request"]:
        cells = [_beside(ours[kind][pair], theirs.get(kind, {}).get(pair)) for kind in ours]
        print(f"| {pair.replace('>', ' → ')} | {' | '.join(cells)} |")
    print(
        "\nµs of CPU; in brackets LiteLLM's transformation functions on the same input, and theirs divided by ours.\n"
    )
    print("| provider | our translation, both ways | LiteLLM's whole call | our event | LiteLLM's event |")
    print("|---|---|---|---|---|")
    for name, call in theirs.get("sdk_call", {}).items():
        there, back = f"openai_chat>{name}", f"{name}>openai_chat"
        row = (ours["request"][there] + ours["response"][back], call, ours["event"][back], theirs["sdk_event"][name])
        print(f"| {name} | " + " | ".join(f"{figure:.1f}" for figure in row) + " |")
    print("\nNot like for like, so without ratios: theirs is all that its SDK does (routing, logging, stream wrapper,")
    print("an HTTP client on an upstream in memory), ours the translation alone. `in_process` compares whole calls.")


def _beside(own: float, other: float | None) -> str:
    return f"{own:.1f}" if other is None else f"{own:.1f} ({other:.0f}, {other / own:.1f} ×)"


if __name__ == "__main__":
    report()
