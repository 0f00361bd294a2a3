"""The chat in a real terminal, with a provider on a real port."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlingua.types.parts import ReasoningPart, TextPart, ToolCallPart, ToolCallResponsePart
from tests.e2e.terminal.person import Person
from tests.e2e.terminal.provider import HOLD, LIST, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider, ended with the test."""
    with Provider() as running:
        yield running


@pytest.fixture
def env(provider: Provider, tmp_path: Path) -> dict[str, str]:
    """An environment in which it is configured, and in which nothing is kept from other tests."""
    config = tmp_path / "il.toml"
    config.write_text(provider.config)
    return {"IL_CONFIG": str(config), "XDG_STATE_HOME": str(tmp_path / "state"), "EDITOR": "false"}


def test_a_question_is_answered_and_the_chat_is_left(env: dict[str, str]) -> None:
    """The least: greet, ask, see Markdown, leave."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.sees("/help for commands")
        person.enter("capital of France?")
        person.sees("Paris is the capital of France, and 1 + 1 is 2.")
        person.sees("18 tokens · cost unknown")
        person.ready(2)
        person.type("\x04")
        assert person.finish() == 0
        assert "kept as “capital of France?”" in person.text


def test_one_conversation_goes_through_three_dialects_with_a_tool_and_an_interruption(
    env: dict[str, str], provider: Provider
) -> None:
    """History, tools and thinking survive every switch; what may not travel does not."""
    with Person("chat", "-m", "one/m-1", env=env, rows=40) as person:
        person.ready(1)
        person.enter("/tools on calculate")
        person.sees("may be called: calculate")
        person.enter("calculate it")
        person.sees('⚙ calculate(expression="6 * 7") … 42')
        person.sees("The tool says 42.")
        person.ready(3)
        person.enter("/model two m-1")
        person.sees("history kept (4 messages)")
        person.enter("please think")
        person.sees("thought for")
        person.sees("I have thought.")
        person.ready(5)
        person.enter(f"now {HOLD} on")
        assert provider.held.wait(30)
        person.sees("Paris is the capital")
        person.type("\x03")
        person.sees("interrupted — kept what came")
        provider.go.set()
        person.ready(6)
        person.enter("/model three m-1")
        person.sees("now three/m-1")
        person.enter("and at last?")
        person.sees("1 + 1 is 2.")
        person.ready(8)
    assert [dialect for dialect, _ in provider.requests] == [
        *("openai_chat", "openai_chat", "anthropic_messages", "anthropic_messages", "gemini"),
    ]
    last = provider.requests[-1][1].messages
    parts = [part for message in last for part in message.parts]
    assert [type(part) for part in parts if not isinstance(part, TextPart)] == [ToolCallPart, ToolCallResponsePart]
    assert not any(isinstance(part, ReasoningPart) for part in parts)
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    assert texts[0] == "calculate it"
    assert texts[-1] == "and at last?"
    assert any(text.startswith("Paris is the capital") for text in texts)
    thinking = [part for message in provider.requests[3][1].messages for part in message.parts]
    assert any(isinstance(part, ReasoningPart) and part.opaque for part in thinking)


def test_a_missing_key_is_said_and_the_chat_goes_on(env: dict[str, str], provider: Provider) -> None:
    """The first seed: no check on the switch, a clear error on the first call, history kept."""
    with Person("chat", "-m", "one/m-1", env=env, rows=40) as person:
        person.ready(1)
        person.enter("/model locked some-model")
        person.sees("now locked/some-model · not in the catalog")
        person.enter("anybody?")
        person.sees("error: no credential for locked")
        person.sees("/key locked")
        person.sees("your text is kept for ↑")
        person.enter("/model one m-1")
        person.sees("now one/m-1")
        person.type("\x1b[A\x1b[A")
        person.sees("› anybody?", 2)
        assert provider.requests == []
        person.type("\r")
        person.sees("Paris is the capital")
        ((_, request),) = provider.requests
        assert [message.text for message in request.messages] == ["anybody?"]


def test_model_follows_the_first_seed(env: dict[str, str]) -> None:
    """Without arguments it shows, with both it switches, with one it helps."""
    with Person("chat", "-m", "local/smollm2", env=env, rows=60, columns=100) as person:
        person.ready(1)
        person.enter("/model")
        for fact in ("provider  local  (l)", "model     smollm2", "context   8,192 tokens", "costs     free"):
            person.sees(fact)
        for alias, provider in {"c": "chutes", "g": "groq", "o": "openrouter", "ge": "google"}.items():
            person.enter(f"/model {alias} some/model")
            person.sees(f"now {provider}/some/model")
        person.enter("/model c")
        person.sees("Both are needed")
        person.enter("/model nobody x")
        person.sees("there is no provider called 'nobody'")
        person.enter("/modle")
        person.sees("Did you mean /model")
        person.enter("/model haiku")
        person.sees("1. anthropic/claude-haiku")
        person.type("\r")
        text = person.sees("now anthropic/claude-haiku")
        switches = [text.index(f"now {name}/") for name in ("chutes", "groq", "openrouter", "google", "anthropic")]
        assert switches == sorted(switches)


@pytest.mark.parametrize("columns", [60, 120])
def test_a_long_answer_is_whole_and_in_order(env: dict[str, str], columns: int) -> None:
    """Each line once, though most of it scrolled away."""
    with Person("chat", "-m", "one/m-1", env=env, columns=columns) as person:
        person.ready(1)
        person.enter("a numbered list")
        person.sees("end of list")
        person.ready(2)
        items = [line.strip() for line in person.lines if "of a long list" in line]
        assert items == LIST.splitlines()[:80]
        person.enter("long code")
        person.sees("That was all.")
        person.ready(3)
        heads = [line for line in person.lines if line.startswith("def line_")]
        assert heads == [f"def line_{i}(value: int) -> str:" for i in range(120)]


def test_a_change_of_size_in_the_middle_leaves_the_answer_whole(env: dict[str, str], provider: Provider) -> None:
    """Wider and narrower."""
    provider.pause = 0.002
    with Person("chat", "-m", "one/m-1", env=env, columns=100) as person:
        person.ready(1)
        person.enter("a numbered list")
        for item, columns in {3: 60, 20: 44, 40: 120, 60: 80}.items():
            person.sees(f"item number {item} of")
            person.resize(columns, 24)
        person.sees("end of list")
        person.ready(2)
        found = [line.strip() for line in person.lines if "of a long list" in line]
        assert [line for line in found if found.count(line) > 1] == []
        assert found[-1] == "80. item number 80 of a long list"


def test_wide_letters_and_what_would_drive_the_terminal(env: dict[str, str]) -> None:
    """CJK is wrapped by its width; escapes lose their escape."""
    with Person("chat", "-m", "one/m-1", env=env, columns=60) as person:
        person.ready(1)
        person.enter("wide text")
        person.sees("end of wide")
        person.ready(2)
        person.enter("something evil")
        person.sees("end of evil")
        assert "before [2J]0;owned[31m after" in person.text
        assert "\x1b]0;owned" not in person.raw
        assert "\x9b" not in person.raw


def test_a_long_paste_is_folded_and_sent_whole(env: dict[str, str], provider: Provider) -> None:
    """500 lines must not flood the screen, nor send themselves."""
    pasted = "\n".join(f"line {i}" for i in range(500))
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        person.type("look at ")
        person.paste(pasted)
        person.sees("look at [pasted 500 lines #1]")
        person.type("\x1b\r")
        person.enter("and answer")
        person.sees("Paris is the capital")
        assert "line 499" not in person.text
    asked = provider.requests[-1][1].messages[-1].text
    assert asked == f"look at {pasted}\nand answer"


def test_what_is_typed_while_an_answer_comes_waits_for_its_turn(env: dict[str, str], provider: Provider) -> None:
    """It neither shows in the answer nor is lost."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        person.enter(f"please {HOLD}")
        assert provider.held.wait(30)
        person.enter("/context")
        provider.go.set()
        person.sees("› /context")
        person.sees("counted")
        assert "Paris is the capital of France, and 1 + 1 is 2." in person.text


