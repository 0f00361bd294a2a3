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

import msgspec

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
"""A conversation with hardly a message of text alone: short calls, one at a time."""
_LOG = "\n".join(f"{i:3} | naïve: retries = retries + 1  # see “limits.md” – {i * 37}" for i in range(24))
_SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Where, from the root of the project, with forward slashes."},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 2},
        "options": {
            "type": "object",
            "properties": {"case": {"enum": ["keep", "fold"]}, "depth": {"type": ["integer", "null"]}},
            "additionalProperties": False,
        },
    },
    "required": ["path"],
}
_TOOLS = ("read_file", "write_file", "list_files", "search", "run", "fetch", "diff", "commit", "test", "ask")
AGENT_REQUEST = ChatRequest(
    model="m",
    max_output_tokens=8000,
    temperature=0.2,
    stream=True,
    tools=tuple(
        FunctionTool(name=name, description=f"{name}: what it does, told at length. " * 6, parameters=_SCHEMA)
        for name in _TOOLS
    ),
    messages=(
        system("You are a careful engineer. " * 60),
        user("Find out why the retries never end, and mend it."),
        *(
            message
            for i in range(8)
            for message in (
                Message(
                    role="assistant",
                    parts=(
                        TextPart(text=f"Step {i}: I look at both places at once."),
                        tool_call(f"call_{i}_a", "read_file", f'{{"path":"src/limits_{i}.py","lines":[1,{i + 40}]}}'),
                        tool_call(f"call_{i}_b", "search", '{"path":"src","options":{"case":"fold","depth":null}}'),
                    ),
                ),
                Message(
                    role="tool",
                    parts=tuple(
                        ToolCallResponsePart(id=f"call_{i}_{one}", name=name, response=(TextPart(text=_LOG),))
                        for one, name in (("a", "read_file"), ("b", "search"))
                    ),
                ),
            )
        ),
        assistant("The counter is reset inside the loop."),
        user("Mend it, then."),
    ),
)
"""What a coding agent sends: long definitions of tools, texts beside calls, two calls at a time, long results."""
REQUESTS = {"request": REQUEST, "tool_request": TOOL_REQUEST, "agent_request": AGENT_REQUEST}
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
    """Microseconds by kind (request, tool_request, agent_request, response, event) and `source>target`."""
    found: dict[str, dict[str, float]] = {kind: {} for kind in (*REQUESTS, "response", "event")}
    bodies = {kind: requests(request) for kind, request in REQUESTS.items()}
    answers, streams = responses(), {name: stream_bytes(name) for name in DIALECTS}
    for source, target in product(DIALECTS, DIALECTS):
        pair = f"{source}>{target}"
        for kind, body in bodies.items():
            found[kind][pair] = microseconds(partial(translate_request, source, target, body[source]), 200)
        found["response"][pair] = microseconds(partial(translate_response, source, target, answers[source]), 500)
        found["event"][pair] = microseconds(partial(relay, source, target, streams[source]), 10) / DELTAS
    return found


def bounds() -> dict[str, dict[str, float]]:
    """The least that any way through JSON costs, by kind and dialect: a body decoded and encoded, nothing between."""
    wires = {kind: requests(request) for kind, request in REQUESTS.items()}
    wires["response"] = {name: answer.body for name, answer in responses().items()}
    return {
        kind: {name: microseconds(partial(_through, body), 500) for name, body in found.items()}
        for kind, found in wires.items()
    }


def _through(body: bytes) -> None:
    msgspec.json.encode(msgspec.json.decode(body))


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
        "asked": {
            kind: {name: body.decode() for name, body in requests(request).items()}
            for kind, request in REQUESTS.items()
        },
        "responses": {name: answer.body.decode() for name, answer in responses().items()},
        "streams": streams,
    }
    return run_peer("peer_litellm.py", json.dumps(given)) or {}


def report() -> None:
    """Prints the tables."""
    ours, theirs = measure(), peer()
    print("| from → to | request | full of tools | of an agent | response | stream event |\n|---|---|---|---|---|---|")
    for pair in ours["request"]:
        cells = [_beside(ours[kind][pair], theirs.get(kind, {}).get(pair)) for kind in ours]
        print(f"| {pair.replace('>', ' → ')} | {' | '.join(cells)} |")
    print(
        "\nµs of CPU; in brackets LiteLLM's transformation functions on the same input, and theirs divided by ours.\n"
    )
    least = bounds()
    print("| JSON alone | request | full of tools | of an agent | response |\n|---|---|---|---|---|")
    for name in DIALECTS:
        print(f"| {name} | " + " | ".join(f"{found[name]:.1f}" for found in least.values()) + " |")
    print(
        "\nµs of CPU to decode and encode the same bodies with the library that ours is built on, and nothing else.\n"
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
