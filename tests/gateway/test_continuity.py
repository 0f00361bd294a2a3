"""Reasoning state through clients that speak another dialect, over HTTP: two turns of a tool loop (contracts §2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from interlingua.config.schema import VirtualKeySettings
from interlingua.dialects import registry
from interlingua.gateway.app import Gateway
from interlingua.ports.context import TranslationContext
from interlingua.transport.scripted import ScriptedTransport
from interlingua.types.accumulate import accumulate
from interlingua.types.messages import Message, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.tools import FunctionTool
from tests.gateway.asgi import Answer, call, gateway
from tests.gateway.upstreams import DIALECTS, ENVIRONMENT, config, model_of, parsed, read, response, script, whole

STATE = {
    "anthropic_messages": Opaque("anthropic_messages.signature", "c2lnbmF0dXJlLW9mLXRoZS1tYWtlcg=="),
    "gemini": Opaque("gemini.thought_signature", "dGhvdWdodC1zaWduYXR1cmU+Pz8="),
    "openai_responses": Opaque("openai_responses.encrypted_content", "gAAAAencrypted-content=="),
}
each = pytest.mark.parametrize(
    ("client", "host"), [(c, h) for c in DIALECTS for h in STATE], ids=lambda name: str(name)
)
PREFIX = {"gemini": "/v1beta", "ollama": ""}
KEYS = {"ONE": "il-the-first-key-of-some-letters", "TWO": "il-the-second-key-of-some-letters"}
TOOL = FunctionTool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})


def thoughtful(host: str) -> ChatResponse:
    """An answer that thinks and calls a tool, with state as its host makes it."""
    state = STATE[host]
    thought = ReasoningPart(text="I must look.", opaque=() if host == "gemini" else (state,))
    asked = tool_call("call_a1b2c3", "weather", '{"city":"Bern"}')
    if host == "gemini":
        asked = msgspec.structs.replace(asked, opaque=(state,))
    message = Message(role="assistant", parts=(thought, asked))
    return msgspec.structs.replace(
        response(), choices=(Choice(message=message, finish=FinishReason("tool_call", "tool_use")),)
    )


async def turn(
    app: Gateway, client: str, host: str, messages: tuple[Message, ...], *, stream: bool, key: str = "ONE", **more: Any
) -> Answer:
    """A client's call with a conversation, as its own SDK writes it."""
    request = ChatRequest(
        model=model_of(host), messages=messages, tools=(TOOL,), stream=stream, max_output_tokens=99, **more
    )
    context = TranslationContext(dialect=client, model=model_of(host), seed="client")
    context.on_loss = {"setting": "warn", "content": "warn"}
    wire = registry.dialect(client).render_request(request, context)
    path = PREFIX.get(client, "/v1") + wire.path
    return await call(app, "POST", path, wire.body, headers={"authorization": f"Bearer {KEYS[key]}"})


def said(client: str, answer: Answer, *, stream: bool) -> Message:
    """The assistant's message as a client of a dialect reads it."""
    assert answer.status == 200, answer.body
    if stream:
        return accumulate(read(client, answer.body)).message
    return parsed(client, answer.body).message


def second(first: Message) -> tuple[Message, ...]:
    """The conversation with the tool's result."""
    (asked,) = (part for part in first.parts if part.__class__.__name__ == "ToolCallPart")
    result = ToolCallResponsePart(id=asked.id, name="weather", response=(TextPart(text="sunny"),))  # type: ignore[union-attr]  # a tool call
    return (user("Weather in Bern?"), first, Message(role="tool", parts=(result,)))


def served(tmp_path: Path, transport: ScriptedTransport) -> Any:
    keys = tuple(VirtualKeySettings(name=name.lower(), key=f"env:{name}") for name in KEYS)
    return gateway(tmp_path, transport, {**ENVIRONMENT, **KEYS}, **config(virtual_keys=keys))


@each
@pytest.mark.parametrize("stream", [True, False])
async def test_the_second_turn_carries_the_state_byte_for_byte(
    stream: bool, client: str, host: str, tmp_path: Path
) -> None:
    """By envelope where the client's dialect has a field for it, else by recall."""
    make = script if stream else whole
    transport = ScriptedTransport([make(host, thoughtful(host)), make(host)])
    async with served(tmp_path, transport) as app:
        answer = await turn(app, client, host, (user("Weather in Bern?"),), stream=stream)
        first = said(client, answer, stream=stream)
        if client != host:
            assert STATE[host].data not in answer.body.decode()
        answer = await turn(app, client, host, second(first), stream=stream)
        assert answer.status == 200, answer.body
    assert STATE[host].data.encode() in transport.requests[1].body


@each
async def test_the_state_of_one_tenant_is_not_opened_for_another(client: str, host: str, tmp_path: Path) -> None:
    """Neither from an envelope nor by recall."""
    if client == host:
        pytest.skip("verbatim: a string goes on as without us")
    transport = ScriptedTransport([whole(host, thoughtful(host)), whole(host)])
    async with served(tmp_path, transport) as app:
        answer = await turn(app, client, host, (user("Weather in Bern?"),), stream=False)
        first = said(client, answer, stream=False)
        await turn(app, client, host, second(first), stream=False, key="TWO")
    assert all(STATE[host].data.encode() not in request.body for request in transport.requests[1:])
    assert all(b"il1." not in request.body for request in transport.requests)