def test_a_killed_chat_is_resumed_with_all_that_was_on_the_screen(env: dict[str, str], provider: Provider) -> None:
    """kill -9 in the middle of an answer; Enter on an empty line goes on with it."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        person.enter("first question")
        person.sees("1 + 1 is 2.")
        person.ready(2)
        person.enter(f"numbered, {HOLD}")
        assert provider.held.wait(30)
        person.sees("1. item number 1 of")
        person.process.kill()
    provider.go.set()
    with Person("chat", "-c", env=env, rows=40) as person:
        person.sees("“first question”")
        person.sees("numbered, hold")
        person.sees("1. item number 1 of")
        person.sees("interrupted — Enter on an empty line continues it")
        person.ready(3)
        person.enter()
        person.sees("18 tokens")
    assert provider.requests[-1][1].messages[-1].text.startswith("Continue exactly")
    assert [message.role for message in provider.requests[-1][1].messages] == ["user", "assistant"] * 2 + ["user"]


def test_conversations_are_listed_found_forked_exported_and_taken_back(env: dict[str, str], tmp_path: Path) -> None:
    """Sessions, from the first to the last command."""
    with Person("chat", "-m", "one/m-1", env=env, rows=60, columns=100) as person:
        person.ready(1)
        person.enter("about elephants")
        person.sees("1 + 1 is 2.")
        person.enter("/save My elephants")
        person.sees("kept as “My elephants”")
        person.enter("/fork")
        person.sees("now in “My elephants (fork)” with 2 messages")
        person.enter("/clear")
        person.sees("a new conversation")
        person.enter("/search elephants")
        person.sees("about elephants", 3)
        person.enter("/sessions")
        person.sees("1  My elephants (fork)")
        person.enter("/load My elephants")
        person.sees("“My elephants” · one/m-1 · 2 messages")
        person.enter(f"/export openai {tmp_path}/m.json")
        person.sees("2 messages written to")
        person.enter(f"/export {tmp_path}/m.json")
        person.sees("[y/N]")
        person.enter("n")
        person.enter("/undo")
        person.sees("taken back: 2 messages; 0 are left")
        person.enter("/edit")
        person.sees("error: nothing was asked yet")
    exported = json.loads((tmp_path / "m.json").read_text())
    assert exported[0] == {"role": "user", "content": "about elephants"}
    assert exported[1]["role"] == "assistant"


def test_two_models_are_compared_and_one_goes_on(env: dict[str, str], provider: Provider) -> None:
    """Side by side, then below each other, then one of them."""
    with Person("chat", "-m", "one/m-1", env=env, rows=50, columns=120) as person:
        person.ready(1)
        person.enter("/compare one/m-1 two/m-1 locked/x -- what is it?")
        person.sees("── two/m-1")
        person.sees("error: no credential for locked")
        person.sees("2. two/m-1")
        person.type("\x1b[B\r")
        person.sees("now two/m-1, with its answer in the conversation")
        person.enter("and more")
        person.sees("1 + 1 is 2.", 3)
    assert [message.text for message in provider.requests[-1][1].messages][::2] == ["what is it?", "and more"]


def test_a_preset_is_kept_in_the_chat_and_used_in_the_next(env: dict[str, str], provider: Provider) -> None:
    """Model, instructions, tools and settings at once, in the chat and in `il ask`."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        for line, seen in (
            ("/system Be brief.", "instructions set"),
            ("/set temperature 0.5", "temperature is 0.5"),
            ("/tools on calculate", "may be called: calculate"),
            ("/preset save terse", "kept as terse"),
        ):
            person.enter(line)
            person.sees(seen)
    with Person("chat", "-p", "terse", env=env) as person:
        person.sees("preset terse: one/m-1 · Be brief. · temperature 0.5 · tools calculate")
        person.enter("calculate it")
        person.sees("The tool says 42.")
        person.enter("/preset delete terse")
        person.sees("terse is deleted")
    request = provider.requests[-1][1]
    assert (request.messages[0].text, request.temperature) == ("Be brief.", 0.5)


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("/help", "Ctrl-R history"),
        ("/help model", "/model c deepseek-ai/DeepSeek-V3-0324"),
        ("/models haiku", "anthropic/claude-haiku-4-5"),
        ("/providers", "openrouter"),
        ("/system Be brief.", "instructions set"),
        ("/tools", "calculate"),
        ("/tools on no_such", "error: there is no tool"),
        ("/preset", "no presets yet"),
        ("/preset terse", "error: there is no preset"),
        ("/attach", "nothing is attached"),
        ("/usage", "nothing was asked yet"),
        ("/cost", "nothing yet"),
        ("/context", "estimated"),
        ("/retry", "error: nothing was asked yet"),
        ("/edit", "error: nothing was asked yet"),
        ("/undo", "error: there is nothing to take back"),
        ("/fork", "error: there is nothing to fork yet"),
        ("/save", "error: there is nothing to keep yet"),
        ("/load nothing", "error: no conversation is called"),
        ("/search x", "nothing found"),
        ("/export", "error: there is nothing to write yet"),
        ("/copy", "error: there is no answer yet"),
        ("/set temperature 0.2", "temperature is 0.2"),
        ("/set tempratur 1", "did you mean 'temperature'"),
        ("/reasoning show", "thinking is shown in full"),
        ("/reasoning", "the last answer shows no thinking"),
        ("/key sk-1 sk-2", "must not be written in the line"),
        ("/theme light", "theme light"),
        ("/compare", "error: name two to 4 models"),
        ("/import", "error: which file?"),
        ("/sessions", "no conversations yet"),
        ("/clear", "a new conversation"),
    ],
)
def test_every_command_says_something_from_the_start(chat_at_start: Person, line: str, seen: str) -> None:
    """Also where there is nothing to do yet."""
    before = chat_at_start.text.count("›")
    said_before = chat_at_start.text.count(seen)
    chat_at_start.enter(line)
    chat_at_start.sees(seen, said_before + line.count(seen) + 1)
    chat_at_start.ready(before + 1)
    assert chat_at_start.process.poll() is None


