"""A conversation that changes its model in the middle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from interlingua.client.chat import AsyncChat, Chat
from interlingua.client.client import AsyncClient
from interlingua.client.sync import Client
from interlingua.client.tools import Toolbox, ToolRun
from interlingua.config.schema import Config
from interlingua.engine.settings import RetrySettings
from interlingua.errors import (
    CredentialMissing,
    InterlinguaError,
    InvalidRequest,
    ModelNotFound,
    StreamInterrupted,
    Unsupported,
    UpstreamError,
)
from interlingua.transport.scripted import Script, ScriptedTransport
from interlingua.types.events import MessageStart
from interlingua.types.messages import Message, user
from interlingua.types.parts import BlobPart, ReasoningPart, TextPart, tool_call
from tests.client.providers_scripted import (
    SIGNATURE,
    THOUGHT_SIGNATURE,
    anthropic_text,
    anthropic_tool_call,
    gemini_text,
    openai_text,
)

KEYS = {"openai": "k1", "openrouter": "k1", "anthropic": "k2", "google": "k3", "groq": "k4"}
CLAUDE, GEMINI = "anthropic/claude-opus-5-5", "google/gemini-3.8-flash"
GROQ = "groq/llama-3.3-70b-versatile"
GPT = "openrouter/openai/gpt-6-sol"  # its maker is spoken to in another dialect when there are tools
ONCE = Config(retry=RetrySettings(attempts=1))


def lookup_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def two_calls(*calls: tuple[str, str]) -> Script:
    """A model calls several tools at once; ids and names are given."""
    made = [
        {"index": i, "id": id, "type": "function", "function": {"name": name, "arguments": '{"city": "Oslo"}'}}
        for i, (id, name) in enumerate(calls)
    ]
    choice = {"index": 0, "delta": {"tool_calls": made}, "finish_reason": "tool_calls"}
    return Script.sse({"id": "1", "model": "m", "choices": [choice]})


def chat_with(*scripts: Script, model: str = CLAUDE, **more: Any) -> tuple[AsyncChat, ScriptedTransport]:
    transport = ScriptedTransport(list(scripts))
    client = AsyncClient(config=ONCE, api_keys=KEYS, transport=transport)
    return AsyncChat(model, client=client, **more), transport


async def test_a_conversation_moves_between_three_dialects_with_signed_reasoning_and_a_tool_call() -> None:
    """Each gets its own state back, and nobody else's; ids, tools and text survive."""
    chat, transport = chat_with(
        anthropic_tool_call(stream=True),
        anthropic_text("It rains in Oslo.", stream=True),
        openai_text("Take an umbrella.", stream=True),
        gemini_text("And boots.", stream=True),
        anthropic_text("Or stay home.", stream=True),
        tools=[lookup_weather],
        system="Be brief.",
    )
    first = await chat.ask("Weather in Oslo?")
    assert first.text == "It rains in Oslo."
    assert [run.response.text for run in first.tool_runs] == ["rain in Oslo"]
    chat.use(GPT)
    assert (await chat.ask("So?")).text == "Take an umbrella."
    chat.use(GEMINI)
    assert (await chat.ask("And?")).text == "And boots."
    chat.use(CLAUDE)
    assert (await chat.ask("Else?")).text == "Or stay home."

    thinking = {"type": "thinking", "thinking": "I should look.", "signature": SIGNATURE}
    _, second, gpt, gemini, last = transport.bodies
    assert second["messages"][1]["content"][0] == thinking
    assert second["messages"][2]["content"][0]["tool_use_id"] == "toolu_01"

    text = str(gpt)
    assert SIGNATURE not in text
    assert "I should look" not in text
    call = next(message for message in gpt["messages"] if message.get("tool_calls"))["tool_calls"][0]
    result = next(message for message in gpt["messages"] if message["role"] == "tool")
    assert call["id"] == result["tool_call_id"] == "toolu_01"
    assert call["function"] == {"name": "lookup_weather", "arguments": '{"city": "Oslo"}'}

    assert SIGNATURE not in str(gemini)
    kinds = [next(iter(set(part) - {"thoughtSignature"})) for turn in gemini["contents"] for part in turn["parts"]]
    assert kinds.count("functionCall") == kinds.count("functionResponse") == 1

    assert THOUGHT_SIGNATURE not in str(last)
    assert last["messages"][1] == second["messages"][1]
    assert last["messages"][: len(second["messages"])] == second["messages"]
    assert [m["role"] for m in last["messages"]].count("assistant") == 4