@pytest.mark.parametrize("host", sorted(STATE))
async def test_another_hosts_state_is_left_out_and_said_to_be(host: str, tmp_path: Path) -> None:
    """A conversation that changes its model."""
    other = "gemini" if host != "gemini" else "anthropic_messages"
    for client in DIALECTS:
        folder = tmp_path / client
        folder.mkdir()
        transport = ScriptedTransport([whole(host, thoughtful(host)), whole(other)])
        async with served(folder, transport) as app:
            answer = await turn(app, client, host, (user("Weather in Bern?"),), stream=False)
            first = said(client, answer, stream=False)
            answer = await turn(app, client, other, second(first), stream=False)
            assert answer.status == 200, answer.body
        assert STATE[host].data.encode() not in transport.requests[1].body
        assert b"il1." not in transport.requests[1].body
        assert int(answer.headers["x-interlingua-losses"]) >= 1


def continuing(host: str, id: str, text: str = "And then?", **more: Any) -> dict[str, Any]:
    return {"model": model_of(host), "input": text, "previous_response_id": id, **more}


BEARER = {name: {"authorization": f"Bearer {key}"} for name, key in KEYS.items()}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("host", ["anthropic_messages", "gemini", "openai_chat", "ollama"])
async def test_a_response_is_continued_by_its_id_where_the_host_keeps_none(
    host: str, stream: bool, tmp_path: Path
) -> None:
    """From our own memory, by its tenant only; it can be read again and deleted."""
    transport = ScriptedTransport(script(host) if stream else whole(host))
    async with served(tmp_path, transport) as app:

        async def ask(body: dict[str, Any], key: str = "ONE") -> Answer:
            return await call(app, "POST", "/v1/responses", {**body, "stream": stream}, headers=BEARER[key])

        answer = await ask({"model": model_of(host), "input": "The secret word is swordfish."})
        id = accumulate(read("openai_responses", answer.body)).id if stream else answer.json["id"]
        assert id
        assert (await ask(continuing(host, id))).status == 200
        sent = transport.requests[1].body
        assert sent.index(b"swordfish") < sent.index(b"three.") < sent.index(b"And then?")
        foreign = await ask(continuing(host, id), "TWO")
        unknown = await ask(continuing(host, "resp_unknown"), "TWO")
        assert (foreign.status, unknown.status) == (409, 409)
        assert "whole conversation" in foreign.json["error"]["message"]
        path = f"/v1/responses/{id}"
        assert (await call(app, "GET", path, headers=BEARER["TWO"])).status == 404
        assert (await call(app, "DELETE", path, headers=BEARER["TWO"])).status == 404
        again = await call(app, "GET", path, headers=BEARER["ONE"])
        assert (again.status, again.json["id"]) == (200, id)
        assert (await call(app, "DELETE", path, headers=BEARER["ONE"])).json["deleted"] is True
        assert (await call(app, "GET", path, headers=BEARER["ONE"])).status == 404
        assert (await ask(continuing(host, id))).status == 409


@pytest.mark.parametrize("stream", [True, False])
async def test_conversations_stay_apart_where_a_host_gives_two_answers_one_id(stream: bool, tmp_path: Path) -> None:
    """Some number theirs with three digits; what the client continues is named by us."""
    host = "openai_chat"
    transport = ScriptedTransport(script(host) if stream else whole(host))
    async with served(tmp_path, transport) as app:

        async def ask(body: dict[str, Any]) -> str:
            answer = await call(app, "POST", "/v1/responses", {**body, "stream": stream}, headers=BEARER["ONE"])
            found = accumulate(read("openai_responses", answer.body)).id if stream else answer.json["id"]
            assert isinstance(found, str)
            return found

        ids = [await ask({"model": model_of(host), "input": word}) for word in ("swordfish", "halibut")]
        assert len(set(ids)) == 2
        for id, word in zip(ids, (b"swordfish", b"halibut"), strict=True):
            await ask(continuing(host, id))
            assert word in transport.requests[-1].body


@pytest.mark.parametrize("stream", [True, False])
async def test_a_response_is_continued_where_it_is_kept(stream: bool, tmp_path: Path) -> None:
    """Verbatim: the id goes up to the host that has it, and to no other, for its tenant only."""
    host = "openai_responses"
    transport = ScriptedTransport(script(host) if stream else whole(host))
    async with served(tmp_path, transport) as app:

        async def ask(body: dict[str, Any], key: str = "ONE") -> Answer:
            return await call(app, "POST", "/v1/responses", {**body, "stream": stream}, headers=BEARER[key])

        await ask({"model": model_of(host), "input": "x"})
        assert (await ask(continuing(host, "answer-1"))).status == 200
        assert transport.bodies[1]["previous_response_id"] == "answer-1"
        assert (await ask(continuing("anthropic_messages", "answer-1"))).status == 409
        assert (await ask(continuing(host, "answer-1"), "TWO")).status == 409
        assert len(transport.requests) == 2
