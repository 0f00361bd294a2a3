from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from interlingua.errors import (
    AuthenticationFailed,
    ContextTooLong,
    InterlinguaError,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from interlingua.types.embeddings import EmbedResponse
from interlingua.types.events import Failed, MessageStart, PartDelta, PartStart
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount
from interlingua.types.usage import Usage
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

OPTIONS: dict[str, Any] = {"max_retries": 0, "_strict_response_validation": True}
HI: list[Any] = [{"role": "user", "content": "Hi"}]
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}
TERMINAL = ("response.completed", "response.incomplete")
hosts = pytest.mark.parametrize("host", HOSTS)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="unused", **OPTIONS) as client:
        yield client


def chat(client: openai.OpenAI, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    return client.chat.completions.create(model=f"{host}/m-1", messages=messages, **more)


def chat_streamed(client: openai.OpenAI, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    with client.chat.completions.stream(model=f"{host}/m-1", messages=messages, **USAGE, **more) as stream:
        return stream.until_done().current_completion_snapshot


def chat_async(client: openai.OpenAI, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    async def run() -> Any:
        other = openai.AsyncOpenAI(base_url=str(client.base_url), api_key="unused", **OPTIONS)
        async with other, other.chat.completions.stream(model=f"{host}/m-1", messages=messages, **USAGE, **more) as s:
            return (await s.until_done()).current_completion_snapshot

    return asyncio.run(run())


def respond(client: openai.OpenAI, host: str, input: list[Any] = HI, **more: Any) -> Any:
    return client.responses.create(model=f"{host}/m-1", input=input, **more)


def respond_streamed(client: openai.OpenAI, host: str, input: list[Any] = HI, **more: Any) -> Any:
    with client.responses.stream(model=f"{host}/m-1", input=input, **more) as stream:
        events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    [end] = [event for event in events if event.type in TERMINAL]
    return end.response


Way = Callable[..., Any]
chats = pytest.mark.parametrize("way", [chat, chat_streamed])
responses = pytest.mark.parametrize("way", [respond, respond_streamed])
ways = pytest.mark.parametrize("way", [chat, chat_streamed, chat_async, respond, respond_streamed])
DIALECTS: dict[Way, str] = {respond: "openai_responses", respond_streamed: "openai_responses"}
SAID = {"text": answers.TEXT, "text and two calls": answers.CALLED_TWICE, "cut short": answers.CUT}


def read(way: Way, answer: Any) -> ChatResponse:
    return read_back(DIALECTS.get(way, "openai_chat"), str(answer.to_json()))


@ways
@hosts
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_the_host_said(
    client: openai.OpenAI, upstream: Upstream, way: Way, host: str, said: ChatResponse
) -> None:
    upstream.says(said)
    assert essence(read(way, way(client, host))) == essence(said)
    assert upstream.request.messages[-1].text == "Hi"


@ways
@hosts
def test_thinking_is_shown(client: openai.OpenAI, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(THINKING[host])
    found = read(way, way(client, host)).message
    assert [part.text for part in found.parts if isinstance(part, ReasoningPart)] == ["I should look."]
    assert found.text == "Let me look."


def test_a_long_prompt_may_come_in_one_piece_with_its_head(service: Service, upstream: Upstream) -> None:
    """As Node's clients send it: coding agents begin with more than a hundred kilobytes."""
    upstream.says(answers.TEXT)
    long = "word " * 60_000
    body = json.dumps({"model": "chat/m-1", "messages": [{"role": "user", "content": long}]})
    host, port = service.url.removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall((head + body).encode())
        assert connection.recv(64).split(b"\r\n")[0] == b"HTTP/1.1 200 OK"
    assert upstream.request.messages[-1].text == long


def function(name: str, argument: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"name": name, "description": f"The {name}.", "parameters": parameters}


FUNCTIONS = [function("weather", "city"), function("clock", "zone")]
RESULTS = {"weather": "sunny", "clock": "noon"}


def check_loop(upstream: Upstream, host: str) -> None:
    """The host got its own turn back, state and all, and the results of its calls."""
    first, second = upstream.asked
    assert tool_names(first) == ["weather", "clock"]
    said, results = second.messages[1], second.messages[2]
    assert calls(said) == [("weather", {"city": "Bern"}), ("clock", {"zone": "UTC"})]
    assert said.text == "Let me look."
    assert state(said) == state(THINKING[host].message)
    assert [p.text for p in results.parts if isinstance(p, ToolCallResponsePart)] == ["sunny", "noon"]
    assert len({p.id for p in results.parts if isinstance(p, ToolCallResponsePart)}) == 2


@chats
@hosts
def test_a_tool_loop_over_chat_gives_the_host_its_state_back(
    client: openai.OpenAI, upstream: Upstream, way: Way, host: str
) -> None:
    upstream.says(THINKING[host], answers.TEXT)
    tools = [{"type": "function", "function": one} for one in FUNCTIONS]
    message = way(client, host, tools=tools).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]} for call in message.tool_calls
    ]
    final = way(client, host, [*HI, message.to_dict(), *results], tools=tools)
    assert final.choices[0].message.content == answers.AWKWARD
    check_loop(upstream, host)


@responses
@hosts
@pytest.mark.parametrize("stored", [False, True])
def test_a_tool_loop_over_responses_gives_the_host_its_state_back(
    client: openai.OpenAI, upstream: Upstream, way: Way, host: str, stored: bool
) -> None:
    upstream.says(THINKING[host], answers.TEXT)
    tools = [{"type": "function", "strict": False, **one} for one in FUNCTIONS]
    more: dict[str, Any] = {"tools": tools}
    if not stored:
        more |= {"store": False, "include": ["reasoning.encrypted_content"]}
    first = way(client, host, **more)
    results: list[Any] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": RESULTS[item.name]}
        for item in first.output
        if item.type == "function_call"
    ]
    if stored:
        final = way(client, host, results, previous_response_id=first.id, **more)
    else:
        echoed = [item.to_dict() for item in first.output]
        final = way(client, host, [*HI, *echoed, *results], **more)
    assert final.output_text == answers.AWKWARD
    if stored and host == "responses":  # it keeps its responses itself
        assert upstream.request.previous_response_id == first.id
        assert len(upstream.request.messages) == 1
    else:
        check_loop(upstream, host)


