"""A real peer without a network: llama.cpp's own server, in this process, speaks three of our dialects.

The model is small, so shapes are asserted and never texts. Its deviations from the formats are those of a host that
nobody has told us about: they are read without failing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import xllamacpp

from interlingua import AsyncClient
from interlingua.catalog.weights import find, pull_smollm2
from interlingua.config.schema import Config
from interlingua.errors import AuthenticationFailed, InterlinguaError, LocalFileError
from interlingua.transport.http import HttpTransport
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.parts import TextPart, ToolCallPart, ToolCallResponsePart, tool_call
from interlingua.types.request import OutputFormat
from interlingua.types.response import ChatResponse
from interlingua.types.tools import FunctionTool

TEMPLATE = """\
{%- set told = messages[0].content if messages and messages[0].role == 'system' else 'You are brief.' -%}
{{- '<|im_start|>system\\n' + told -}}
{%- if tools -%}
{{- '\\n\\nYou may call these functions:\\n<tools>' -}}
{%- for tool in tools -%}{{- '\\n' + (tool | tojson) -}}{%- endfor -%}
{{- '\\n</tools>\\nTo call one, write:\\n<tool_call>\\n{"name": "its name", "arguments": {}}\\n</tool_call>' -}}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- for message in messages -%}
{%- if message.role == 'user' -%}
{{- '<|im_start|>user\\n' + message.content + '<|im_end|>\\n' -}}
{%- elif message.role == 'assistant' -%}
{{- '<|im_start|>assistant\\n' + (message.content or '') -}}
{%- for call in message.tool_calls or [] -%}
{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' -}}
{{- (call.function.arguments | tojson) + '}\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- elif message.role == 'tool' -%}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages")
MODEL = "small"
GREEDY: dict[str, Any] = {
    "temperature": 0.0,
    "extra": {dialect: {"cache_prompt": False, "seed": 1} for dialect in DIALECTS},
}
"""So that the same question has the same answer."""
WEATHER = FunctionTool(
    name="get_weather",
    description="The weather in a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["C", "F"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
)
SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}, "warm": {"type": "boolean"}},
    "required": ["colour", "warm"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, str]]:
    """(address, key) of a server with the small model on a loopback port."""
    try:
        path = find("smollm2")
    except LocalFileError:
        path = asyncio.run(pull_smollm2())
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {MODEL}
    params.n_ctx = 4096
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity = -1
    params.ui = params.warmup = params.fit_params = False
    params.offline = True
    params.chat_template = TEMPLATE
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    key = secrets.token_urlsafe(24)
    params.api_keys = [key]
    server = xllamacpp.Server(params)
    yield server.listening_address, key
    del server


@asynccontextmanager
async def connected(listener: tuple[str, str], dialect: str, key: str = "") -> AsyncIterator[AsyncClient]:
    """A client whose one provider is the server, spoken to in `dialect` over the real transport."""
    address, right_key = listener
    config = Config(providers={"peer": {"base_url": f"{address}/v1", "dialect": dialect, "auth": "bearer"}})
    client = AsyncClient(f"peer/{MODEL}", config=config, api_keys={"peer": key or right_key}, transport=HttpTransport())
    async with client:
        yield client


async def answered(
    client: AsyncClient, prompt: str | Sequence[Message], streaming: bool, **settings: Any
) -> ChatResponse:
    """The answer, asked for whole or in pieces."""
    if not streaming:
        return (await client.generate(prompt, **settings)).response
    stream = client.stream(prompt, **settings)
    async for _ in stream:
        pass
    return stream.reply.response


def called(number: int, question: str, city: str, unit: str, answer: str) -> tuple[Message, ...]:
    """A turn that shows how a tool is called."""
    arguments = json.dumps({"city": city, "unit": unit})
    return (
        user(question),
        Message(role="assistant", parts=(tool_call(f"call{number:05d}", WEATHER.name, arguments),)),
        Message(
            role="tool",
            parts=(ToolCallResponsePart(id=f"call{number:05d}", response=(TextPart(text='{"degrees": 9}'),)),),
        ),
        assistant(answer),
    )


SHOWN = (
    system("You get the weather by calling functions."),
    *called(1, "Weather in Oslo in C?", "Oslo", "C", "It is 9 C in Oslo."),
    *called(2, "Weather in Rome in F?", "Rome", "F", "It is 9 F in Rome."),
    *called(3, "Weather in Lima in C?", "Lima", "C", "It is 9 C in Lima."),
    user("Weather in Paris in C?"),
)

