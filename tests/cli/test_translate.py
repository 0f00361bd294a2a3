"""`il translate`: every wire format into every other, as a filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interlingua.dialects.registry import DIALECTS
from interlingua.types.events import Failed
from interlingua.types.serde import load
from tests.cli.runs import run

REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5},
    "anthropic_messages": {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi", "max_output_tokens": 5},
    "ollama": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "options": {"num_predict": 5}},
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": 5},
    },
}
RESPONSE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
CHUNKS: list[dict[str, Any]] = [
    {**HEAD, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hel"}}]},
    {**HEAD, "choices": [{"index": 0, "delta": {"content": "lo"}}]},
    {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
STREAM = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in CHUNKS) + "data: [DONE]\n\n"


def translate(source: str, target: str, text: str, *more: str) -> Any:
    """A run of `il translate`."""
    return run("translate", "--from", source, "--to", target, *more, stdin=text)


@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("source", DIALECTS)
def test_a_request_goes_from_every_dialect_to_every_other(source: str, target: str) -> None:
    """Without being told that it is a request; the model comes from the command where the format has none."""
    done = translate(source, target, json.dumps(REQUESTS[source]), "-m", "openai/m")
    assert done.exit_code == 0, done.stderr
    made = json.loads(done.stdout)
    assert "hi" in json.dumps(made)
    assert set(REQUESTS[target]) <= set(made)


@pytest.mark.parametrize("kind", ["request", "response", "stream"])
def test_the_canonical_form_is_a_station_on_the_way(kind: str) -> None:
    """There and on is the same as at once."""
    text = {"request": json.dumps(REQUESTS["openai_chat"]), "response": json.dumps(RESPONSE), "stream": STREAM}[kind]
    canonical = translate("openai_chat", "canonical", text)
    assert canonical.exit_code == 0, canonical.stderr
    assert all(json.loads(line)["interlingua"] == 1 for line in canonical.stdout.splitlines())
    onward = translate("canonical", "anthropic_messages", canonical.stdout)
    assert onward.stdout == translate("openai_chat", "anthropic_messages", text).stdout != ""


@pytest.mark.parametrize("target", DIALECTS)
def test_a_stream_stays_a_stream(target: str) -> None:
    """With its text, and an end of the target's own kind."""
    done = translate("openai_chat", target, STREAM)
    assert done.exit_code == 0, done.stderr
    assert "Hel" in done.stdout and len(done.stdout.splitlines()) >= 3


def test_a_stream_that_breaks_off_is_translated_and_told() -> None:
    """No completion, no success: the target's own error event, and exit code 76."""
    done = translate("openai_chat", "anthropic_messages", STREAM.partition("data: [DONE]")[0].rsplit("data: ", 1)[0])
    assert done.exit_code == 76
    assert "event: error" in done.stdout and "message_stop" not in done.stdout
    cut = translate("openai_chat", "canonical", STREAM).stdout.splitlines()[:3]
    assert translate("canonical", "openai_chat", "\n".join(cut)).exit_code == 76


def test_an_error_keeps_its_meaning() -> None:
    """A rate limit is one in every format."""
    body = json.dumps({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}})
    made = translate("openai_chat", "gemini", body, "--status", "429")
    assert json.loads(made.stdout)["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "note: its status is 429" in made.stderr
    failed = load(translate("openai_chat", "canonical", body, "--status", "429").stdout, Failed)
    assert failed.code == "rate_limited"
    again = translate("gemini", "anthropic_messages", made.stdout)
    assert json.loads(again.stdout)["error"]["type"] == "rate_limit_error"


def test_what_is_lost_is_noted_and_strict_refuses_it() -> None:
    """Nothing is dropped silently."""
    body = json.dumps({**REQUESTS["openai_chat"], "seed": 7})
    done = translate("openai_chat", "anthropic_messages", body)
    assert "note: seed: " in done.stderr and "(left out)" in done.stderr
    strict = translate("openai_chat", "anthropic_messages", body, "--strict")
    assert (strict.exit_code, strict.stdout) == (64, "")


def test_the_same_input_gives_the_same_output() -> None:
    """Invented ids derive from what came in."""
    call = {"function_call": {"name": "f", "args": {}}}
    contents = [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"functionCall": call["function_call"]}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"ok": True}}}]},
    ]
    once, again = (
        translate("gemini", "openai_chat", json.dumps({"contents": contents}), "-m", "openai/m") for _ in "ab"
    )
    assert once.exit_code == 0, once.stderr
    assert once.stdout == again.stdout


@pytest.mark.parametrize("text", ["", "hello", "[]", "3", '{"a": 1}'])
def test_what_cannot_be_told_is_asked_for(text: str) -> None:
    """Guessing wrong would be worse."""
    done = translate("openai_chat", "gemini", text)
    assert (done.exit_code, done.stdout) == (64, "")
    assert "--kind" in done.stderr


def test_a_request_without_a_model_asks_for_one() -> None:
    """Gemini has it in the path, which is not piped in."""
    done = translate("gemini", "openai_chat", json.dumps(REQUESTS["gemini"]))
    assert done.exit_code == 64
    assert "--model" in done.stderr