class Place(BaseModel):
    city: str
    days: int


@hosts
def test_structured_output_is_asked_for_and_parsed(client: openai.OpenAI, upstream: Upstream, host: str) -> None:
    upstream.says(answers.JSON)
    place, model = Place(city="Zürich", days=3), f"{host}/m-1"
    parsed = client.chat.completions.parse(model=model, messages=HI, response_format=Place)
    assert parsed.choices[0].message.parsed == place
    with client.chat.completions.stream(model=model, messages=HI, response_format=Place) as chunks:
        assert chunks.get_final_completion().choices[0].message.parsed == place
    assert client.responses.parse(model=model, input="Hi", text_format=Place).output_parsed == place
    with client.responses.stream(model=model, input="Hi", text_format=Place) as stream:
        assert stream.get_final_response().output_parsed == place
    for asked in upstream.asked:
        assert asked.output is not None and asked.output.kind == "json_schema"
        assert set(asked.output.schema["properties"]) == {"city", "days"}


@ways
@hosts
def test_usage_is_counted_once(client: openai.OpenAI, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(answers.CACHED)
    used = read(way, way(client, host)).usage
    assert used is not None and (used.input_tokens, used.output_tokens) == (100, 30)
    if host != "ollama-host":  # it has no word for them
        assert used.cache_read == 60
    if host not in ("ollama-host", "messages"):
        assert used.reasoning == 12


@hosts
def test_a_stream_tells_its_usage_once_and_only_where_it_was_asked_for(
    client: openai.OpenAI, upstream: Upstream, host: str
) -> None:
    upstream.says(answers.TEXT)
    assert all(chunk.usage is None for chunk in chat(client, host, stream=True))
    used = [chunk.usage for chunk in chat(client, host, stream=True, **USAGE)]
    assert [one.total_tokens for one in used if one] == [70]


def test_a_missing_credential_is_told_with_its_remedy(client: openai.OpenAI, upstream: Upstream) -> None:
    for ask in (client.chat.completions.create, client.chat.completions.stream):
        with pytest.raises(openai.AuthenticationError, match="export OPENAI_API_KEY=") as caught:
            answer = ask(model="gpt-6-luna", messages=HI)
            answer.__enter__()
        assert caught.value.status_code == 401
    with pytest.raises(openai.AuthenticationError, match="export OPENAI_API_KEY="):
        client.responses.create(model="gpt-6-luna", input="Hi")


def test_an_unknown_model_is_told_with_near_names(client: openai.OpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.NotFoundError, match="Did you mean house-chat"):
        client.chat.completions.create(model="house-chta", messages=HI)
    with pytest.raises(openai.NotFoundError, match="Did you mean house-chat"):
        client.responses.create(model="house-chta", input="Hi", stream=True)


ERRORS: dict[str, tuple[InterlinguaError, type[openai.APIStatusError]]] = {
    "too long": (ContextTooLong("the prompt is too long", limit=10, estimate=20), openai.BadRequestError),
    "key": (AuthenticationFailed("who are you"), openai.AuthenticationError),
    "rate": (RateLimited("slow down", retry_after=3.0), openai.RateLimitError),
    "overloaded": (Overloaded("very busy", retry_after=3.0), openai.InternalServerError),
    "upstream": (UpstreamError("broken inside"), openai.InternalServerError),
}


@pytest.mark.parametrize(("error", "theirs"), ERRORS.values(), ids=ERRORS)
@hosts
def test_the_hosts_errors_become_the_exception_of_their_kind(
    client: openai.OpenAI, upstream: Upstream, host: str, error: InterlinguaError, theirs: type[openai.APIStatusError]
) -> None:
    upstream.says(error)
    for way in (chat, respond):
        for stream in (False, True):
            with pytest.raises(theirs) as caught:
                way(client, host, stream=stream)
            assert error.message in caught.value.message
            if isinstance(error, RateLimited):
                assert float(caught.value.response.headers["retry-after"]) == pytest.approx(3.0, abs=1.0)


@pytest.mark.parametrize("way", [chat_streamed, respond_streamed])
@hosts
def test_an_answer_that_fails_midway_raises(client: openai.OpenAI, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(
        [
            MessageStart(id="a", model="m-1"),
            PartStart(index=0, part=TextPart(text="")),
            PartDelta(index=0, text="So"),
            Failed.of(Overloaded("too many of you")),
        ]
    )
    with pytest.raises(openai.APIError, match="too many of you"):
        way(client, host)


@pytest.mark.parametrize("way", [chat_streamed, respond_streamed])
@hosts
def test_an_answer_that_breaks_off_raises(client: openai.OpenAI, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(answers.TEXT)
    upstream.breaks_off = True
    with pytest.raises(openai.APIError, match="broke"):
        way(client, host)


def test_the_list_of_models_holds_what_can_be_asked(client: openai.OpenAI, upstream: Upstream) -> None:
    listed = [one.id for one in client.models.list()]
    assert {f"house-{host}" for host in HOSTS} <= set(listed)
    assert not [name for name in listed if name.startswith("openai/")], "there is no key for those"
    assert client.models.retrieve("house-chat").id == "house-chat"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody/nothing")


@pytest.mark.parametrize("host", ["chat", "gemini-host", "ollama-host"])
@pytest.mark.parametrize("form", ["float", "base64"])
def test_embeddings_come_in_either_form(service: Service, upstream: Upstream, host: str, form: str) -> None:
    upstream.says(
        EmbedResponse(model="m-1", embeddings=((0.5, -0.25), (1.0, 0.0)), usage=Usage(input_tokens=4, output_tokens=0))
    )
    # Its strict validation refuses the base64 that it asks for itself.
    with openai.OpenAI(base_url=f"{service.url}/v1", api_key="unused", max_retries=0) as client:
        given: dict[str, Any] = {"encoding_format": form} if form == "float" else {}
        found = client.embeddings.create(model=f"{host}/m-1", input=["a", "b"], **given)
    assert [one.embedding for one in found.data] == [[0.5, -0.25], [1.0, 0.0]]
    assert upstream.embedded[0].inputs == ("a", "b")


@hosts
def test_tokens_are_counted_or_estimated(client: openai.OpenAI, upstream: Upstream, host: str) -> None:
    upstream.says(TokenCount(input_tokens=42, exact=True))
    found = client.responses.input_tokens.count(model=f"{host}/m-1", input="Hi").input_tokens
    if host in ("chat", "ollama-host"):
        assert found > 0 and not upstream.asked
    else:
        assert found == 42


def test_virtual_keys_open_their_own_models(keyed: Service) -> None:
    keyed.upstream.clear()
    keyed.upstream.says(answers.TEXT)

    def client(key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{keyed.url}/v1", api_key=key, **OPTIONS)

    with client(KEY) as wide, client(NARROW_KEY) as narrow, client("il-nobody-has-this-one-0123456") as wrong:
        assert chat(wide, "messages").choices[0].message.content == answers.AWKWARD
        assert chat(narrow, "chat").choices[0].message.content == answers.AWKWARD
        assert respond(narrow, "chat").output_text == answers.AWKWARD
        for way in (chat, respond, chat_streamed, respond_streamed):
            with pytest.raises(openai.PermissionDeniedError, match="may not use 'messages/m-1'"):
                way(narrow, "messages")
            with pytest.raises(openai.AuthenticationError, match="key"):
                way(wrong, "chat")
        with pytest.raises(openai.PermissionDeniedError):
            narrow.embeddings.create(model="ollama-host/m-1", input="a")
        with pytest.raises(openai.AuthenticationError):
            wrong.models.list()
        assert [one.id for one in narrow.models.list()] == ["house-chat"]
    assert json.dumps([request.headers for request in keyed.upstream.transport.requests]).count("il-for") == 0