dialects = pytest.mark.parametrize("dialect", DIALECTS)


@dialects
async def test_a_whole_answer_has_text_an_ending_and_figures(listener: tuple[str, str], dialect: str) -> None:
    async with connected(listener, dialect) as client:
        reply = await client.generate("Name a fruit.", max_output_tokens=8, **GREEDY)
    assert reply.text
    assert reply.response.model == MODEL
    assert reply.response.finish.kind in ("length", "stop")
    used = reply.response.usage
    assert used is not None and used.input_tokens and used.output_tokens and used.output_tokens <= 8


@dialects
async def test_a_streamed_answer_is_the_whole_one_in_pieces(listener: tuple[str, str], dialect: str) -> None:
    async with connected(listener, dialect) as client:
        whole = await client.generate("Name a fruit.", max_output_tokens=8, **GREEDY)
        stream = client.stream("Name a fruit.", max_output_tokens=8, **GREEDY)
        events = [event async for event in stream]
    assert len(events) > 5
    streamed = stream.reply.response
    assert streamed.text == whole.text
    assert streamed.finish.kind in ("length", "stop")
    assert streamed.usage is not None and whole.response.usage is not None
    assert streamed.usage.input_tokens == whole.response.usage.input_tokens
    assert streamed.usage.output_tokens == whole.response.usage.output_tokens


@dialects
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_tool_is_called_after_it_was_shown_how(
    listener: tuple[str, str], dialect: str, streaming: bool
) -> None:
    async with connected(listener, dialect) as client:
        response = await answered(client, SHOWN, streaming, tools=[WEATHER], max_output_tokens=60, **GREEDY)
    calls = [part for part in response.message.parts if isinstance(part, ToolCallPart)]
    assert response.finish.kind == "tool_call"
    assert calls and all(call.id and call.name == WEATHER.name for call in calls)
    assert all(set(call.arguments) == {"city", "unit"} for call in calls)
    assert all(isinstance(call.arguments["city"], str) and call.arguments["unit"] in "CF" for call in calls)


@dialects
@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_keeps_to_its_schema_where_the_server_listens_to_it(
    listener: tuple[str, str], dialect: str, streaming: bool
) -> None:
    settings: dict[str, Any] = {
        "output_format": OutputFormat(kind="json_schema", name="s", schema=SCHEMA),
        "max_output_tokens": 40,
        **GREEDY,
    }
    if dialect == "openai_responses":  # the server overlooks the format's own field, but knows one of its own
        own = {**GREEDY["extra"], dialect: {**GREEDY["extra"][dialect], "json_schema": SCHEMA}}
        settings["extra"] = own
    async with connected(listener, dialect) as client:
        response = await answered(client, "Describe fire as JSON.", streaming, **settings)
    if dialect == "anthropic_messages":  # the server overlooks the schema on this path: taken and answered, no more
        assert response.text
        return
    value = json.loads(response.text)
    assert set(value) == {"colour", "warm"}
    assert value["colour"] in ("red", "green", "blue") and isinstance(value["warm"], bool)


@dialects
async def test_a_conversation_with_an_answer_in_it_is_taken(listener: tuple[str, str], dialect: str) -> None:
    async with connected(listener, dialect) as client:
        history = (system("You are brief."), user("Name a fruit."), assistant("Apple."), user("Another?"))
        assert (await client.generate(history, max_output_tokens=6, **GREEDY)).text


@dialects
async def test_a_wrong_key_is_refused(listener: tuple[str, str], dialect: str) -> None:
    async with connected(listener, dialect, key="wrong") as client:
        with pytest.raises(AuthenticationFailed):
            await client.generate("Hi", max_output_tokens=1)


@dialects
async def test_a_prompt_that_is_too_long_is_an_error_of_the_tree(listener: tuple[str, str], dialect: str) -> None:
    async with connected(listener, dialect) as client:
        with pytest.raises(InterlinguaError) as caught:
            await client.generate("word " * 6000, max_output_tokens=1)
    assert caught.value.code == "context_too_long"


def test_the_listener_is_on_loopback(listener: tuple[str, str]) -> None:
    host, _, port = listener[0].removeprefix("http://").partition(":")
    assert socket.gethostbyname(host) == "127.0.0.1" and int(port)
