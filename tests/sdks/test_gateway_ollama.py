from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import ollama
import pytest
from pydantic import BaseModel

from interlingua.dialects import ollama as dialect
from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InterlinguaError,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import accumulate
from interlingua.types.embeddings import EmbedResponse
from interlingua.types.events import Event, Failed, MessageStart, PartDelta, PartStart
from interlingua.types.messages import system, user
from interlingua.types.parts import TextPart, ToolCallPart, ToolCallResponsePart
from interlingua.types.response import ChatResponse
from interlingua.types.usage import Usage
from interlingua.wire.ndjson import render_ndjson
from tests.sdks import answers
from tests.sdks.answers import essence, read_back
from tests.sdks.gateway_server import (
    HOSTS,
    KEY,
    NARROW_KEY,
    THINKING,
    Service,
    Upstream,
    calls,
    state,
    tool_names,
)

HI: list[Any] = [{"role": "user", "content": "Hi"}]
hosts = pytest.mark.parametrize("host", HOSTS)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[ollama.Client]:
    with ollama.Client(host=service.url) as client:
        yield client


def joined(chunks: list[Any]) -> Any:
    """The message that the chunks amount to, as people who use the client join them."""
    message = ollama.Message(role="assistant", content="", thinking="", tool_calls=[])
    for chunk in chunks:
        message.content = (message.content or "") + (chunk.message.content or "")
        message.thinking = (message.thinking or "") + (chunk.message.thinking or "")
        message.tool_calls = [*(message.tool_calls or []), *(chunk.message.tool_calls or [])]
    return message


def whole(client: ollama.Client, host: str, messages: list[Any] = HI, **more: Any) -> list[Any]:
    return [client.chat(model=f"{host}/m-1", messages=messages, **more)]


def streamed(client: ollama.Client, host: str, messages: list[Any] = HI, **more: Any) -> list[Any]:
    return list(client.chat(model=f"{host}/m-1", messages=messages, stream=True, **more))


