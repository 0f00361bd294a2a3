from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from interlingua.dialects import ollama as dialect
from interlingua.errors import AuthenticationFailed, InterlinguaError, InvalidRequest, ModelNotFound, Overloaded
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import accumulate
from interlingua.types.events import Event, Failed, MessageStart, PartStart
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.response import ChatResponse
from interlingua.types.tools import FunctionTool
from interlingua.wire.ndjson import render_ndjson
from tests.sdks import answers
from tests.sdks.answers import PLAIN, essence, read_back
from tests.sdks.server import Peer

HI = [{"role": "user", "content": "Hi"}]
ASK: dict[str, Any] = {"model": "m-1", "messages": HI}


@pytest.fixture(scope="module")
def client(running: Peer) -> Iterator[ollama.Client]:
    with ollama.Client(host=running.url) as client:
        yield client


def dumped(response: Any) -> str:
    return str(response.model_dump_json(exclude_none=True))


def joined(chunks: list[Any]) -> ChatResponse:
    """What the chunks that the client read amount to."""
    parser = dialect.StreamParser(TranslationContext(dialect=dialect.ID))
    found: list[Event] = []
    for chunk in chunks:
        found += parser.feed(render_ndjson(dumped(chunk)))
    return accumulate(found + parser.close())


def whole(client: ollama.Client, **more: Any) -> ChatResponse:
    return read_back("ollama", dumped(client.chat(**ASK, **more)))


def streamed(client: ollama.Client, **more: Any) -> ChatResponse:
    return joined(list(client.chat(**ASK, stream=True, **more)))


def streamed_async(client: ollama.Client, **more: Any) -> ChatResponse:
    async def run() -> list[Any]:
        async with ollama.AsyncClient(host=str(client._client.base_url)) as other:
            return [chunk async for chunk in await other.chat(**ASK, stream=True, **more)]

    return joined(asyncio.run(run()))


Way = Callable[..., ChatResponse]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
SAID = PLAIN | {
    "reasoning": answers.THOUGHT,
}


def essence_here(response: ChatResponse) -> Any:
    """The client's types have no ids of calls, so it drops them."""
    found = essence(response)
    for _, parts, _, _ in found["choices"]:
        parts[:] = [(part.name, part.arguments) if isinstance(part, ToolCallPart) else part for part in parts]
    return found


@ways
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_was_said(client: ollama.Client, peer: Peer, way: Way, said: ChatResponse) -> None:
    peer.answer = said
    assert essence_here(way(client)) == essence_here(said)


@ways
def test_a_refusal_is_a_text(client: ollama.Client, peer: Peer, way: Way) -> None:
    peer.answer = answers.REFUSED
    assert way(client).text == "I will not do that."


def test_the_last_line_of_a_stream_holds_the_totals(client: ollama.Client, peer: Peer) -> None:
    peer.answer = answers.TEXT
    *rest, last = client.chat(**ASK, stream=True)
    assert (last.done, last.done_reason, last.prompt_eval_count, last.eval_count) == (True, "stop", 50, 20)
    assert all(chunk.prompt_eval_count is None and not chunk.done for chunk in rest)


def test_generate_is_a_chat_of_one_turn(client: ollama.Client, peer: Peer) -> None:
    peer.answer = answers.TEXT
    asked = {"model": "m-1", "prompt": "Hi", "system": "Be kind."}
    assert client.generate(**asked).response == answers.AWKWARD
    assert "".join(chunk.response for chunk in client.generate(**asked, stream=True)) == answers.AWKWARD
    assert peer.request.messages == (system("Be kind."), user("Hi"))


