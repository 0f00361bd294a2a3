"""Conversations: roles, tool results, thoughts and signatures."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from interlingua.dialects import gemini
from interlingua.dialects.gemini.schema import DUMMY_SIGNATURE, SIGNATURE
from interlingua.errors import InvalidRequest, Unsupported
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import WireRequest
from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    BlobPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    ServerToolCallPart,
    TextPart,
    ToolCallPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest
from interlingua.types.traits import HostTraits, Traits

SIGNED = (Opaque(SIGNATURE, "c2ln"),)


def context(**more: Any) -> TranslationContext:
    return TranslationContext(dialect="gemini", seed="test", **more)


def contents(*messages: Message, surroundings: TranslationContext | None = None) -> list[dict[str, Any]]:
    wire = gemini.render_request(ChatRequest(model="m", messages=messages), surroundings or context())
    found: list[dict[str, Any]] = msgspec.json.decode(wire.body)["contents"]
    return found


def parse(*found: dict[str, Any]) -> tuple[Message, ...]:
    body = msgspec.json.encode({"contents": found})
    return gemini.parse_request(WireRequest(body=body), context()).messages


def says(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts)


def answers(*parts: Part) -> Message:
    return Message(role="tool", parts=parts)


def result(id: str, text: str = "ok", **more: Any) -> ToolCallResponsePart:
    return ToolCallResponsePart(id=id, response=(TextPart(text=text),), **more)


def test_leading_system_messages_are_the_system_instruction_and_later_ones_user_texts() -> None:
    surroundings = context()
    request = ChatRequest(model="m", messages=(system("a"), system("b"), user("hi"), system("c"), user("go")))
    body = msgspec.json.decode(gemini.render_request(request, surroundings).body)
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert [content["parts"][0]["text"] for content in body["contents"]] == ["hi", "<system>c</system>", "go"]
    assert [(loss.field, loss.action) for loss in surroundings.losses] == [("messages[3]", "emulate")]


def test_the_first_content_is_the_users() -> None:
    assert contents(assistant("hello"), user("hi"))[0] == {"role": "user", "parts": [{"text": "."}]}


def test_results_follow_their_calls_in_order_and_in_one_content() -> None:
    found = contents(
        user("go"),
        says(tool_call("1", "f", '{"a": 1.0}'), tool_call("2", "g")),
        user("by the way"),
        answers(result("2", "two"), result("1", "one")),
    )
    assert [content["role"] for content in found] == ["user", "model", "user", "user"]
    assert found[1]["parts"][0]["functionCall"] == {"name": "f", "args": {"a": 1.0}}
    assert [part["functionResponse"]["name"] for part in found[2]["parts"]] == ["f", "g"]
    assert found[3]["parts"] == [{"text": "by the way"}]


def test_arguments_keep_the_very_text_that_the_model_wrote() -> None:
    wire = gemini.render_request(
        ChatRequest(model="m", messages=(user("x"), says(tool_call("1", "f", '{"b": 1.50,  "a":2}')))), context()
    )
    assert b'"args":{"b": 1.50,  "a":2}' in wire.body


def test_arguments_that_are_no_object_are_sent_as_text() -> None:
    surroundings = context()
    found = contents(user("x"), says(tool_call("1", "f", '{"a":')), surroundings=surroundings)
    assert found[1]["parts"][0]["functionCall"]["args"] == {"_raw": '{"a":'}
    assert surroundings.losses[0].action == "emulate"


def test_a_result_without_call_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="'9' of 'f'") as refused:
        contents(user("x"), answers(result("9", name="f")))
    assert refused.value.path == "messages[1].parts[0]"


def test_a_call_without_result_gets_an_error_for_one_unless_it_is_the_last_word() -> None:
    call = says(tool_call("1", "f"))
    assert len(contents(user("x"), call)) == 2
    found = contents(user("x"), call, user("never mind"))
    assert "error" in found[2]["parts"][0]["functionResponse"]["response"]


def test_one_id_used_twice_pairs_in_order() -> None:
    found = contents(
        user("x"),
        says(tool_call("1", "f")),
        answers(result("1", "first")),
        says(tool_call("1", "g")),
        answers(result("1", "second")),
    )
    assert found[4]["parts"][0]["functionResponse"] == {"name": "g", "response": {"output": "second"}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (result("1", "fine"), {"output": "fine"}),
        (result("1", "bad", is_error=True), {"error": "bad"}),
        (result("1", '{"n": 1}'), {"n": 1}),
        (result("1", "[1]"), {"output": "[1]"}),
        (result("1", '{"a": {"$ref": "#/x"}}'), {"output": '{"a": {"$ref": "#/x"}}'}),
        (ToolCallResponsePart(id="1"), {}),
    ],
)
def test_a_result_is_an_object(given: ToolCallResponsePart, sent: dict[str, Any]) -> None:
    found = contents(user("x"), says(tool_call("1", "f")), answers(given))
    assert found[2]["parts"][0]["functionResponse"]["response"] == sent


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"output": "fine"}, "fine", False),
        ({"error": "bad"}, "bad", True),
        ({"error": {"code": 1}}, '{"error":{"code":1}}', True),
        ({"result": [1]}, '{"result":[1]}', False),
        ({"output": {"a": 1}}, '{"output":{"a":1}}', False),
    ],
)
def test_a_result_is_read_as_text_and_written_as_it_was(response: Any, text: str, is_error: bool) -> None:
    sent = (
        {"parts": [{"text": "go"}], "role": "user"},
        {"parts": [{"functionCall": {"name": "f", "args": {}}}], "role": "model"},
        {"parts": [{"functionResponse": {"name": "f", "response": response}}], "role": "user"},
    )
    messages = parse(*sent)
    part = messages[2].parts[0]
    assert isinstance(part, ToolCallResponsePart)
    assert (part.text, part.is_error, messages[2].role) == (text, is_error, "tool")
    assert contents(*messages) == list(sent)


def test_media_of_results_goes_inside_where_the_model_takes_it_else_behind() -> None:
    image = BlobPart(modality="image", mime_type="image/png", content="AAAA")
    given = (
        user("x"),
        says(tool_call("1", "f"), tool_call("2", "g")),
        answers(ToolCallResponsePart(id="1", response=(TextPart(text="see"), image)), result("2")),
    )
    inside = contents(*given, surroundings=context(traits=Traits(media_in_results=True)))
    assert inside[2]["parts"][0]["functionResponse"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    ]
    surroundings = context()
    behind = contents(*given, surroundings=surroundings)
    assert len(behind[2]["parts"]) == 2 and all("functionResponse" in part for part in behind[2]["parts"])
    assert behind[3]["role"] == "user" and "inlineData" in behind[3]["parts"][1]
    assert [loss.action for loss in surroundings.losses] == ["emulate"]


def test_only_ids_that_the_provider_gave_are_sent_to_it() -> None:
    sent = (
        {"parts": [{"text": "go"}], "role": "user"},
        {"parts": [{"functionCall": {"id": "8xju7mua", "name": "f", "args": {}}}], "role": "model"},
        {"parts": [{"functionResponse": {"id": "8xju7mua", "name": "f", "response": {}}}], "role": "user"},
    )
    assert contents(*parse(*sent)) == list(sent)
    foreign = contents(user("go"), says(tool_call("call_1", "f")), answers(result("call_1")))
    assert all(
        "id" not in part.get("functionCall", part.get("functionResponse"))
        for part in (foreign[1]["parts"][0], foreign[2]["parts"][0])
    )


def test_results_without_ids_are_paired_by_name_and_order_and_get_the_same_ids_every_time() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    sent = (
        {"parts": [{"text": "go"}], "role": "user"},
        {"parts": [call, {"functionCall": {"name": "g"}}, call], "role": "model"},
        {
            "parts": [
                {"text": "and"},
                {"functionResponse": {"name": "g", "response": {"output": "g"}}},
                {"functionResponse": {"name": "f", "response": {"output": "f1"}}},
            ]
        },
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"output": "f2"}}}]},
    )
    messages = parse(*sent)
    calls = [part for part in messages[1].parts if isinstance(part, ToolCallPart)]
    found = [part for message in messages for part in message.parts if isinstance(part, ToolCallResponsePart)]
    assert [part.id for part in found] == [calls[1].id, calls[0].id, calls[2].id]
    assert all(part.id.startswith("call_") for part in found)
    assert [message.role for message in messages] == ["user", "assistant", "tool", "user", "tool"]
    assert parse(*sent) == messages


def test_signatures_stay_on_their_very_parts_an_empty_text_included() -> None:
    parts = [
        {"text": "**Plan**", "thought": True},
        {"text": "Hello"},
        {"text": "", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "b3RoZXI="},
    ]
    messages = parse({"parts": [{"text": "go"}], "role": "user"}, {"role": "model", "parts": parts})
    assert messages[1].parts[2] == TextPart(text="", opaque=SIGNED)
    assert contents(*messages)[1]["parts"] == parts


def test_the_first_call_of_each_step_of_the_current_turn_is_signed_if_need_be() -> None:
    surroundings = context(traits=Traits(thought_signatures=True))
    found = contents(
        user("one"),
        says(tool_call("0", "f")),
        answers(result("0")),
        user("two"),
        says(tool_call("1", "f"), tool_call("2", "f")),
        answers(result("1"), result("2")),
        says(tool_call("3", "f", opaque=SIGNED)),
        answers(result("3")),
        surroundings=surroundings,
    )
    signatures = [
        part.get("thoughtSignature") for content in found for part in content["parts"] if "functionCall" in part
    ]
    assert signatures == [None, DUMMY_SIGNATURE, None, "c2ln"]
    assert [loss.field for loss in surroundings.losses] == ["messages[4].parts[0]"]


def test_thoughts_go_back_only_to_the_model_that_had_them() -> None:
    origin = Origin(provider="p", endpoint="gemini", model="m")
    thought = ReasoningPart(text="hm", summary=True)
    spoken = TextPart(text="so")
    kept = contents(user("x"), Message(role="assistant", parts=(thought, spoken), origin=origin))
    assert kept[1]["parts"][0] == {"text": "hm", "thought": True}
    other = Origin(provider="p", endpoint="anthropic_messages", model="c")
    surroundings = context()
    foreign = Message(
        role="assistant", parts=(msgspec.structs.replace(thought, opaque=(Opaque("x.y", "z"),)), spoken), origin=other
    )
    assert contents(user("x"), foreign, surroundings=surroundings)[1]["parts"] == [{"text": "so"}]
    assert [loss.field for loss in surroundings.losses] == ["messages[1].parts[0]"]


def test_a_signature_without_any_text_is_never_replayed() -> None:
    messages = parse(
        {"parts": [{"text": "go"}]}, {"role": "model", "parts": [{"thoughtSignature": "c2ln"}, {"text": "so"}]}
    )
    assert messages[1].parts[0] == ReasoningPart(opaque=SIGNED)
    assert contents(*messages)[1]["parts"] == [{"text": "so"}]


def test_foreign_opaque_state_is_a_setting_that_is_lost() -> None:
    surroundings = context()
    found = contents(
        user("x"), says(TextPart(text="so", opaque=(Opaque("openai_chat.x", "y"),))), surroundings=surroundings
    )
    assert found[1]["parts"] == [{"text": "so"}]
    assert [loss.field for loss in surroundings.losses] == ["messages[1].parts[0].opaque"]


@pytest.mark.parametrize(
    "part",
    [
        BlobPart(modality="image", mime_type="image/gif", content="R0lGODlh"),
        BlobPart(modality="document", mime_type="application/zip", content="AAAA"),
        BlobPart(modality="document", mime_type="", content="AAAA"),
        UriPart(modality="image", uri="https://example.com/a.png"),
        FilePart(modality="document", file_id="file-abc"),
        FilePart(modality="document", file_id="files/a", origin=Origin("o", "openai_chat", "m")),
        OpaquePart(dialect="anthropic_messages", kind="x", raw="{}"),
    ],
)
def test_content_that_cannot_be_carried_is_refused_by_its_place(part: Part) -> None:
    with pytest.raises(Unsupported) as refused:
        contents(user("look", part))
    assert refused.value.path == "messages[0].parts[1]"


def test_the_same_in_what_the_model_said_is_only_a_setting() -> None:
    surroundings = context()
    foreign = ServerToolCallPart(id="1", name="web", dialect="anthropic_messages", raw="{}")
    assert len(contents(user("x"), says(foreign), user("y"), surroundings=surroundings)) == 2
    assert [loss.action for loss in surroundings.losses] == ["warn"]


@pytest.mark.parametrize(
    "wire",
    [
        {"inlineData": {"mimeType": "audio/ogg", "data": "AAAA", "displayName": "a.ogg"}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v.mp4"}, "videoMetadata": {"fps": 2}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=abc"}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://h.example/v1beta/files/abc"}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
        {"laterKind": {"a": [1]}, "thoughtSignature": "c2ln"},
    ],
)
def test_parts_come_back_as_they_were(wire: dict[str, Any]) -> None:
    assert contents(*parse({"role": "user", "parts": [wire]})) == [{"role": "user", "parts": [wire]}]


def test_url_safe_base64_becomes_the_standard_one() -> None:
    part = parse({"parts": [{"inline_data": {"mime_type": "image/png", "data": "-_-_AA"}}]})[0].parts[0]
    assert isinstance(part, BlobPart) and part.content == "+/+/AA=="


def test_a_missing_media_type_is_told_by_the_first_bytes() -> None:
    found = contents(user("x", BlobPart(modality="image", mime_type="", content="iVBORw0K")))
    assert found[0]["parts"][1]["inlineData"]["mimeType"] == "image/png"


def test_a_name_of_a_participant_is_lost() -> None:
    surroundings = context()
    contents(Message(role="user", parts=(TextPart(text="x"),), name="ann"), surroundings=surroundings)
    assert [loss.field for loss in surroundings.losses] == ["messages[0].name"]


def test_empty_texts_and_empty_turns_are_not_sent() -> None:
    found = contents(user("a"), assistant(""), user("", TextPart(text="b")))
    assert [content["parts"] for content in found] == [[{"text": "a"}], [{"text": "b"}]]


def test_a_turn_that_was_streamed_comes_back_in_many_contents_and_is_one_message() -> None:
    found = parse(
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Let "}]},
        {"role": "model", "parts": [{"text": "me see."}]},
        {"role": "model", "parts": [{"text": "", "thoughtSignature": "c2ln"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "g", "args": {}}}]},
        {"role": "model", "parts": [{"text": ""}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "g", "response": {"output": "2"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "1"}}}]},
    )
    assert [message.role for message in found] == ["user", "assistant", "tool"]
    said, signed, *calls = found[1].parts
    assert said == TextPart(text="Let me see.")
    assert signed == TextPart(text="", opaque=SIGNED), "what is signed is joined with nothing"
    names = {call.id: call.name for call in calls if isinstance(call, ToolCallPart)}
    assert [(names[one.id], one.text) for one in found[2].parts if isinstance(one, ToolCallResponsePart)] == [
        ("g", "2"),
        ("f", "1"),
    ]


def test_contents_with_luggage_of_their_own_stay_apart() -> None:
    found = parse(
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "a"}], "novelty": 1},
        {"role": "model", "parts": [{"text": "b"}]},
    )
    assert [message.text for message in found] == ["Hi", "a", "b"]


def test_a_public_address_goes_to_hosts_that_fetch_it_and_to_no_others() -> None:
    asked = user("see", UriPart(modality="image", uri="https://example.org/a.png", mime_type="image/png"))
    takes = context(host=HostTraits(fetches_media=True))
    assert contents(asked, surroundings=takes)[0]["parts"][1] == {
        "fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}
    }
    with pytest.raises(Unsupported, match="an address"):
        contents(asked)


def test_what_else_stands_in_the_instructions_comes_back() -> None:
    body = {"systemInstruction": {"parts": [{"text": "s"}], "novel": 1}, "contents": [{"parts": [{"text": "x"}]}]}
    request = gemini.parse_request(
        WireRequest(path="/v1/models/m:generateContent", body=msgspec.json.encode(body)), context()
    )
    wire = msgspec.json.decode(gemini.render_request(request, context()).body)
    assert wire["systemInstruction"] == body["systemInstruction"]