async def test_keys_go_into_the_headers_that_each_provider_reads_and_nowhere_else() -> None:
    """Contracts §6.10: never into an address."""
    chat, transport = chat_with(
        anthropic_text("a", stream=True), openai_text("b", stream=True), gemini_text("c", stream=True)
    )
    for model in (CLAUDE, GPT, GEMINI):
        chat.use(model)
        await chat.ask("x")
    found = [{name: value for name, value in request.headers if "k" in value[-2:]} for request in transport.requests]
    assert found == [{"x-api-key": "k2"}, {"authorization": "Bearer k1"}, {"x-goog-api-key": "k3"}]
    assert not any("k3" in request.url for request in transport.requests)


@pytest.mark.parametrize("model", [CLAUDE, GPT, GEMINI])
async def test_whole_and_streamed_answers_are_the_same(model: str) -> None:
    """The stream adds pieces, not meaning."""
    make = {CLAUDE: anthropic_text, GPT: openai_text, GEMINI: gemini_text}[model]
    transport = ScriptedTransport([make("Hello.", stream=False), make("Hello.", stream=True)])
    async with AsyncClient(model, config=ONCE, api_keys=KEYS, transport=transport) as client:
        whole = await client.generate("Hi")
        streamed = await client.stream("Hi").read()
    assert whole.text == streamed.text == "Hello."
    assert whole.message.parts == streamed.message.parts
    assert whole.finish == streamed.finish
    assert whole.usage is not None
    assert streamed.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (
        streamed.usage.input_tokens,
        streamed.usage.output_tokens,
    )
    assert whole.cost == streamed.cost is not None
    assert streamed.timing.first_token is not None


async def test_a_whole_answer_with_a_tool_call_keeps_its_signature() -> None:
    """Not streamed, the same."""
    transport = ScriptedTransport([anthropic_tool_call(stream=False)])
    client = AsyncClient(CLAUDE, config=ONCE, api_keys=KEYS, transport=transport)
    reply = await client.generate("Weather?")
    assert [part.name for part in reply.tool_calls] == ["lookup_weather"]
    assert reply.reasoning == "I should look."
    (thought,) = [part for part in reply.parts if isinstance(part, ReasoningPart)]
    assert thought.opaque[0].data == SIGNATURE
    assert reply.finish.kind == "tool_call"


async def test_parallel_calls_run_at_the_same_time_and_keep_their_order() -> None:
    """Two tools that wait for each other finish."""
    met = asyncio.Barrier(2)

    async def meet(who: str) -> str:
        """Waits for the other."""
        await asyncio.wait_for(met.wait(), 20)
        return who

    calls = [
        {"index": i, "id": f"c{i}", "type": "function", "function": {"name": "meet", "arguments": f'{{"who":"{i}"}}'}}
        for i in range(2)
    ]
    head = {"id": "1", "model": "gpt-6-sol"}
    script = Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    )
    chat, transport = chat_with(script, openai_text("Both.", stream=True), model=GPT, tools=[meet])
    reply = await chat.ask("Go")
    assert [run.response.text for run in reply.tool_runs] == ["0", "1"]
    assert [m["content"] for m in transport.bodies[1]["messages"] if m["role"] == "tool"] == ["0", "1"]


async def test_a_tool_that_fails_tells_the_model_and_the_talk_goes_on() -> None:
    """No traceback reaches the model."""

    def lookup_weather(city: str) -> str:
        """Always fails."""
        raise RuntimeError("the station is down")

    chat, transport = chat_with(
        anthropic_tool_call(stream=True), anthropic_text("Sorry.", stream=True), tools=[lookup_weather]
    )
    events = [event async for event in chat.stream("Weather?")]
    (run,) = [event for event in events if isinstance(event, ToolRun)]
    assert isinstance(run.error, RuntimeError)
    result = transport.bodies[1]["messages"][2]["content"][0]
    assert result["is_error"] is True
    assert "Traceback" not in str(result)


