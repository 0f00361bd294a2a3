from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
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
from interlingua.types.events import Failed, MessageStart, PartDelta, PartStart
from interlingua.types.opaque import Opaque
from interlingua.types.parts import ReasoningPart, TextPart, ToolCallResponsePart, tool_call
from interlingua.types.response import ChatResponse
from interlingua.types.token_count import TokenCount
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

ID = "anthropic_messages"
OPTIONS: dict[str, Any] = {"max_retries": 0, "_strict_response_validation": True}
HI: list[Any] = [{"role": "user", "content": "Hi"}]
hosts = pytest.mark.parametrize("host", HOSTS)


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=service.url, api_key="unused", **OPTIONS) as client:
        yield client


def ask(host: str, messages: list[Any] = HI, **more: Any) -> dict[str, Any]:
    return {"model": f"{host}/m-1", "max_tokens": 9000, "messages": messages, **more}


def whole(client: anthropic.Anthropic, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    return client.messages.create(**ask(host, messages, **more))


def streamed(client: anthropic.Anthropic, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    with client.messages.stream(**ask(host, messages, **more)) as stream:
        return stream.get_final_message()


def streamed_async(client: anthropic.Anthropic, host: str, messages: list[Any] = HI, **more: Any) -> Any:
    async def run() -> Any:
        other = anthropic.AsyncAnthropic(base_url=str(client.base_url), api_key="unused", **OPTIONS)
        async with other, other.messages.stream(**ask(host, messages, **more)) as stream:
            return await stream.get_final_message()

    return asyncio.run(run())


Way = Callable[..., Any]
ways = pytest.mark.parametrize("way", [whole, streamed, streamed_async])
two_ways = pytest.mark.parametrize("way", [whole, streamed])
SAID = {
    "text": answers.TEXT,
    "text and two calls": answers.CALLED_TWICE,
    "a call without arguments": answers.CALLED_BARE,
    "cut short": answers.CUT,
}


def read(answer: Any) -> ChatResponse:
    return read_back(ID, str(answer.to_json()))


@ways
@hosts
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_the_client_reads_what_the_host_said(
    client: anthropic.Anthropic, upstream: Upstream, way: Way, host: str, said: ChatResponse
) -> None:
    upstream.says(said)
    assert essence(read(way(client, host))) == essence(said)
    assert upstream.request.messages[-1].text == "Hi"


TOOLS: list[Any] = [
    {
        "name": name,
        "description": f"The {name}.",
        "input_schema": {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]},
    }
    for name, argument in (("weather", "city"), ("clock", "zone"))
]
RESULTS = {"weather": "sunny", "clock": "noon"}
THINK: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


@two_ways
@hosts
def test_a_tool_loop_gives_the_host_its_state_back(
    client: anthropic.Anthropic, upstream: Upstream, way: Way, host: str
) -> None:
    upstream.says(THINKING[host], answers.TEXT)
    first = way(client, host, tools=TOOLS, **THINK)
    thoughts = [block.thinking for block in first.content if block.type == "thinking"]
    assert thoughts == ["I should look."]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}
        for block in first.content
        if block.type == "tool_use"
    ]
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    assert way(client, host, turns, tools=TOOLS, **THINK).content[0].text == answers.AWKWARD
    asked, again = upstream.asked
    assert tool_names(asked) == ["weather", "clock"]
    assert calls(again.messages[1]) == [("weather", {"city": "Bern"}), ("clock", {"zone": "UTC"})]
    assert again.messages[1].text == "Let me look."
    assert state(again.messages[1]) == state(THINKING[host].message)
    found = [part for part in again.messages[2].parts if isinstance(part, ToolCallResponsePart)]
    assert [part.text for part in found] == ["sunny", "noon"]
    assert len({part.id for part in found}) == 2


def test_state_beside_sealed_thinking_comes_back_too(client: anthropic.Anthropic, upstream: Upstream) -> None:
    said = THINKING["gemini-host"].message.parts
    sealed = Opaque("gemini.thought_signature", "AAAA")
    signed = answers.answer(ReasoningPart(text="Hm.", summary=True, opaque=(sealed,)), *said[1:], kind="tool_call")
    upstream.says(signed, answers.TEXT)
    first = whole(client, "gemini-host", tools=TOOLS, **THINK)
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}
        for block in first.content
        if block.type == "tool_use"
    ]
    turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    whole(client, "gemini-host", turns, tools=TOOLS, **THINK)
    assert state(upstream.request.messages[1]) == state(signed.message)


