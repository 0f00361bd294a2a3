"""Messages: text, images, thinking, calls and results, both ways."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from interlingua.errors import Unsupported
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from tests.dialects.ollama.strategies import JPEG, PNG
from tests.dialects.ollama.wire import asked, context, lenient, sent

SIGNED = "https://host.example/cat.png?signature=hidden"


def called(name: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}}


def webp() -> str:
    return base64.b64encode(b"RIFF\0\0\0\0WEBPVP8 ").decode()


@pytest.mark.parametrize(
    ("text", "mime_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (webp(), "image/webp"),
        (base64.b64encode(b"GIF89a").decode(), "image/gif"),
        (base64.b64encode(b"RIFF\0\0\0\0WAVEfmt ").decode(), ""),
        ("not base64!", ""),
        ("", ""),
    ],
)
def test_the_type_of_an_image_is_told_by_its_first_bytes(text: str, mime_type: str) -> None:
    (message,) = asked({"role": "user", "content": "see", "images": [text]})
    assert message.parts[1] == BlobPart(modality="image", mime_type=mime_type, content=text)


def test_a_data_url_is_tolerated_and_written_bare() -> None:
    (message,) = asked({"role": "USER", "images": [f"data:image/x-odd;base64,{PNG}"]})
    assert message.parts == (BlobPart(modality="image", mime_type="image/x-odd", content=PNG),)
    by_address = user("see", UriPart(modality="image", uri=f"data:image/png;base64,{PNG}"))
    assert sent(message, by_address) == [
        {"role": "user", "content": "", "images": [PNG]},
        {"role": "user", "content": "see", "images": [PNG]},
    ]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (UriPart(modality="image", uri=SIGNED), "https://host.example/cat.png"),
        (FilePart(modality="image", file_id="f"), "uploaded elsewhere"),
        (BlobPart(modality="audio", mime_type="audio/wav", content="AAAA"), "audio/wav"),
        (BlobPart(modality="document", mime_type="application/pdf", content="AAAA"), "application/pdf"),
        (OpaquePart(dialect="gemini", kind="k", raw="{}"), "gemini"),
    ],
)
def test_media_that_cannot_be_carried_is_refused_by_name(part: Part, said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        sent(user("see", part))
    assert caught.value.path == "messages[0].parts[1]"
    assert said in caught.value.message and "hidden" not in caught.value.message


def test_a_text_file_is_sent_as_text() -> None:
    surroundings = context()
    file = BlobPart(modality="document", mime_type="text/csv", content=base64.b64encode("a;ä".encode()).decode())
    assert sent(user("read", file), using=surroundings)[0]["content"] == "read\na;ä"
    assert [loss.action for loss in surroundings.losses] == ["emulate"]


def test_what_a_model_of_another_dialect_did_is_a_lost_setting() -> None:
    surroundings = context()
    server = ServerToolCallPart(id="s", name="web_search", dialect="anthropic_messages", raw="{}")
    signed = ReasoningPart(text="hm", opaque=(Opaque("anthropic_messages.signature", "x"),))
    assert sent(assistant("found", server, signed), using=surroundings) == [
        {"role": "assistant", "content": "found", "thinking": "hm"}
    ]
    assert {loss.field: loss.action for loss in surroundings.losses} == {
        "messages[0].parts[1]": "warn",
        "messages[0].parts[2].opaque": "warn",
    }


def test_texts_of_people_are_told_apart_and_those_of_a_model_are_one() -> None:
    two = (TextPart(text="a"), TextPart(text=""), TextPart(text="b"))
    roles = [Message(role=role, parts=two) for role in ("system", "user", "assistant")]
    assert [message["content"] for message in sent(*roles)] == ["a\nb", "a\nb", "ab"]


def test_an_answer_has_thinking_then_text_then_calls() -> None:
    (message,) = asked({"role": "assistant", "content": "now", "thinking": "hm", "tool_calls": [called("f", b=1, a=2)]})
    thought, text, call = message.parts
    assert (thought, text) == (ReasoningPart(text="hm"), TextPart(text="now"))
    assert isinstance(call, ToolCallPart) and call.raw == '{"b":1,"a":2}' and call.arguments == {"b": 1, "a": 2}
    assert call.id.startswith("call_")


def test_turns_without_content_are_left_out() -> None:
    assert sent(system(""), user("hello"), Message(role="assistant"), assistant("")) == [
        {"role": "user", "content": "hello"}
    ]


def test_a_refusal_is_what_the_model_said_and_names_are_lost() -> None:
    surroundings = context()
    refused = Message(role="assistant", name="al", parts=(RefusalPart(text="no"),))
    assert sent(refused, using=surroundings) == [{"role": "assistant", "content": "no"}]
    assert [loss.field for loss in surroundings.losses] == ["messages[0].name"]


def test_invented_ids_are_the_same_while_the_conversation_grows() -> None:
    turn: list[dict[str, Any]] = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "", "tool_calls": [called("f"), called("f")]},
        {"role": "tool", "content": "1", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_name": "f"},
    ]
    short, long = asked(*turn), asked(*turn, *turn)
    assert long[: len(short)] == short
    ids = [part.id for message in long for part in message.parts if isinstance(part, ToolCallPart)]
    assert len(set(ids)) == 4
    assert short[2].parts == (
        ToolCallResponsePart(id=ids[0], name="f", response=(TextPart(text="1"),)),
        ToolCallResponsePart(id=ids[1], name="f", response=(TextPart(text="2"),)),
    )


def test_results_find_their_calls_by_id_by_name_or_in_order() -> None:
    calls = [{"id": "a", **called("f")}, {"id": "b", **called("g")}, {"id": "c", **called("h")}]
    results = [
        {"role": "tool", "content": "3", "tool_call_id": "c"},
        {"role": "tool", "content": "2", "tool_name": "g"},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "0", "tool_name": "nobody"},
    ]
    *_, message = asked({"role": "assistant", "tool_calls": calls}, *results)
    found = [(part.id, part.name) for part in message.parts if isinstance(part, ToolCallResponsePart)]
    assert found == [("c", "h"), ("b", "g"), ("a", "f"), ("", "nobody")]


def test_a_result_names_its_tool_even_where_only_the_call_knows_it() -> None:
    call = Message(role="assistant", parts=(tool_call("c1", "look", "{}"),))
    result = Message(role="tool", parts=(ToolCallResponsePart(id="c1", response=(TextPart(text="x"),)),))
    assert sent(call, result)[1] == {"role": "tool", "content": "x", "tool_name": "look", "tool_call_id": "c1"}


def test_an_error_is_said_in_words() -> None:
    surroundings = context()
    failed = ToolCallResponsePart(id="c1", name="f", is_error=True, response=(TextPart(text="no disk"),))
    (message,) = sent(Message(role="tool", parts=(failed,)), using=surroundings)
    assert message["content"] == "Error: no disk"
    assert [(loss.field, loss.action) for loss in surroundings.losses] == [("messages[0].parts[0].is_error", "emulate")]


def test_images_of_results_follow_after_all_results() -> None:
    surroundings = context()
    image = BlobPart(modality="image", mime_type="image/png", content=PNG)
    calls = Message(role="assistant", parts=(tool_call("a", "shoot", "{}"), tool_call("b", "wait", "{}")))
    results = Message(
        role="tool",
        parts=(
            ToolCallResponsePart(id="a", response=(TextPart(text="done"), image)),
            ToolCallResponsePart(id="b", response=(TextPart(text="ok"),)),
        ),
    )
    found = sent(calls, results, user("go on"), using=surroundings)
    assert [message["role"] for message in found] == ["assistant", "tool", "tool", "user", "user"]
    assert found[1]["content"].startswith("done\n[image") and "images" not in found[1]
    assert found[3]["images"] == [PNG] and "shoot" in found[3]["content"]
    assert [loss.action for loss in surroundings.losses] == ["emulate"]


def test_what_else_stands_in_a_tool_message_follows_it() -> None:
    message = Message(role="tool", parts=(ToolCallResponsePart(id="a", name="f"), TextPart(text="by the way")))
    assert sent(message, using=lenient()) == [
        {"role": "tool", "content": "", "tool_name": "f", "tool_call_id": "a"},
        {"role": "user", "content": "by the way"},
    ]