async def test_forcing_a_call_does_not_force_the_next_one_too() -> None:
    """Otherwise the loop would never end."""
    scripts = [anthropic_tool_call(stream=True), anthropic_text("Done.", stream=True)]
    chat, transport = chat_with(*scripts, model="anthropic/claude-opus-5", tools=[lookup_weather])
    await chat.ask("Weather?", tool_choice="required")
    assert transport.bodies[0]["tool_choice"] == {"type": "any"}
    assert "tool_choice" not in transport.bodies[1]


async def test_the_last_step_of_a_loop_may_call_no_tool() -> None:
    """So that the person gets an answer and not another call."""
    chat, transport = chat_with(
        anthropic_tool_call(stream=True), anthropic_text("Enough.", stream=True), tools=[lookup_weather], max_steps=2
    )
    assert (await chat.ask("Weather?")).text == "Enough."
    assert transport.bodies[1]["tool_choice"] == {"type": "none"}


async def test_a_cut_stream_raises_and_keeps_what_came() -> None:
    """Contracts §1.2: truncated text is never a success."""
    chat, _ = chat_with(anthropic_text("It rains", stream=True).cut(after=3))
    with pytest.raises(StreamInterrupted) as caught:
        await chat.ask("Weather?")
    assert caught.value.partial is not None
    assert caught.value.partial.text == "It rains"
    assert caught.value.usage is not None
    assert [m.text for m in chat.messages] == ["Weather?", "It rains"]


async def test_a_question_that_got_no_answer_is_taken_back() -> None:
    """It can be asked again without standing there twice."""
    chat, _ = chat_with(Script.json({"error": {"type": "invalid_request_error", "message": "no"}}, status=400))
    with pytest.raises(InvalidRequest):
        await chat.ask("Weather?")
    assert chat.messages == []


async def test_steps_that_were_finished_stay_when_a_later_one_fails() -> None:
    """A tool has run; that is not undone by forgetting it. `ask()` goes on from there."""
    failed = Script.json({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, status=400)
    chat, _ = chat_with(
        anthropic_tool_call(stream=True), failed, anthropic_text("Rain.", stream=True), tools=[lookup_weather]
    )
    with pytest.raises(InvalidRequest):
        await chat.ask("Weather?")
    assert [m.role for m in chat.messages] == ["user", "assistant", "tool"]
    assert (await chat.ask()).text == "Rain."


async def test_an_interrupted_call_in_the_history_is_closed() -> None:
    """The five columns: an orphan call."""
    history = [user("a"), Message(role="assistant", parts=(tool_call("call_b|fc_9", "f", ""),))]
    chat, transport = chat_with(anthropic_text("ok", stream=True), messages=history)
    await chat.ask("go on")
    _, assistant, results = transport.bodies[0]["messages"]
    assert assistant["content"][0]["input"] == {}
    assert results["content"][0]["tool_use_id"] == assistant["content"][0]["id"]
    assert "|" not in assistant["content"][0]["id"]
    assert results["content"][0]["is_error"] is True
    assert results["content"][-1] == {"type": "text", "text": "go on"}


async def test_switching_needs_no_key_and_asking_does() -> None:
    """The first seed: no key check on switch, a clear error on the first call, history kept."""
    transport = ScriptedTransport([openai_text("Hi.", stream=True)])
    client = AsyncClient(config=ONCE, api_keys={"openrouter": "k"}, transport=transport)
    chat = AsyncChat(GPT, client=client)
    await chat.ask("Hello")
    chat.use("c/deepseek-ai/DeepSeek-V3-0324")
    with pytest.raises(CredentialMissing) as caught:
        await chat.ask("in one word?")
    assert caught.value.provider == "chutes"
    assert caught.value.looked_in == ("keychain (chutes/default)", "CHUTES_API_KEY", "credentials file")
    assert caught.value.alternative == "local/smollm2"
    assert [m.text for m in chat.messages] == ["Hello", "Hi."]


def test_switching_to_a_model_that_does_not_exist_fails_at_once() -> None:
    """With the nearest names."""
    chat, _ = chat_with()
    with pytest.raises(ModelNotFound) as caught:
        chat.use("clade-opus-5-5")
    assert "anthropic/claude-opus-5-5" in caught.value.suggestions
    assert chat.model == CLAUDE


async def test_an_image_is_refused_before_a_text_only_model_is_asked() -> None:
    """Naming the part and models that can."""
    image = BlobPart(modality="image", mime_type="image/png", content="AAAA")
    chat, transport = chat_with(model="groq/llama-3.3-70b-versatile")
    with pytest.raises(Unsupported, match="takes no image input") as caught:
        await chat.ask("What is this?", attach=[image])
    assert caught.value.alternatives
    assert caught.value.path == "messages[0].parts[1]"
    assert transport.requests == []


@dataclass
class Invoice:
    """An invoice."""

    number: int
    paid: bool


async def test_an_answer_can_be_a_value_of_the_callers_type() -> None:
    """The schema goes out, the value comes back."""
    chat, transport = chat_with(openai_text('{"number": 7, "paid": true}', stream=True), model=GPT)
    reply = await chat.ask("Which invoice?", output=Invoice)
    assert reply.output == Invoice(7, True)
    sent = transport.bodies[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert set(sent["json_schema"]["schema"]["required"]) == {"number", "paid"}


async def test_sums_are_unknown_where_one_part_is() -> None:
    """Unknown is None, never 0."""
    nothing = Script.sse(
        {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}]}
    )
    chat, _ = chat_with(openai_text("a", stream=True), nothing, model=GPT)
    await chat.ask("1")
    assert chat.cost is not None
    assert chat.usage is not None
    await chat.ask("2")
    assert chat.cost is None
    assert chat.usage is None