ERRORS: dict[str, InterlinguaError] = {
    "bad request": InvalidRequest("messages[0]: no", path="messages[0]"),
    "key": AuthenticationFailed("who?"),
    "model": ModelNotFound("no such model"),
    "overloaded": Overloaded("busy", retry_after=3.0),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("way", [whole, streamed])
def test_errors_become_the_clients_exception(
    client: ollama.Client, peer: Peer, error: InterlinguaError, way: Way
) -> None:
    peer.answer = error
    with pytest.raises(ollama.ResponseError) as caught:
        way(client)
    assert (caught.value.status_code, error.message in caught.value.error) == (error.status, True)


@pytest.mark.parametrize("way", [streamed, streamed_async])
def test_an_answer_that_breaks_off_raises(client: ollama.Client, peer: Peer, way: Way) -> None:
    peer.answer = [
        MessageStart(id="a", model="m-1"),
        PartStart(index=0, part=TextPart(text="So")),
        Failed.of(Overloaded("too many of you")),
    ]
    with pytest.raises(ollama.ResponseError, match="too many of you"):
        way(client)


def asked(client: ollama.Client, peer: Peer, **body: Any) -> ChatRequest:
    peer.answer = answers.TEXT
    client.chat(**{**ASK, **body})
    assert not peer.losses
    return peer.request


def test_every_role_and_kind_of_content_is_read(client: ollama.Client, peer: Peer) -> None:
    png = b"\x89PNG\r\n\x1a\n"
    call = {"function": {"name": "f", "arguments": {"city": "Bern"}}}
    messages: list[Any] = [
        {"role": "system", "content": "Be kind."},
        ollama.Message(role="user", content="Look:", images=[ollama.Image(value=png)]),
        {"role": "assistant", "content": "Let me see.", "thinking": "Hm.", "tool_calls": [call, call]},
        {"role": "tool", "tool_name": "f", "content": "sunny"},
        {"role": "tool", "tool_name": "f", "content": "rainy"},
    ]
    found = asked(client, peer, messages=messages).messages
    assert found[:2] == (
        system("Be kind."),
        user("Look:", BlobPart(modality="image", mime_type="image/png", content="iVBORw0KGgo=")),
    )
    ids = [part.id for part in found[2].parts if isinstance(part, ToolCallPart)]
    assert len(set(ids)) == 2
    assert found[2].parts == (
        ReasoningPart(text="Hm."),
        TextPart(text="Let me see."),
        *(tool_call(id, "f", '{"city":"Bern"}') for id in ids),
    )
    assert found[3] == Message(
        role="tool",
        parts=tuple(
            ToolCallResponsePart(id=id, name="f", response=(TextPart(text=text),), extra=part.extra)
            for id, text, part in zip(ids, ("sunny", "rainy"), found[3].parts, strict=True)
        ),
    )


class Place(BaseModel):
    city: str
    days: int


def weather(city: str, days: int = 1) -> str:
    """The weather somewhere.

    Args:
        city: where.
        days: how long.
    """
    return f"{city} {days}"


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"options": {"temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 7, "num_predict": 9, "stop": ["a", "b"]}},
        {
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 5,
            "seed": 7,
            "max_output_tokens": 9,
            "stop": ("a", "b"),
        },
    ),
    (
        {"options": ollama.Options(presence_penalty=0.1, frequency_penalty=0.2)},
        {"presence_penalty": 0.1, "frequency_penalty": 0.2},
    ),
    ({"options": {"num_ctx": 4096}}, {"extra": {"ollama": {"options": {"num_ctx": 4096}}}}),
    ({"keep_alive": "5m"}, {"extra": {"ollama": {"keep_alive": "5m"}}}),
    ({"think": True}, {"reasoning": Reasoning(enabled=True)}),
    ({"think": False}, {"reasoning": Reasoning(enabled=False)}),
    ({"think": "high"}, {"reasoning": Reasoning(effort="high")}),
    ({"format": "json"}, {"output": OutputFormat(kind="json")}),
    (
        {"format": Place.model_json_schema()},
        {"output": OutputFormat(kind="json_schema", schema=Place.model_json_schema())},
    ),
    ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
]


@pytest.mark.parametrize(("given", "expected"), SETTINGS)
def test_every_setting_is_read(
    client: ollama.Client, peer: Peer, given: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asked(client, peer, **given)
    assert {name: getattr(found, name) for name in expected} == expected
    plain = asked(client, peer)
    changed = {name for name in ChatRequest.__struct_fields__ if getattr(found, name) != getattr(plain, name)}
    assert changed <= set(expected), "a setting is read as itself and nothing else"


def test_a_python_function_arrives_as_a_tool(client: ollama.Client, peer: Peer) -> None:
    [tool] = asked(client, peer, tools=[weather]).tools
    assert isinstance(tool, FunctionTool) and (tool.name, tool.description) == ("weather", "The weather somewhere.")
    assert set(tool.parameters["properties"]) == {"city", "days"}


def test_structured_output_is_parsed(client: ollama.Client, peer: Peer) -> None:
    peer.answer = answers.JSON
    text = client.chat(**ASK, format=Place.model_json_schema()).message.content
    assert Place.model_validate_json(text) == Place(city="Zürich", days=3)
    assert json.loads(text) == {"city": "Zürich", "days": 3}


def test_the_clients_own_message_goes_back(client: ollama.Client, peer: Peer) -> None:
    peer.answer = answers.CALLED_TWICE
    turn = client.chat(**ASK).message
    found = asked(client, peer, messages=[*HI, turn]).messages[1]
    assert found.text == assistant("Let me see.").text
    assert [part.arguments for part in found.parts if isinstance(part, ToolCallPart)] == [
        answers.CALL.arguments,
        answers.OTHER_CALL.arguments,
    ]
