"""CPU per translation, for every ordered pair of dialects: a request, a response, and one event of a stream."""

from __future__ import annotations

import time
from collections.abc import Callable

from interlingua.dialects.registry import DIALECTS, dialect
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
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
            pieces = [PartDelta(index=event.index, text="word ") for _ in range(DELTAS)]
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


def report() -> None:
    """Prints the table."""
    print(f"{'from -> to':44} {'request':>10} {'response':>10} {'event':>10}   microseconds of CPU")
    for source in DIALECTS:
        speaker = dialect(source)
        body = speaker.render_request(REQUEST, TranslationContext(dialect=source, model="m")).body
        answer = speaker.render_response(RESPONSE, TranslationContext(dialect=source, model="m"))
        stream = stream_bytes(source)
        for target in DIALECTS:
            listener = dialect(target)

            def request(body: bytes = body) -> None:
                parsed = speaker.parse_request(WireRequest(body=body), TranslationContext(dialect=source))  # noqa: B023 - called at once
                listener.render_request(parsed, TranslationContext(dialect=target, model="m"))  # noqa: B023

            def response() -> None:
                parsed = speaker.parse_response(answer, TranslationContext(dialect=source))  # noqa: B023
                listener.render_response(parsed, TranslationContext(dialect=target, model="m"))  # noqa: B023

            times = (
                microseconds(request, 200),
                microseconds(response, 500),
                microseconds(lambda: relay(source, target, stream), 10) / DELTAS,  # noqa: B023
            )
            print(f"{source + ' -> ' + target:44} " + " ".join(f"{value:10.1f}" for value in times))


if __name__ == "__main__":
    report()
