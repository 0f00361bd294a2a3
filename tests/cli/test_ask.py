"""`il ask`: the answer on standard output, all else on standard error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from interlingua.catalog import weights
from interlingua.errors import LocalFileError
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import openai_stream, process, run
from tests.client.providers_scripted import anthropic_tool_call, openai_text

KEYS = {"OPENAI_API_KEY": "sk-test-0123456789", "ANTHROPIC_API_KEY": "sk-ant-0123456789"}
SOL = ("-m", "openai/gpt-6-sol")


def ask(*arguments: str, script: Script | None = None, stdin: str | bytes | None = None) -> Any:
    """`il ask -m openai/gpt-6-sol …` and what was sent for it."""
    transport = ScriptedTransport(script or openai_stream("Par", "is."))
    done = run("ask", *SOL, *arguments, transport=transport, env=KEYS, stdin=stdin)
    return done, transport


def sent(transport: ScriptedTransport) -> Any:
    """The body of the only request."""
    (body,) = transport.bodies
    return body


def test_only_the_answer_goes_to_standard_output() -> None:
    """With one line end, however the model ends; nothing else is said in a pipe."""
    done, transport = ask("capital", "of", "France?")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "Paris.\n", "")
    assert sent(transport)["messages"] == [{"role": "user", "content": "capital of France?"}]
    assert sent(transport)["stream"] is True


@pytest.mark.parametrize("texts", [("a",), ("a\n",), ("a", "\n", "\n\n"), ("a\n\n", "\n")])
def test_the_answer_ends_with_exactly_one_line_end(texts: tuple[str, ...]) -> None:
    """Models end with none or many."""
    assert ask("hi", script=openai_stream(*texts))[0].stdout == "a\n"


def test_line_ends_inside_an_answer_are_kept() -> None:
    """They are held back only until something follows."""
    assert ask("hi", script=openai_stream("a\n", "\nb", "\n"))[0].stdout == "a\n\nb\n"


def test_what_is_piped_in_follows_the_words() -> None:
    """Told apart by an empty line; it may be all there is."""
    done, transport = ask("Review this.", stdin="+ line\n")
    assert sent(transport)["messages"][0]["content"] == "Review this.\n\n+ line"
    assert done.exit_code == 0
    assert sent(ask(stdin="only this")[1])["messages"][0]["content"] == "only this"


@pytest.mark.parametrize("stdin", ["", " \n"])
def test_no_question_is_a_usage_error(stdin: str) -> None:
    """Before anything is sent."""
    done, transport = ask(" ", stdin=stdin)
    assert done.exit_code == 2
    assert transport.requests == []


def test_bytes_that_are_no_text_are_refused_with_what_to_do() -> None:
    """A picture is attached, not piped."""
    done, transport = ask("what is it?", stdin=b"\x89PNG\xff")
    assert done.exit_code == 64
    assert "--attach" in done.stderr
    assert transport.requests == []


def test_settings_reach_the_model(tmp_path: Path) -> None:
    """System prompt, attachments, limits, thinking."""
    note = tmp_path / "note.txt"
    note.write_text("remember the milk")
    arguments = ("hi", "--system", "Be brief.", "-a", str(note), "--max-tokens", "9", "--reasoning", "low")
    body = sent(ask(*arguments)[1])
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert "remember the milk" in json.dumps(body["messages"][1])
    assert body["max_completion_tokens"] == 9
    assert body["reasoning_effort"] == "low"


def test_json_is_one_object_with_everything() -> None:
    """Costs are decimal strings, unknown is null."""
    done, _ = ask("hi", "--json")
    found = json.loads(done.stdout)
    assert found["text"] == "Paris."
    assert found["model"] == "openai/gpt-6-sol"
    assert found["finish"] == {"kind": "stop", "raw": "stop"}
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (10, 5)
    assert isinstance(found["cost"], str) and float(found["cost"]) > 0
    assert [attempt["target"] for attempt in found["attempts"]] == ["openai/gpt-6-sol"]
    assert {"timing", "losses", "output"} <= found.keys()
    assert json.loads(ask("hi", "--json", script=openai_stream("a", usage=False))[0].stdout)["cost"] is None


def test_jsonl_is_events_and_then_the_summary() -> None:
    """One per line, in order; what `il translate --from canonical` reads."""
    done, _ = ask("hi", "--jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events if event["type"] != "part_delta"] == [
        *("message_start", "part_start", "part_end", "usage_update", "message_end", "summary"),
    ]
    assert events[-1]["text"] == "Paris."
    back = run("translate", "--from", "canonical", "--to", "openai_chat", stdin=done.stdout)
    assert back.exit_code == 0
    assert '"content":"Par"' in back.stdout


def test_jsonl_tells_of_a_failure_too() -> None:
    """The last line says that it broke off."""
    done, _ = ask("hi", "--jsonl", script=openai_stream("Par", "is.").cut(after=1))
    assert done.exit_code == 76
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "stream_interrupted"


def test_an_answer_that_breaks_off_is_kept_and_told() -> None:
    """What came stays on standard output, and the exit code is 76."""
    done, _ = ask("hi", script=openai_stream("Par", "is.").cut(after=1))
    assert (done.exit_code, done.stdout) == (76, "Par\n")
    assert done.stderr.startswith("error: the answer broke off")


def test_without_streaming_the_answer_is_the_same() -> None:
    """`--no-stream` asks for it at once."""
    done, transport = ask("hi", "--no-stream", script=openai_text("Paris.", stream=False))
    assert done.stdout == "Paris.\n"
    assert not sent(transport).get("stream")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("Here:\n```python\nprint(1)\n```\nand\n```\nno\n```\n", "print(1)\n"),
        ("~~~\na\n```\nb\n~~~", "a\n```\nb\n"),
        ("```sh\ncut off", "cut off\n"),
    ],
)
def test_extract_prints_the_first_code_block_only(text: str, printed: str) -> None:
    """Without its fences."""
    done, _ = ask("hi", "-x", script=openai_stream(text))
    assert (done.stdout, done.stderr) == (printed, "")


def test_extract_without_a_block_prints_all_and_says_so() -> None:
    """Better than nothing, and honest."""
    done, _ = ask("hi", "-x", script=openai_stream("just words"))
    assert done.stdout == "just words\n"
    assert done.stderr.startswith("note: the answer holds no code block")


def test_a_schema_makes_the_answer_a_checked_value(tmp_path: Path) -> None:
    """The schema is sent, and what comes is validated and printed as JSON."""
    schema = tmp_path / "city.json"
    schema.write_text(
        '{"title": "City", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}'
    )
    done, transport = ask("hi", "--schema", str(schema), script=openai_stream('{"name":', ' "Paris"}'))
    assert json.loads(done.stdout) == {"name": "Paris"}
    assert sent(transport)["response_format"]["type"] == "json_schema"
    wrong, _ = ask("hi", "--schema", str(schema), script=openai_stream('{"name": 3}'))
    assert (wrong.exit_code, wrong.stdout) == (69, "")
    assert "name" in wrong.stderr


@pytest.mark.parametrize(
    ("content", "code"), [(None, 74), ("{", 64), ("[1]", 64)], ids=["missing", "no JSON", "no object"]
)
def test_a_schema_that_is_none_is_told_before_anything_is_sent(tmp_path: Path, content: str | None, code: int) -> None:
    """It would be paid for."""
    file = tmp_path / "schema.json"
    if content is not None:
        file.write_text(content)
    done, transport = ask("hi", "--schema", str(file))
    assert done.exit_code == code
    assert str(file) in done.stderr
    assert transport.requests == []


@pytest.mark.parametrize(
    ("finish", "note"), [("length", "cut off at the limit of tokens"), ("content_filter", "content filter")]
)
def test_an_answer_that_did_not_end_by_itself_says_so(finish: str, note: str) -> None:
    """On standard error; the file that the answer went to does not show it."""
    done, _ = ask("hi", script=openai_stream("Par", finish=finish))
    assert done.stdout == "Par\n"
    assert done.stderr.startswith("note: ") and note in done.stderr


def test_a_refusal_is_told_with_the_models_words() -> None:
    """They are no answer, so they are not printed as one."""
    head = {"id": "1", "model": "gpt-6-sol", "created": 1}
    script = Script.sse(
        {**head, "choices": [{"index": 0, "delta": {"refusal": "I will not."}}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        "[DONE]",
    )
    done, _ = ask("hi", script=script)
    assert done.stdout == ""
    assert done.stderr == "note: the model refused to answer: I will not.\n"


def test_an_empty_answer_is_told() -> None:
    """Nothing printed is easily taken for a failure of the pipe."""
    done, _ = ask("hi", script=openai_stream())
    assert (done.stdout, done.stderr) == ("", "note: the answer is empty\n")


def test_thinking_goes_to_standard_error() -> None:
    """The answer stays clean."""
    transport = ScriptedTransport(anthropic_tool_call(stream=True))
    done = run("ask", "-m", "anthropic/claude-opus-5-5", "hi", transport=transport, env=KEYS)
    assert done.stdout == "Let me look.\n"
    assert done.stderr.startswith("I should look.\n")


def test_what_a_model_cannot_take_is_noted() -> None:
    """Nothing is dropped silently."""
    transport = ScriptedTransport(anthropic_tool_call(stream=True))
    done = run("ask", "-m", "anthropic/claude-opus-5-5", "-T", "0.5", "hi", transport=transport, env=KEYS)
    assert "note: temperature: " in done.stderr
    assert "(left out)" in done.stderr


@pytest.mark.parametrize("pair", [("--json", "--jsonl"), ("-x", "--json"), ("-x", "--schema=x.json")])
def test_forms_that_exclude_each_other_are_a_usage_error(pair: tuple[str, str]) -> None:
    """Instead of one winning silently."""
    assert ask("hi", *pair)[0].exit_code == 2


def test_the_model_of_this_machine_answers() -> None:
    """For real: no key, no network, a majority right."""
    pytest.importorskip("xllamacpp")
    try:
        weights.find("smollm2")
    except LocalFileError:
        pytest.skip("il pull smollm2 was not run")
    done = process("ask", "What is the capital of France?")
    assert done.returncode == 0, done.stderr
    assert b"Paris" in done.stdout and done.stdout.endswith(b"\n")
    assert done.stderr == b""
    counted = json.loads(process("ask", "--json", "hi").stdout)
    assert (counted["model"], counted["cost"]) == ("local/smollm2", "0")
    assert counted["usage"]["output_tokens"] > 0


def test_without_streaming_events_come_all_the_same() -> None:
    """`--jsonl --no-stream`: one form, whatever the way."""
    done, _ = ask("hi", "--jsonl", "--no-stream", script=openai_text("Paris.", stream=False))
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert (types[0], types[-2], types[-1]) == ("message_start", "message_end", "summary")


def test_a_local_model_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    """In a pipe nobody can be asked."""
    done = run("ask", "hi", env={"XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert done.exit_code == 74
    assert "il pull smollm2" in done.stderr


def test_go_on_keeps_and_continues_the_last_conversation(tmp_path: Path) -> None:
    """From a script; with another model, too."""
    env = {"XDG_STATE_HOME": str(tmp_path), "OPENAI_API_KEY": "k"}
    first, second = ScriptedTransport(openai_stream("one")), ScriptedTransport(openai_stream("two"))
    assert run("ask", "-c", "-m", "openai/gpt-6-sol", "first", transport=first, env=env).stdout == "one\n"
    assert run("ask", "-c", "second", transport=second, env=env).stdout == "two\n"
    body: Any = second.bodies[0]
    assert body["model"] == "gpt-6-sol"
    assert [message["content"] for message in body["messages"]] == ["first", "one", "second"]
    assert run("ask", "-c", "--no-stream", "x", env=env).exit_code == 2


def test_chat_in_a_pipe_is_one_question(tmp_path: Path) -> None:
    """`echo hi | il chat`."""
    transport = ScriptedTransport(openai_stream("hello"))
    done = run("chat", "-m", "openai/gpt-6-sol", stdin="hi", transport=transport, env={"OPENAI_API_KEY": "k"})
    assert (done.exit_code, done.stdout) == (0, "hello\n")
