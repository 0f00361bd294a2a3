"""Whole answers, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from interlingua.dialects import ollama
from interlingua.errors import Overloaded, UpstreamError
from interlingua.ports.context import Quirk
from interlingua.ports.dialect import WireResponse
from interlingua.types.messages import Message
from interlingua.types.opaque import Origin
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    UriPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishReason
from interlingua.types.usage import Usage
from tests.dialects.ollama.strategies import PNG, responses
from tests.dialects.ollama.wire import answer, context, shown

STOP = FinishReason("stop", "stop")
DONE = {"model": "m", "created_at": "2026-11-20T08:00:00.123456789Z", "done": True, "done_reason": "stop"}


def saying(*parts: Any, finish: FinishReason = STOP, **given: Any) -> ChatResponse:
    choice = Choice(message=Message(role="assistant", parts=parts), finish=finish)
    return ChatResponse(id="i", model="m", choices=(choice,), **given)


@given(responses())
@settings(max_examples=60)
def test_what_the_format_can_express_survives_being_written_and_read(response: ChatResponse) -> None:
    surroundings = context()
    again = ollama.parse_response(ollama.render_response(response, surroundings), context())
    assert msgspec.structs.replace(again, id="") == response
    assert not surroundings.losses


def test_an_answer_is_read_with_origin_time_usage_and_luggage() -> None:
    origin = Origin("p", "ollama", "m")
    body = DONE | {
        "message": {"role": "assistant", "content": "hi", "thinking": "hm", "odd": 1},
        "remote_host": "https://host.example",
        "prompt_eval_count": 3,
        "eval_count": 4,
        "eval_duration": 5,
    }
    found = answer(body, context(origin=origin))
    assert found.message == Message(
        role="assistant",
        parts=(ReasoningPart(text="hm"), TextPart(text="hi")),
        origin=origin,
        extra={"ollama": {"odd": 1}},
    )
    assert found.created == 1795161600 and found.id.startswith("response-")
    assert found.usage is not None and found.usage.total_tokens == 7
    assert found.usage.raw == {"prompt_eval_count": 3, "eval_count": 4, "eval_duration": 5}
    assert found.extra == {"ollama": {"remote_host": "https://host.example"}}


@pytest.mark.parametrize(
    ("body", "counts"),
    [({}, None), ({"eval_count": 4}, (None, 4)), ({"total_duration": 9}, (None, None))],
)
def test_a_count_that_is_missing_is_unknown_and_not_0(body: dict[str, int], counts: tuple[int, int] | None) -> None:
    usage = answer(DONE | {"message": {"content": "x"}} | body).usage
    assert (None if usage is None else (usage.input_tokens, usage.output_tokens)) == counts


@pytest.mark.parametrize(
    ("word", "calls", "kind"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_call"),
        ("length", True, "length"),
        (None, False, "stop"),
        (None, True, "tool_call"),
        ("load", False, "stop"),
        ("unload", False, "stop"),
        ("surprise", False, "stop"),
    ],
)
def test_why_it_ended_is_told_by_word_and_content(word: str | None, calls: bool, kind: str) -> None:
    message = {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}] if calls else []}
    found = answer(DONE | {"done_reason": word, "message": message})
    assert found.finish == FinishReason(kind, word or "")  # type: ignore[arg-type]  # the kinds above
    assert shown(found).get("done_reason") == ("stop" if word == "surprise" else word)


@pytest.mark.parametrize(
    ("finish", "word"),
    [
        (FinishReason("stop", "end_turn"), "stop"),
        (FinishReason("tool_call", "tool_use"), "stop"),
        (FinishReason("length", "max_tokens"), "length"),
        (FinishReason("content_filter", "SAFETY"), "content_filter"),
        (FinishReason("refusal", "refusal"), "stop"),
        (FinishReason("pause", "pause_turn"), "length"),
        (FinishReason("length", "stop"), "length"),
    ],
)
def test_endings_of_other_dialects_have_a_word(finish: FinishReason, word: str) -> None:
    assert shown(saying(TextPart(text="x"), finish=finish))["done_reason"] == word


def test_a_client_gets_one_object_with_everything() -> None:
    usage = Usage(input_tokens=3, output_tokens=4, reasoning=2, raw={"prompt_tokens": 3})
    parts = (ReasoningPart(text="hm"), TextPart(text="a"), RefusalPart(text="b"), tool_call("c1", "f", '{"x": 1}'))
    assert shown(saying(*parts, usage=usage, created=0), context()) == {
        "model": "m",
        "created_at": "1970-01-01T00:00:00Z",
        "message": {
            "role": "assistant",
            "content": "ab",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}}],
        },
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": 3,
        "eval_count": 4,
    }


def test_a_time_that_nobody_gave_is_that_of_the_context() -> None:
    assert shown(saying(), context(created=1))["created_at"] == "1970-01-01T00:00:01Z"


def test_a_time_beyond_all_years_does_not_fail() -> None:
    assert shown(saying(created=1_795_161_600_000))["created_at"].startswith("9999-12-31")


def test_images_are_answered_and_what_has_no_place_is_lost() -> None:
    surroundings = context()
    cited = TextPart(text="x", annotations=(Annotation(kind="url", url="https://a.example"),))
    image = BlobPart(modality="image", mime_type="image/png", content=PNG)
    body = shown(saying(cited, image, UriPart(modality="image", uri="https://a.example/b.png")), surroundings)
    assert body["message"]["images"] == [PNG]
    assert [loss.field for loss in surroundings.losses] == ["annotations", "choices[0].message.parts[2]"]


def test_a_second_choice_is_lost_and_said_so() -> None:
    surroundings = context()
    one = saying(TextPart(text="x"), service_tier="flex")
    two = msgspec.structs.replace(one, choices=(*one.choices, msgspec.structs.replace(one.choices[0], index=1)))
    assert shown(two, surroundings)["message"]["content"] == "x"
    assert [loss.field for loss in surroundings.losses] == ["choices[1]", "service_tier"]


def test_generate_is_read_and_answered_in_its_own_shape() -> None:
    body = DONE | {"response": "hi", "thinking": "hm", "context": [1, 2]}
    found = answer(body)
    assert found.message.parts == (ReasoningPart(text="hm"), TextPart(text="hi"))
    again = shown(found)
    assert (again["response"], again["thinking"], again["context"]) == ("hi", "hm", [1, 2])
    assert "message" not in again and "generate" not in again


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"done":false,"message":{"content":"x"}}',
        b'{"model":"m"}',
        b'{"message":1,"done":true}',
    ],
)
def test_what_is_no_whole_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        ollama.parse_response(WireResponse(body=body), context())


def test_an_error_inside_a_200_is_raised() -> None:
    with pytest.raises(Overloaded):
        answer({"error": "server busy, please try again.  maximum pending requests exceeded"})


def test_a_quirk_sees_the_answer_first() -> None:
    quirk = Quirk(response=lambda body: {**body, "message": {"content": "fixed"}})
    assert answer(dict(DONE), context(quirk=quirk)).text == "fixed"


def test_what_is_said_about_each_token_comes_back() -> None:
    token = {"token": "a", "logprob": -0.5, "id": 7}
    body = {**DONE, "message": {"role": "assistant", "content": "a"}, "logprobs": [token]}
    found = ollama.parse_response(WireResponse(body=msgspec.json.encode(body)), context())
    assert msgspec.json.decode(ollama.render_response(found, context()).body)["logprobs"] == [token]