@pytest.fixture(scope="module")
def chat_at_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """One chat in which nothing was asked, for all commands."""
    folder = tmp_path_factory.mktemp("chat")
    with Provider() as provider:
        (folder / "il.toml").write_text(provider.config)
        env = {
            "IL_CONFIG": str(folder / "il.toml"),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "IL_KEYCHAIN": "off",
        }
        with Person("chat", "-m", "one/m-1", env=env, columns=110, rows=50) as person:
            person.ready(1)
            yield person


def test_a_key_is_typed_hidden_and_used_at_once(env: dict[str, str]) -> None:
    """`/key` in a running chat."""
    with Person("chat", "-m", "locked/m-1", env=env, rows=40) as person:
        person.ready(1)
        person.enter("/key one")
        person.sees("Key for one/default")
        person.enter("sk-never-on-the-screen")
        person.sees("one/default …reen is kept in the credentials file")
        person.ready(2)
        person.enter("/model one m-1")
        person.enter("/model")
        person.sees("…reen, from credentials file")
        assert "never-on-the-screen" not in person.raw


def test_names_are_completed(env: dict[str, str], provider: Provider) -> None:
    """Commands, providers and models, with what is known of them."""
    with Person("chat", "-m", "one/m-1", env=env, columns=110, rows=40) as person:
        person.ready(1)
        person.type("/rea")
        person.sees("show the last thinking")
        person.type("\x15/model ge gem")
        person.sees("gemini-3.8-flash")
        person.type("\x15/model anthropic/claude-hai")
        person.sees("anthropic/claude-haiku-4-5")
        assert "now " not in person.text  # completing is not choosing
        assert provider.requests == []


