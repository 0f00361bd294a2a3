"""Providers for the tests of the gateway: what each dialect's host would send, and how a client of each asks."""

from __future__ import annotations

from typing import Any

from interlingua.config.schema import Config
from interlingua.dialects import registry
from interlingua.engine.settings import RetrySettings
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireResponse
from interlingua.transport.scripted import Script
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event, Failed, MessageEnd, PartDelta, PartStart
from interlingua.types.messages import Message
from interlingua.types.parts import TextPart
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage

DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama")
PAIRS = [(client, host) for client in DIALECTS for host in DIALECTS]
SECRET = "sk-the-canary-that-is-nowhere-seen"  # noqa: S105 - a canary
USED = Usage(input_tokens=11, output_tokens=7)
WORDS = ("One ", "two ", "three.")


def host_of(dialect: str) -> str:
    """The host that speaks a dialect."""
    return "the-" + dialect.replace("_", "-")


def config(**more: Any) -> dict[str, Any]:
    """Settings of a gateway with one plain host per dialect, called as its dialect, and no waiting between tries."""
    hosts = {
        host_of(name): {
            "base_url": f"https://{host_of(name)}.example/v1",
            "dialect": name,
            "api_keys": [f"env:{name.upper()}_KEY"],
        }
        for name in DIALECTS
    }
    return {"providers": hosts, "retry": RetrySettings(attempts=1, base=0.0), **more}


ENVIRONMENT = {f"{name.upper()}_KEY": f"{SECRET}-{name}" for name in DIALECTS}
assert set(config()) <= set(Config.__struct_fields__)


def model_of(host: str) -> str:
    """The model of a host, as clients name it."""
    return f"{host_of(host)}/m-1"


def asks(client: str, host: str, *, stream: bool = True, **more: Any) -> tuple[str, dict[str, Any]]:
    """Path and body of a plain question."""
    model, text = model_of(host), "Count to three."
    if client == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
    body: dict[str, Any] = {"model": model, "stream": stream}
    if client == "openai_responses":
        return "/v1/responses", {**body, "input": text, **more}
    body["messages"] = [{"role": "user", "content": text}]
    if client == "anthropic_messages":
        return "/v1/messages", {**body, "max_tokens": 100, **more}
    return ("/api/chat" if client == "ollama" else "/v1/chat/completions"), {**body, **more}


def response(*words: str, usage: Usage | None = USED) -> ChatResponse:
    """A plain answer."""
    message = Message(role="assistant", parts=(TextPart(text="".join(words or WORDS)),))
    return ChatResponse(
        id="answer-1",
        model="m-1",
        created=1_790_000_000,
        choices=(Choice(message=message, finish=FinishReason("stop", "stop")),),
        usage=usage,
    )


def events(answer: ChatResponse) -> list[Event]:
    """Its stream, a delta per word."""
    found: list[Event] = []
    for event in unfold(answer):
        if isinstance(event, PartDelta) and event.text:
            found += [PartDelta(index=event.index, text=word) for word in event.text.split(" ") if word]
        else:
            found.append(event)
    return found


def rendered(host: str, stream: list[Event], *, close: bool = True) -> list[bytes]:
    """The stream as a host sends it, piece by piece."""
    renderer = registry.dialect(host).StreamRenderer(TranslationContext(dialect=host, model="m-1", seed="up"))
    pieces = [renderer.render(event) for event in stream]
    return [piece for piece in (*pieces, renderer.close() if close else b"") if piece]


def script(host: str, answer: ChatResponse | None = None, **more: Any) -> Script:
    """A whole stream of a host."""
    kind = registry.dialect(host).STREAM_CONTENT_TYPE
    head = (("content-type", kind), ("x-request-id", "up-1"), ("set-cookie", "a=b"), ("openai-organization", "org-x"))
    return Script(headers=head, chunks=tuple(rendered(host, events(answer or response()))), **more)


def whole(host: str, answer: ChatResponse | None = None) -> Script:
    """A whole answer of a host."""
    wire = registry.dialect(host).render_response(
        answer or response(), TranslationContext(dialect=host, model="m-1", seed="up")
    )
    return Script(headers=(*wire.headers, ("x-request-id", "up-1")), chunks=(wire.body,))


def begun(host: str) -> list[bytes]:
    """A stream up to its first word, each event a piece."""
    stream = events(response())
    first = next(i for i, event in enumerate(stream) if isinstance(event, PartDelta))
    return rendered(host, stream[: first + 1], close=False)


def in_band(host: str) -> bytes:
    """How a host says inside a stream that it failed."""
    from interlingua.errors import Overloaded

    renderer = registry.dialect(host).StreamRenderer(TranslationContext(dialect=host, model="m-1", seed="up"))
    return renderer.render(Failed.of(Overloaded("the machine is full")))


def read(client: str, body: bytes) -> list[Event]:
    """What a client of a dialect reads."""
    parser = registry.dialect(client).StreamParser(TranslationContext(dialect=client, seed="down"))
    return [*parser.feed(body), *parser.close()]


def text_of(found: list[Event]) -> str:
    """What a stream says."""
    deltas = "".join(event.text for event in found if isinstance(event, PartDelta))
    return "".join(getattr(e.part, "text", "") for e in found if isinstance(e, PartStart)) + deltas


def failure(client: str, body: bytes) -> Failed:
    """The failure that a stream ends with, and nothing after it."""
    found = read(client, body)
    assert isinstance(found[-1], Failed), found[-3:]
    assert not any(isinstance(event, MessageEnd | Failed) for event in found[:-1])
    for mark in (b"[DONE]", b'"message_stop"', b'"response.completed"', b'"done":true', b'"finishReason"'):
        assert mark not in body
    return found[-1]


def parsed(client: str, body: bytes) -> ChatResponse:
    """What a client reads of a whole answer."""
    return registry.dialect(client).parse_response(WireResponse(body=body), TranslationContext(dialect=client))