async def test_sums_are_unknown_where_an_answer_broke_off() -> None:
    """It was billed, and nobody said how much; one that was refused before it began cost nothing."""
    refused = Script.json({"error": {"message": "no"}}, status=400)
    chat, _ = chat_with(openai_text("a", stream=True), refused, openai_text("b", stream=True).cut(after=2), model=GPT)
    await chat.ask("1")
    with pytest.raises(InvalidRequest):
        await chat.ask("2")
    assert chat.cost is not None
    with pytest.raises(StreamInterrupted):
        await chat.ask("3")
    assert chat.cost is None
    assert chat.usage is None


def test_the_synchronous_chat_is_the_same() -> None:
    """Also when it is read piece by piece."""
    transport = ScriptedTransport([anthropic_tool_call(stream=True), anthropic_text("Rain.", stream=True)])
    with Client(config=ONCE, api_keys=KEYS, transport=transport) as client:
        chat = Chat(CLAUDE, client=client)
        chat.tools.add(lookup_weather)
        stream = chat.stream("Weather?")
        assert "".join(stream.texts()) == "Let me look.Rain."
        assert stream.reply.text == "Rain."
        assert chat.messages[-1].parts == (TextPart(text="Rain."),)


def test_the_synchronous_chat_is_changed_as_the_asynchronous_one_is() -> None:
    """Instructions and history that are set between questions are those of the next one."""
    transport = ScriptedTransport([openai_text("Hi.", stream=True) for _ in range(2)])
    chat = Chat(GPT, client=Client(config=ONCE, api_keys=KEYS, transport=transport), system="Be long.")
    chat.ask("Hello")
    chat.system, chat.messages = "Be brief.", []
    chat.ask("Again")
    assert [one["content"] for one in transport.bodies[1]["messages"]] == ["Be brief.", "Again"]


async def test_the_synchronous_chat_works_inside_a_running_loop() -> None:
    """As in a notebook."""
    transport = ScriptedTransport([openai_text("Hi.", stream=True)])
    chat = Chat(GPT, client=Client(config=ONCE, api_keys=KEYS, transport=transport))
    assert chat.ask("Hello").text == "Hi."


async def test_a_stream_that_is_left_takes_only_its_own_question_with_it() -> None:
    """It is closed whenever the collector comes by, perhaps long after another question was asked."""
    chat, _ = chat_with(*[anthropic_text(text, stream=True) for text in ("a", "b", "c", "d")])
    await chat.ask("1")
    left = chat.stream("2")
    assert isinstance(await anext(left), MessageStart)
    async for _ in chat.stream("3"):
        break
    await chat.ask("4")
    await left.aclose()
    assert [m.text for m in chat.messages] == ["1", "a", "4", "d"]


