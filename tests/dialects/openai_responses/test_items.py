from __future__ import annotations

from typing import Any

import msgspec
import pytest

from interlingua.types.messages import Message, assistant, user
from interlingua.types.opaque import Opaque, Origin
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
from interlingua.types.request import ChatRequest
from interlingua.types.traits import HostTraits, Traits
from tests.dialects.openai_responses.wire import call, context, message, parse, parts_of, render, thought

PNG = BlobPart(modality="image", mime_type="image/png", content="AAAA")


def rendered(*messages: Message, **more: Any) -> list[Any]:
    items = render(ChatRequest(model="m", messages=messages), context(**more))["input"]
    assert isinstance(items, list)
    return items


def again(*items: Any, **more: Any) -> list[Any]:
    return rendered(*parse(input=list(items)).messages, **more)


def test_what_a_model_made_in_one_turn_is_one_message() -> None:
    items = [thought("hm"), message("let me see", phase="commentary"), call(), call(id="fc_2", call_id="call_2")]
    request = parse(input=[{"role": "user", "content": "u"}, *items])
    assert [one.role for one in request.messages] == ["user", "assistant"]
    assert [type(part) for part in request.messages[1].parts] == [ReasoningPart, TextPart, ToolCallPart, ToolCallPart]
    assert request.messages[1].parts[2].id == "call_1"  # type: ignore[union-attr]  # a ToolCallPart, as was just seen


def test_ids_and_phases_go_back_as_they_came() -> None:
    items = [thought("hm"), message("a", phase="commentary"), message("b", "c", id="msg_2"), call()]
    assert again(*items) == items


def test_several_messages_of_one_turn_stay_apart() -> None:
    items = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert [item["content"][0]["text"] for item in again(*items)] == ["a", "b"]


def test_an_assistants_text_is_always_typed() -> None:
    assert rendered(assistant("a")) == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]}
    ]


def test_a_refusal_goes_back_as_one() -> None:
    items = [message({"type": "refusal", "refusal": "no"})]
    assert parts_of(*items)[0] == RefusalPart(text="no", extra={"openai_responses": {"item": {"id": "msg_1"}}})
    assert again(*items) == items


def test_an_item_of_unknown_type_keeps_its_exact_text() -> None:
    text = '{"type":"hologram","id":"h","b":1.50,"a":[ 1 ]}'
    found = parse(input=[msgspec.Raw(text.encode())])
    assert found.messages[0].parts == (OpaquePart(dialect="openai_responses", kind="item.hologram", raw=text),)
    assert again(msgspec.Raw(text.encode())) == [msgspec.json.decode(text)]