def test_ctrl_c_on_the_line_keeps_the_chat_and_ctrl_d_ends_it(env: dict[str, str]) -> None:
    """As in a shell."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        person.type("half a thou\x03")
        person.sees("Ctrl-D or /quit leaves")
        person.ready(2)
        person.type("\x04")
        assert person.finish() == 0


def test_a_terminal_that_moves_nothing_gets_text_as_it_comes(env: dict[str, str]) -> None:
    """TERM=dumb and screen readers."""
    with Person("chat", "-m", "one/m-1", env={**env, "TERM": "dumb"}) as person:
        person.ready(1)
        person.enter("hello")
        person.sees("Paris is the capital of **France**")
        assert "\x1b[?2026" not in person.raw
        assert "\x1b[2m" not in person.raw


def test_the_program_ends_when_it_is_told_to(env: dict[str, str]) -> None:
    """The terminal of a window that is closed."""
    with Person("chat", "-m", "one/m-1", env=env) as person:
        person.ready(1)
        person.process.send_signal(signal.SIGTERM)
        assert person.finish() != 0


def test_reading_a_file_asks_the_person_each_time(env: dict[str, str], provider: Provider) -> None:
    """What a tool is given of this machine it is given by hand; a refusal is told to the model."""
    with Person("chat", "-m", "one/m-1", env=env, rows=50) as person:
        person.ready(1)
        person.enter("/tools on list_files")
        person.sees("may be called: list_files")
        person.enter("please use list_files")
        person.sees('call list_files(path=".")?')
        person.type("\x1b[B\x1b[B\r")
        person.sees("did not allow this call")
        person.ready(3)
        person.enter("again use list_files")
        person.sees('call list_files(path=".")?', 2)
        person.type("\x1b[B\r")
        person.sees('⚙ list_files(path=".") … [')
        person.ready(4)
        person.enter("once more use list_files")
        person.sees('⚙ list_files(path=".") … [', 2)
        assert person.text.count('call list_files(path=".")?') == 2
