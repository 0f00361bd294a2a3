from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from interlingua.dialects import gemini
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
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount
from interlingua.types.usage import Usage
from interlingua.wire.sse import render_sse
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

pytestmark = pytest.mark.filterwarnings(  # its own session and connector classes
    "ignore:Inheritance class Aiohttp.* is discouraged:DeprecationWarning"
)
THEIRS_ALONE = {"sdk_http_response", "automatic_function_calling_history", "parsed"}
NOT_BY_ITSELF = types.AutomaticFunctionCallingConfig(disable=True)
hosts = pytest.mark.parametrize("host", HOSTS)


def connect(url: str, key: str = "unused") -> genai.Client:
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[genai.Client]:
    with connect(service.url) as client:
        yield client


def dumped(response: Any) -> str:
    return str(response.model_dump_json(by_alias=True, exclude_none=True, exclude=THEIRS_ALONE))


def joined(chunks: list[Any]) -> ChatResponse:
    """What the chunks that the client read amount to."""
    parser = gemini.StreamParser(TranslationContext(dialect=gemini.ID))
    found: list[Event] = []
    for chunk in chunks:
        found += parser.feed(render_sse(dumped(chunk)))
    return accumulate(found + parser.close())


def whole(client: genai.Client, host: str, **more: Any) -> ChatResponse:
    answer = client.models.generate_content(model=f"{host}/m-1", contents="Hi", **more)
    return read_back("gemini", dumped(answer))


def streamed(client: genai.Client, host: str, **more: Any) -> ChatResponse:
    return joined(list(client.models.generate_content_stream(model=f"{host}/m-1", contents="Hi", **more)))


def streamed_async(client: genai.Client, host: str, **more: Any) -> ChatResponse:
    async def run() -> list[Any]:
        try:
            stream = await client.aio.models.generate_content_stream(model=f"{host}/m-1", contents="Hi", **more)
            return [chunk async for chunk in stream]
        finally:
            await client.aio.aclose()

    return joined(asyncio.run(run()))


Way = Callable[..., ChatResponse]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
two_ways = pytest.mark.parametrize("way", [whole, streamed])
SAID = {
    "text": answers.TEXT,
    "text and two calls": answers.CALLED_TWICE,
    "a call without arguments": answers.CALLED_BARE,
    "cut short": answers.CUT,
}


@ways
@hosts
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_the_host_said(
    client: genai.Client, upstream: Upstream, way: Way, host: str, said: ChatResponse
) -> None:
    upstream.says(said)
    assert essence(way(client, host)) == essence(said)
    assert upstream.request.messages[-1].text == "Hi"


@two_ways
@hosts
def test_thinking_is_shown(client: genai.Client, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(THINKING[host])
    thinking = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    found = way(client, host, config=thinking).message
    assert "".join(part.text for part in found.parts if isinstance(part, ReasoningPart)) == "I should look."
    assert found.text == "Let me look."


def declared(name: str, argument: str) -> Any:
    schema = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return types.FunctionDeclaration(name=name, description=f"The {name}.", parameters_json_schema=schema)


TOOLS = [types.Tool(function_declarations=[declared("weather", "city"), declared("clock", "zone")])]
RESULTS = {"weather": "sunny", "clock": "noon"}


def said_with_state(host: str) -> list[tuple[str, str, str]]:
    """The client writes base64 in the other alphabet than it read; to Google's servers the two are the same."""
    return [
        (part, kind, data.translate(str.maketrans("-_", "+/"))) for part, kind, data in state(THINKING[host].message)
    ]


@pytest.mark.parametrize("stream", [False, True])
@hosts
def test_a_chat_with_tools_gives_the_host_its_state_back(
    client: genai.Client, upstream: Upstream, host: str, stream: bool
) -> None:
    upstream.says(THINKING[host], answers.TEXT)
    config = types.GenerateContentConfig(tools=TOOLS, automatic_function_calling=NOT_BY_ITSELF)
    chat = client.chats.create(model=f"{host}/m-1", config=config)

    def send(message: Any) -> list[Any]:
        return list(chat.send_message_stream(message)) if stream else [chat.send_message(message)]

    asked = [call for chunk in send("Hi") for call in chunk.function_calls or []]
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": RESULTS[call.name]}
            )
        )
        for call in asked
    ]
    assert "".join(chunk.text or "" for chunk in send(results)) == answers.AWKWARD
    first, second = upstream.asked
    assert tool_names(first) == ["weather", "clock"]
    said, answered = second.messages[1], second.messages[2]
    assert calls(said) == [("weather", {"city": "Bern"}), ("clock", {"zone": "UTC"})]
    assert said.text == "Let me look."
    found = [(part, kind, data.translate(str.maketrans("-_", "+/"))) for part, kind, data in state(said)]
    assert found == said_with_state(host)
    texts = [part.text for part in answered.parts if isinstance(part, ToolCallResponsePart)]
    assert ["sunny" in texts[0], "noon" in texts[1], len(texts)] == [True, True, 2]