@pytest.mark.parametrize(
    ("item", "role", "kind"),
    [
        ({"type": "item_reference", "id": "x"}, "assistant", OpaquePart),
        ({"type": "web_search_call", "id": "ws", "status": "completed"}, "assistant", ServerToolCallPart),
        ({"type": "computer_call_output", "call_id": "c", "output": {}}, "tool", OpaquePart),
        ({"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}, "tool", OpaquePart),
        ({"type": "compaction_trigger"}, "user", OpaquePart),
    ],
)
def test_items_that_are_not_read_stand_where_they_stood(item: Any, role: str, kind: type[Part]) -> None:
    around = [{"role": "user", "content": "a"}, item, {"role": "user", "content": "b"}]
    messages = parse(input=around).messages
    assert (messages[1].role, type(messages[1].parts[0])) == (role, kind)
    assert again(*around) == around


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    assert rendered(Message(role="assistant", parts=(tool_call("c", "f"),)))[0]["arguments"] == "{}"


def test_broken_arguments_go_out_as_the_model_wrote_them() -> None:
    assert again(call(arguments='{"a": '))[0]["arguments"] == '{"a": '


def test_a_call_without_a_call_id_is_known_by_its_item_id() -> None:
    (part,) = parts_of(call(call_id=""))
    assert isinstance(part, ToolCallPart) and part.id == "fc_1"


def test_neighbouring_results_are_one_message() -> None:
    outputs = [{"type": "function_call_output", "call_id": f"c{i}", "output": f"r{i}"} for i in range(2)]
    (one,) = parse(input=outputs).messages
    assert [(part.id, part.text) for part in one.parts if isinstance(part, ToolCallResponsePart)] == [
        ("c0", "r0"),
        ("c1", "r1"),
    ]
    assert again(*outputs) == outputs


def test_a_free_form_result_is_known_by_its_call_or_by_itself() -> None:
    asked = {"type": "custom_tool_call", "id": "ctc", "call_id": "c", "name": "f", "input": "x"}
    output = {"type": "custom_tool_call_output", "call_id": "c", "output": "y"}
    assert again(asked, output) == [asked, output]
    assert parse(input=[asked, output]).messages[1].parts[0].extra == {}
    assert again(output) == [output]


def test_a_result_may_hold_media_unless_the_model_takes_none_there() -> None:
    result = Message(role="tool", parts=(ToolCallResponsePart(id="c", response=(TextPart(text="see"), PNG)),))
    (item,) = rendered(result)
    assert item["output"][1] == {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    stub, after = rendered(result, traits=Traits(media_in_results=False))
    assert [piece["type"] for piece in stub["output"]] == ["input_text", "input_text"]
    assert after["role"] == "user" and after["content"][0]["type"] == "input_image"


def test_a_failed_result_says_so_in_words() -> None:
    failed = ToolCallResponsePart(id="c", response=(TextPart(text="no such city"),), is_error=True)
    assert rendered(Message(role="tool", parts=(failed,)))[0]["output"] == "Error: no such city"
    empty = ToolCallResponsePart(id="c", is_error=True)
    assert rendered(Message(role="tool", parts=(empty,)))[0]["output"] == "Error: "
    assert rendered(Message(role="tool", parts=(ToolCallResponsePart(id="c"),)))[0]["output"] == ""


def test_media_of_an_assistant_follow_in_a_user_message() -> None:
    items = rendered(assistant("look", PNG), user("nice"))
    assert [item["role"] for item in items] == ["assistant", "user"]
    assert [piece["type"] for piece in items[1]["content"]] == ["input_image", "input_text"]


def test_images_and_files_come_and_go_in_every_form() -> None:
    content = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
        {"type": "input_image", "image_url": "https://e.org/a.png"},
        {"type": "input_image", "file_id": "file-1", "detail": "high"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_file", "file_url": "https://e.org/a.pdf"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
    ]
    found = parts_of({"role": "user", "content": content})
    assert [type(part) for part in found] == [BlobPart, UriPart, FilePart, FilePart, UriPart, BlobPart]
    assert again({"role": "user", "content": content}) == [{"role": "user", "content": content}]


def test_a_file_of_another_provider_is_content_lost() -> None:
    here = context(provider="here")
    file = FilePart(modality="document", file_id="f", origin=Origin("there", "x", "m"))
    render(ChatRequest(model="m", messages=(user("u", file),)), here)
    assert [loss.field for loss in here.losses] == ["messages[0].parts[1]"]


def test_a_text_file_goes_inline_where_the_host_takes_no_files() -> None:
    file = BlobPart(modality="document", mime_type="text/plain", content="aGk=", name="a.txt")
    (item,) = rendered(user("u", file), host=HostTraits(file_parts=False))
    assert item["content"][1] == {"type": "input_text", "text": "a.txt:\nhi"}


def test_nothing_empty_is_sent() -> None:
    assert rendered(user(""), assistant(""), user("u")) == [{"role": "user", "content": "u"}]


def test_reasoning_of_others_is_a_loss_and_never_sent() -> None:
    here = context()
    foreign = ReasoningPart(text="t", opaque=(Opaque("anthropic_messages.signature", "s"),))
    body = render(ChatRequest(model="m", messages=(Message(role="assistant", parts=(foreign,)), user("u"))), here)
    assert body["input"] == [{"role": "user", "content": "u"}]
    assert [loss.field for loss in here.losses] == ["messages[0].parts[0].opaque", "messages[0].parts[0]"]


def test_an_encrypted_content_alone_gets_an_item_around_it() -> None:
    part = ReasoningPart(text="t", summary=True, opaque=(Opaque("openai_responses.encrypted_content", "e"),))
    assert rendered(Message(role="assistant", parts=(part,))) == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"}
    ]


def test_reasoning_has_the_same_state_however_a_client_writes_its_item() -> None:
    one, other = thought("a", "b"), {**dict(reversed(thought("a", "b").items())), "status": None, "content": None}
    assert parts_of(one) == parts_of(other)
    (part,) = parts_of(one)
    assert isinstance(part, ReasoningPart) and part.summary and part.text == "a\n\nb"
    assert part.opaque[0] == Opaque("openai_responses.encrypted_content", "enc")


def test_what_we_sealed_ourselves_is_state_on_its_own() -> None:
    (part,) = parts_of(thought("a", sealed="il1.o.m.d"))
    assert part.opaque == (Opaque("openai_responses.encrypted_content", "il1.o.m.d"),)


def test_ids_stay_behind_where_they_mean_nothing_or_would_be_refused() -> None:
    parts = tuple(parts_of(message("a"), call()))
    made = Message(role="assistant", parts=parts, origin=Origin("there", "openai_responses", "m"))
    assert all("id" not in item for item in rendered(made, provider="here"))
    assert all("id" in item for item in rendered(made, provider="there"))
    assert all("id" not in item for item in rendered(made, provider="there", traits=Traits(reasoning=True)))


def test_a_participants_name_is_a_loss() -> None:
    here = context()
    render(ChatRequest(model="m", messages=(Message(role="user", parts=(TextPart(text="u"),), name="n"),)), here)
    assert [loss.field for loss in here.losses] == ["messages[0].name"]


def test_history_of_another_dialect_is_a_setting_lost_and_what_a_user_put_in_is_content() -> None:
    here = context()
    foreign = OpaquePart(dialect="gemini", kind="x", raw="{}")
    messages = (Message(role="assistant", parts=(foreign,)), user("u", foreign))
    render(ChatRequest(model="m", messages=messages), here)
    assert [loss.field for loss in here.losses] == ["messages[0].parts[0]", "messages[1].parts[1]"]