def streamed_async(client: ollama.Client, host: str, messages: list[Any] = HI, **more: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with ollama.AsyncClient(host=str(client._client.base_url)) as other:
            return [part async for part in await other.chat(f"{host}/m-1", messages, stream=True, **more)]

    return asyncio.run(run())


Way = Callable[..., list[Any]]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
two_ways = pytest.mark.parametrize("way", [whole, streamed])
SAID = {
    "text": answers.TEXT,
    "text and two calls": answers.CALLED_TWICE,
    "a call without arguments": answers.CALLED_BARE,
    "cut short": answers.CUT,
}


def read(way: Way, chunks: list[Any]) -> ChatResponse:
    lines = [str(chunk.model_dump_json(exclude_none=True)) for chunk in chunks]
    if way is whole:
        return read_back("ollama", lines[0])
    parser = dialect.StreamParser(TranslationContext(dialect=dialect.ID))
    found: list[Event] = [event for line in lines for event in parser.feed(render_ndjson(line))]
    return accumulate(found + parser.close())


def essence_here(response: ChatResponse) -> Any:
    """The client's types have no ids of calls, so it drops them."""
    found = essence(response)
    for _, parts, _, _ in found["choices"]:
        parts[:] = [(part.name, part.arguments) if isinstance(part, ToolCallPart) else part for part in parts]
    return found


@ways
@hosts
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_the_host_said(
    client: ollama.Client, upstream: Upstream, way: Way, host: str, said: ChatResponse
) -> None:
    upstream.says(said)
    assert essence_here(read(way, way(client, host))) == essence_here(said)
    assert upstream.request.messages[-1].text == "Hi"


def weather(city: str) -> str:
    """The weather somewhere.

    Args:
        city: where.
    """
    return "sunny"


def clock(zone: str) -> str:
    """The time somewhere.

    Args:
        zone: where.
    """
    return "noon"


@two_ways
@hosts
def test_a_tool_loop_gives_the_host_its_state_back(
    client: ollama.Client, upstream: Upstream, way: Way, host: str
) -> None:
    upstream.says(THINKING[host], answers.TEXT)
    message = joined(way(client, host, tools=[weather, clock], think=True))
    assert message.thinking == "I should look."
    functions: dict[str, Callable[..., str]] = {"weather": weather, "clock": clock}
    results = [
        {
            "role": "tool",
            "tool_name": call.function.name,
            "content": functions[call.function.name](**call.function.arguments),
        }
        for call in message.tool_calls
    ]
    final = joined(way(client, host, [*HI, message, *results], tools=[weather, clock], think=True))
    assert final.content == answers.AWKWARD
    first, second = upstream.asked
    assert tool_names(first) == ["weather", "clock"]
    said = second.messages[1]
    assert calls(said) == [("weather", {"city": "Bern"}), ("clock", {"zone": "UTC"})]
    assert said.text == "Let me look."
    assert state(said) == state(THINKING[host].message)
    found = [part for part in second.messages[2].parts if isinstance(part, ToolCallResponsePart)]
    assert [part.text for part in found] == ["sunny", "noon"]


class Place(BaseModel):
    city: str
    days: int


@two_ways
@hosts
def test_structured_output_is_asked_for_and_parsed(
    client: ollama.Client, upstream: Upstream, way: Way, host: str
) -> None:
    upstream.says(answers.JSON)
    text = joined(way(client, host, format=Place.model_json_schema())).content
    assert Place.model_validate_json(text) == Place(city="Zürich", days=3)
    output = upstream.request.output
    assert output is not None and output.kind == "json_schema"
    assert set(output.schema["properties"]) == {"city", "days"}


@hosts
def test_generate_is_a_chat_of_one_turn(client: ollama.Client, upstream: Upstream, host: str) -> None:
    upstream.says(answers.TEXT)
    asked = {"model": f"{host}/m-1", "prompt": "Hi", "system": "Be kind."}
    assert client.generate(**asked).response == answers.AWKWARD
    *rest, last = client.generate(**asked, stream=True)
    assert "".join(chunk.response for chunk in (*rest, last)) == answers.AWKWARD
    assert (last.done, last.prompt_eval_count, last.eval_count) == (True, 50, 20)
    assert upstream.request.messages == (system("Be kind."), user("Hi"))


@ways
@hosts
def test_usage_is_counted_once(client: ollama.Client, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(answers.CACHED)
    *rest, last = way(client, host)
    assert (last.done, last.prompt_eval_count, last.eval_count) == (True, 100, 30)
    assert all(chunk.eval_count is None and not chunk.done for chunk in rest)


@two_ways
def test_a_missing_credential_is_told_with_its_remedy(client: ollama.Client, upstream: Upstream, way: Way) -> None:
    with pytest.raises(ollama.ResponseError, match="export OPENAI_API_KEY=") as caught:
        list(client.chat(model="gpt-6-luna", messages=HI, stream=way is streamed))
    assert caught.value.status_code == 401


@two_ways
def test_an_unknown_model_is_told_with_near_names(client: ollama.Client, upstream: Upstream, way: Way) -> None:
    with pytest.raises(ollama.ResponseError, match="Did you mean house-chat") as caught:
        list(client.chat(model="house-chta", messages=HI, stream=way is streamed))
    assert caught.value.status_code == 404


ERRORS: dict[str, tuple[InterlinguaError, int]] = {
    "too long": (ContextTooLong("the prompt is too long", limit=10, estimate=20), 400),
    "key": (AuthenticationFailed("who are you"), 401),
    "rate": (RateLimited("slow down", retry_after=3.0), 429),
    "overloaded": (Overloaded("very busy", retry_after=3.0), 503),
    "upstream": (UpstreamError("broken inside"), 502),
}


@pytest.mark.parametrize(("error", "status"), ERRORS.values(), ids=ERRORS)
@hosts
def test_the_hosts_errors_become_the_clients_exception(
    client: ollama.Client, upstream: Upstream, host: str, error: InterlinguaError, status: int
) -> None:
    upstream.says(error)
    for way in (whole, streamed):
        with pytest.raises(ollama.ResponseError) as caught:
            way(client, host)
        assert caught.value.status_code == status
        assert error.message in caught.value.error


@pytest.mark.parametrize("way", [streamed, streamed_async])
@hosts
def test_an_answer_that_fails_midway_raises(client: ollama.Client, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(
        [
            MessageStart(id="a", model="m-1"),
            PartStart(index=0, part=TextPart(text="")),
            PartDelta(index=0, text="So"),
            Failed.of(Overloaded("too many of you")),
        ]
    )
    with pytest.raises(ollama.ResponseError, match="too many of you"):
        way(client, host)


@hosts
def test_an_answer_that_breaks_off_raises(client: ollama.Client, upstream: Upstream, host: str) -> None:
    upstream.says(answers.TEXT)
    upstream.breaks_off = True
    with pytest.raises(ollama.ResponseError, match="broke"):
        streamed(client, host)


def test_the_list_of_models_holds_what_can_be_asked(client: ollama.Client, upstream: Upstream) -> None:
    assert {f"house-{host}" for host in HOSTS} <= {one.model for one in client.list().models}
    assert client.ps().models == []


def test_a_model_can_be_shown(client: ollama.Client, upstream: Upstream) -> None:
    assert client.show("house-chat").capabilities is not None
    with pytest.raises(ollama.ResponseError) as caught:
        client.show("nobody/nothing")
    assert caught.value.status_code == 404


@pytest.mark.parametrize("host", ["chat", "gemini-host", "ollama-host"])
def test_embeddings_come_in_their_order(client: ollama.Client, upstream: Upstream, host: str) -> None:
    upstream.says(
        EmbedResponse(model="m-1", embeddings=((0.5, -0.25), (1.0, 0.0)), usage=Usage(input_tokens=4, output_tokens=0))
    )
    found = client.embed(model=f"{host}/m-1", input=["a", "b"])
    assert [list(one) for one in found.embeddings] == [[0.5, -0.25], [1.0, 0.0]]
    assert upstream.embedded[0].inputs == ("a", "b")


def test_virtual_keys_open_their_own_models(keyed: Service) -> None:
    keyed.upstream.clear()
    keyed.upstream.says(answers.TEXT)

    def client(key: str) -> ollama.Client:
        return ollama.Client(host=keyed.url, headers={"authorization": f"Bearer {key}"})

    with client(KEY) as wide, client(NARROW_KEY) as narrow, client("il-nobody-has-this-one-0123456") as wrong:
        assert joined(whole(wide, "messages")).content == answers.AWKWARD
        assert joined(streamed(narrow, "chat")).content == answers.AWKWARD
        for way in (whole, streamed):
            with pytest.raises(ollama.ResponseError, match="may not use 'messages/m-1'") as caught:
                way(narrow, "messages")
            assert caught.value.status_code == 403
            with pytest.raises(ollama.ResponseError, match="key") as caught:
                way(wrong, "chat")
            assert caught.value.status_code == 401
        with pytest.raises(ollama.ResponseError):
            wrong.list()