async def test_a_question_that_broke_off_before_its_answer_began_is_taken_back() -> None:
    """As one that was refused is."""
    chat, _ = chat_with(anthropic_text("It rains", stream=True).cut(after=1))
    with pytest.raises(InterlinguaError):
        await chat.ask("Weather?")
    assert chat.messages == []


async def test_a_call_whose_tool_was_stopped_stays_and_the_talk_goes_on() -> None:
    """The call is closed as interrupted when the next question is asked."""
    begun = asyncio.Event()

    async def lookup_weather(city: str) -> str:
        """Takes for ever."""
        begun.set()
        await asyncio.Event().wait()
        return city

    chat, transport = chat_with(
        anthropic_tool_call(stream=True), anthropic_text("Fine.", stream=True), tools=[lookup_weather]
    )
    asking = asyncio.ensure_future(chat.ask("Weather?"))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [m.role for m in chat.messages] == ["user", "assistant"]
    assert (await chat.ask("Never mind.")).text == "Fine."
    assert transport.bodies[1]["messages"][2]["content"][0]["is_error"] is True
    assert len(asyncio.all_tasks()) == 1


async def test_what_a_tool_has_done_stays_when_another_one_is_stopped() -> None:
    """The model is told, lest it asks for it again; only the other call is closed as interrupted."""
    done = asyncio.Event()

    async def slow(city: str) -> str:
        """Takes for ever."""
        await asyncio.Event().wait()
        return city

    async def order(city: str) -> str:
        """Orders, once."""
        return f"ordered for {city}"

    chat, transport = chat_with(two_calls(("a", "slow"), ("b", "order")), openai_text("Fine.", stream=True), model=GROQ)
    chat.tools = Toolbox([slow, order], on_run=lambda _: done.set())
    asking = asyncio.ensure_future(chat.ask("Two things."))
    await done.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await chat.ask("And?")).text == "Fine."
    results = [message for message in transport.bodies[1]["messages"] if message["role"] == "tool"]
    assert "interrupted" in results[0]["content"]
    assert results[1] == {"role": "tool", "tool_call_id": "b", "content": "ordered for Oslo"}


async def test_two_calls_of_one_id_are_both_answered() -> None:
    """Some hosts give both the same; the next request must hold each call and its own result."""
    chat, transport = chat_with(
        two_calls(("c", "lookup_weather"), ("c", "lookup_weather")),
        openai_text("Rain.", stream=True),
        model=GROQ,
        tools=[lookup_weather],
    )
    assert (await chat.ask("Weather?")).text == "Rain."
    _, assistant, *results = transport.bodies[1]["messages"]
    ids = [one["id"] for one in assistant["tool_calls"]]
    assert len(set(ids)) == 2
    assert [one["tool_call_id"] for one in results] == ids


async def test_an_answer_that_was_cut_off_or_refused_says_so_instead_of_its_form() -> None:
    """Asking again would not help, and the remedy is another one."""
    head: dict[str, Any] = {"id": "1", "model": "m"}
    for delta, end, said in (
        ({"content": '{"number'}, "length", "limit of tokens"),
        ({"content": "I"}, "content_filter", "safety system"),
        ({"refusal": "I will not."}, "stop", "I will not."),
    ):
        chunk = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
        chat, _ = chat_with(Script.sse(chunk), model=GPT)
        with pytest.raises(UpstreamError, match=said) as caught:
            await chat.ask("Which invoice?", output=Invoice)
        assert not caught.value.retryable


async def test_a_question_or_history_of_another_packages_is_refused() -> None:
    """What looks like OpenAI's messages would else be sent as it stands, inside a text."""
    chat, transport = chat_with()
    wrong: Any = [{"role": "user", "content": "hi"}]
    with pytest.raises(InvalidRequest, match="no list"):
        await chat.ask(wrong)
    chat.messages += wrong
    with pytest.raises(InvalidRequest, match=r"messages\[0\] is a dict"):
        await chat.ask("hi")
    with pytest.raises(InvalidRequest, match="max_steps"):
        chat_with(max_steps=0)
    assert transport.requests == []