@hosts
def test_functions_are_called_by_the_client_itself(client: genai.Client, upstream: Upstream, host: str) -> None:
    seen: list[str] = []

    def weather(city: str) -> str:
        """The weather somewhere."""
        seen.append(city)
        return "sunny"

    upstream.says(answers.answer(tool_call("call_a", "weather", '{"city":"Bern"}'), kind="tool_call"), answers.TEXT)
    config = types.GenerateContentConfig(tools=[weather])
    answer = client.models.generate_content(model=f"{host}/m-1", contents="Hi", config=config)
    assert answer.text == answers.AWKWARD
    assert seen == ["Bern"]
    [result] = upstream.request.messages[-1].parts
    assert isinstance(result, ToolCallResponsePart) and "sunny" in result.text


class Place(BaseModel):
    city: str
    days: int


@hosts
@pytest.mark.parametrize("field", ["response_schema", "response_json_schema"])
def test_structured_output_is_asked_for_and_parsed(
    client: genai.Client, upstream: Upstream, host: str, field: str
) -> None:
    upstream.says(answers.JSON)
    schema = Place if field == "response_schema" else Place.model_json_schema()
    config = types.GenerateContentConfig(**{"response_mime_type": "application/json", field: schema})
    found = client.models.generate_content(model=f"{host}/m-1", contents="Hi", config=config).parsed
    assert Place.model_validate(found) == Place(city="Zürich", days=3)
    output = upstream.request.output
    assert output is not None and output.kind == "json_schema"
    assert output.schema["properties"]["days"]["type"] == "integer"