@hosts
def test_a_conversation_may_change_its_host(client: anthropic.Anthropic, upstream: Upstream, host: str) -> None:
    for other in HOSTS:
        if other == host:
            continue
        upstream.clear()
        upstream.says(THINKING[host], answers.TEXT)
        first = streamed(client, host, tools=TOOLS, **THINK)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}
            for block in first.content
            if block.type == "tool_use"
        ]
        turns = [*HI, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
        assert streamed(client, other, turns, tools=TOOLS).content[0].text == answers.AWKWARD
        said = upstream.request.messages[1]
        assert calls(said) == calls(THINKING[host].message)
        assert not [data for _, _, data in state(said) if data.startswith("il1.") or data in str(THINKING[host])]


@two_ways
@hosts
def test_the_tool_runner_calls_and_answers(
    client: anthropic.Anthropic, upstream: Upstream, way: Way, host: str
) -> None:
    seen: list[str] = []

    def weather(city: str) -> str:
        """The weather.

        Args:
            city: where.
        """
        seen.append(city)
        return "sunny"

    called = tool_call("call_a", "weather", '{"city":"Bern"}')
    upstream.says(answers.answer(called, kind="tool_call"), answers.TEXT)
    runner = client.beta.messages.tool_runner(**ask(host), tools=[anthropic.beta_tool(weather)], stream=way is streamed)
    final = runner.until_done()
    assert final.content[0].text == answers.AWKWARD
    assert seen == ["Bern"]
    [result] = upstream.request.messages[-1].parts
    assert isinstance(result, ToolCallResponsePart) and result.text == "sunny"


class Place(BaseModel):
    city: str
    days: int


@hosts
def test_structured_output_is_asked_for_and_parsed(client: anthropic.Anthropic, upstream: Upstream, host: str) -> None:
    upstream.says(answers.JSON)
    assert client.messages.parse(**ask(host), output_format=Place).parsed_output == Place(city="Zürich", days=3)
    with client.messages.stream(**ask(host), output_format=Place) as stream:
        assert stream.get_final_message().parsed_output == Place(city="Zürich", days=3)
    for asked in upstream.asked:
        assert asked.output is not None and asked.output.kind == "json_schema"
        assert set(asked.output.schema["properties"]) == {"city", "days"}


@ways
@hosts
def test_usage_is_counted_once(client: anthropic.Anthropic, upstream: Upstream, way: Way, host: str) -> None:
    upstream.says(answers.CACHED)
    used = way(client, host).usage
    cached = 0 if host == "ollama-host" else 60
    assert (used.input_tokens, used.cache_read_input_tokens or 0, used.output_tokens) == (100 - cached, cached, 30)


def test_a_missing_credential_is_told_with_its_remedy(client: anthropic.Anthropic, upstream: Upstream) -> None:
    for stream in (False, True):
        with pytest.raises(anthropic.AuthenticationError, match="export ANTHROPIC_API_KEY="):
            client.messages.create(model="claude-haiku-5-5", max_tokens=9, messages=HI, stream=stream)


def test_an_unknown_model_is_told_with_near_names(client: anthropic.Anthropic, upstream: Upstream) -> None:
    for stream in (False, True):
        with pytest.raises(anthropic.NotFoundError, match="Did you mean house-chat"):
            client.messages.create(model="house-chta", max_tokens=9, messages=HI, stream=stream)


ERRORS: dict[str, tuple[InterlinguaError, type[anthropic.APIStatusError], int]] = {
    "too long": (ContextTooLong("the prompt is too long", limit=10, estimate=20), anthropic.BadRequestError, 400),
    "key": (AuthenticationFailed("who are you"), anthropic.AuthenticationError, 401),
    "rate": (RateLimited("slow down", retry_after=3.0), anthropic.RateLimitError, 429),
    "overloaded": (Overloaded("very busy", retry_after=3.0), anthropic.APIStatusError, 503),
    "upstream": (UpstreamError("broken inside"), anthropic.InternalServerError, 502),
}


@pytest.mark.parametrize(("error", "theirs", "status"), ERRORS.values(), ids=ERRORS)
@hosts
def test_the_hosts_errors_become_the_exception_of_their_kind(
    client: anthropic.Anthropic,
    upstream: Upstream,
    host: str,
    error: InterlinguaError,
    theirs: type[anthropic.APIStatusError],
    status: int,
) -> None:
    upstream.says(error)
    for stream in (False, True):
        with pytest.raises(theirs) as caught:
            whole(client, host, stream=stream)
        assert isinstance(caught.value.body, dict) and caught.value.body["type"] == "error"
        assert error.message in caught.value.body["error"]["message"]
        assert caught.value.status_code == status
        if isinstance(error, RateLimited):
            assert float(caught.value.response.headers["retry-after"]) == pytest.approx(3.0, abs=1.0)


@pytest.mark.parametrize("way", [streamed, streamed_async])
@hosts
def test_an_answer_that_fails_midway_raises(
    client: anthropic.Anthropic, upstream: Upstream, way: Way, host: str
) -> None:
    upstream.says(
        [
            MessageStart(id="a", model="m-1"),
            PartStart(index=0, part=TextPart(text="")),
            PartDelta(index=0, text="So"),
            Failed.of(Overloaded("too many of you")),
        ]
    )
    with pytest.raises(anthropic.APIStatusError, match="too many of you"):
        way(client, host)


@hosts
def test_an_answer_that_breaks_off_raises(client: anthropic.Anthropic, upstream: Upstream, host: str) -> None:
    upstream.says(answers.TEXT)
    upstream.breaks_off = True
    with pytest.raises(anthropic.APIStatusError, match="broke"):
        streamed(client, host)


def test_the_list_of_models_holds_what_can_be_asked(client: anthropic.Anthropic, upstream: Upstream) -> None:
    listed = [one.id for one in client.models.list()]
    assert {f"house-{host}" for host in HOSTS} <= set(listed)
    assert client.models.retrieve("house-chat").id == "house-chat"
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("nobody/nothing")


@hosts
def test_tokens_are_counted_or_estimated(client: anthropic.Anthropic, upstream: Upstream, host: str) -> None:
    upstream.says(TokenCount(input_tokens=42, exact=True))
    found = client.messages.count_tokens(model=f"{host}/m-1", messages=HI, tools=TOOLS).input_tokens
    if host in ("chat", "ollama-host"):
        assert found > 0 and not upstream.asked
    else:
        assert found == 42
        assert tool_names(upstream.request) == ["weather", "clock"]


@pytest.mark.parametrize("how", ["api_key", "auth_token"])
def test_virtual_keys_open_their_own_models(keyed: Service, how: str) -> None:
    keyed.upstream.clear()
    keyed.upstream.says(answers.TEXT)

    def client(key: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(base_url=keyed.url, **{how: key}, **OPTIONS)

    with client(KEY) as wide, client(NARROW_KEY) as narrow, client("il-nobody-has-this-one-0123456") as wrong:
        assert whole(wide, "messages").content[0].text == answers.AWKWARD
        assert streamed(narrow, "chat").content[0].text == answers.AWKWARD
        for way in (whole, streamed):
            with pytest.raises(anthropic.PermissionDeniedError, match="may not use 'messages/m-1'"):
                way(narrow, "messages")
            with pytest.raises(anthropic.AuthenticationError, match="key"):
                way(wrong, "chat")
        with pytest.raises(anthropic.PermissionDeniedError):
            narrow.messages.count_tokens(model="messages/m-1", messages=HI)
        with pytest.raises(anthropic.AuthenticationError):
            wrong.models.list()


def test_thinking_that_is_shown_names_no_host(client: anthropic.Anthropic, upstream: Upstream) -> None:
    upstream.says(THINKING["responses"])
    [thought] = [part for part in read(whole(client, "responses")).message.parts if isinstance(part, ReasoningPart)]
    assert [one.data.startswith("il1.") for one in thought.opaque] == [True]
    assert "lab-secret" not in thought.opaque[0].data