@ways
@hosts
def test_usage_is_counted_once(client: genai.Client, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(answers.CACHED)
    used = way(client, host).usage
    assert used is not None and (used.input_tokens, used.output_tokens) == (100, 30)
    if host != "ollama-host":  # it has no word for them
        assert used.cache_read == 60


@two_ways
def test_a_missing_credential_is_told_with_its_remedy(client: genai.Client, upstream: Upstream, way: Way) -> None:
    ask = client.models.generate_content if way is whole else client.models.generate_content_stream
    with pytest.raises(errors.ClientError, match="export OPENAI_API_KEY=") as caught:
        list(ask(model="gpt-6-luna", contents="Hi"))
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")


@two_ways
def test_an_unknown_model_is_told_with_near_names(client: genai.Client, upstream: Upstream, way: Way) -> None:
    ask = client.models.generate_content if way is whole else client.models.generate_content_stream
    with pytest.raises(errors.ClientError, match="Did you mean house-chat") as caught:
        list(ask(model="house-chta", contents="Hi"))
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


ERRORS: dict[str, tuple[InterlinguaError, int, str]] = {
    "too long": (ContextTooLong("the prompt is too long", limit=10, estimate=20), 400, "INVALID_ARGUMENT"),
    "key": (AuthenticationFailed("who are you"), 401, "UNAUTHENTICATED"),
    "rate": (RateLimited("slow down", retry_after=3.0), 429, "RESOURCE_EXHAUSTED"),
    "overloaded": (Overloaded("very busy", retry_after=3.0), 503, "UNAVAILABLE"),
    "upstream": (UpstreamError("broken inside"), 502, "INTERNAL"),
}


@pytest.mark.parametrize(("error", "code", "word"), ERRORS.values(), ids=ERRORS)
@hosts
def test_the_hosts_errors_become_the_exception_of_their_kind(
    client: genai.Client, upstream: Upstream, host: str, error: InterlinguaError, code: int, word: str
) -> None:
    upstream.says(error)
    for way in (whole, streamed):
        with pytest.raises(errors.APIError) as caught:
            way(client, host)
        assert (caught.value.code, caught.value.status) == (code, word)
        assert caught.value.message is not None and error.message in caught.value.message
        if isinstance(error, RateLimited):
            assert float(caught.value.response.headers["retry-after"]) == pytest.approx(3.0, abs=1.0)


@pytest.mark.parametrize("way", [streamed, streamed_async])
@hosts
def test_an_answer_that_fails_midway_raises(client: genai.Client, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(
        [
            MessageStart(id="a", model="m-1"),
            PartStart(index=0, part=TextPart(text="")),
            PartDelta(index=0, text="So"),
            Failed.of(Overloaded("too many of you")),
        ]
    )
    with pytest.raises(errors.APIError, match="too many of you"):
        way(client, host)


@hosts
def test_an_answer_that_breaks_off_raises(client: genai.Client, upstream: Upstream, host: str) -> None:
    upstream.says(answers.TEXT)
    upstream.breaks_off = True
    with pytest.raises(errors.APIError, match="broke"):
        streamed(client, host)


def test_the_list_of_models_holds_what_can_be_asked(client: genai.Client, upstream: Upstream) -> None:
    listed = [one.name for one in client.models.list()]
    assert {f"models/house-{host}" for host in HOSTS} <= set(listed)
    assert client.models.get(model="house-chat").name == "models/house-chat"
    with pytest.raises(errors.ClientError):
        client.models.get(model="nobody/nothing")


@pytest.mark.parametrize("host", ["chat", "gemini-host", "ollama-host"])
def test_embeddings_come_in_their_order(client: genai.Client, upstream: Upstream, host: str) -> None:
    upstream.says(
        EmbedResponse(model="m-1", embeddings=((0.5, -0.25), (1.0, 0.0)), usage=Usage(input_tokens=4, output_tokens=0))
    )
    found = client.models.embed_content(model=f"{host}/m-1", contents=["a", "b"])
    assert [one.values for one in found.embeddings or []] == [[0.5, -0.25], [1.0, 0.0]]
    assert upstream.embedded[0].inputs == ("a", "b")


@hosts
def test_tokens_are_counted_or_estimated(client: genai.Client, upstream: Upstream, host: str) -> None:
    upstream.says(TokenCount(input_tokens=42, exact=True))
    found = client.models.count_tokens(model=f"{host}/m-1", contents="Hi").total_tokens
    if host in ("chat", "ollama-host"):
        assert found is not None and found > 0 and not upstream.asked
    else:
        assert found == 42


def test_virtual_keys_open_their_own_models(keyed: Service) -> None:
    keyed.upstream.clear()
    keyed.upstream.says(answers.TEXT)
    url = keyed.url
    with (
        connect(url, KEY) as wide,
        connect(url, NARROW_KEY) as narrow,
        connect(url, "il-nobody-has-this-one-1") as wrong,
    ):
        assert whole(wide, "messages").text == answers.AWKWARD
        assert streamed(narrow, "chat").text == answers.AWKWARD
        for way in (whole, streamed):
            with pytest.raises(errors.ClientError, match="may not use 'messages/m-1'") as caught:
                way(narrow, "messages")
            assert caught.value.code == 403
            with pytest.raises(errors.ClientError, match="key") as caught:
                way(wrong, "chat")
            assert caught.value.code == 401
        with pytest.raises(errors.ClientError):
            narrow.models.count_tokens(model="messages/m-1", contents="Hi")
        with pytest.raises(errors.ClientError):
            list(wrong.models.list())
