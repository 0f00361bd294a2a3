"""The requests that every dialect is tried with: each asks for one thing beyond a plain question.

What becomes of each in each dialect is declared in docs/dialects/losses.toml, under the same names.
"""

from __future__ import annotations

import base64
from typing import Any

from msgspec.structs import replace

from interlingua.types.messages import Message, assistant, system, user
from interlingua.types.opaque import Opaque, Origin
from interlingua.types.parts import (
    Annotation,
    BlobPart,
    CacheHint,
    ContentPart,
    FilePart,
    OpaquePart,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    ToolCallResponsePart,
    UriPart,
    tool_call,
)
from interlingua.types.request import ChatRequest, OutputFormat, Reasoning
from interlingua.types.tools import CustomTool, FunctionTool, ServerTool, ToolChoice

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
PNG = BlobPart(modality="image", mime_type="image/png", content=PIXEL)
GIF = BlobPart(modality="image", mime_type="image/gif", content=base64.b64encode(b"GIF89a\1\0\1\0").decode())
WAV = BlobPart(modality="audio", mime_type="audio/wav", content=base64.b64encode(b"RIFF\0\0\0\0WAVE").decode())
MP4 = BlobPart(modality="video", mime_type="video/mp4", content=base64.b64encode(b"\0\0\0\x18ftyp").decode())
PDF = BlobPart(
    modality="document",
    mime_type="application/pdf",
    name="report.pdf",
    content=base64.b64encode(b"%PDF-1.7").decode(),
)
CSV = BlobPart(
    modality="document", mime_type="text/csv", name="a.csv", content=base64.b64encode(b"a,b\n1,2\n").decode()
)
ADDRESS = UriPart(modality="image", uri="https://example.com/cat.png")
BUCKET = UriPart(modality="video", uri="gs://bucket/film.mp4", mime_type="video/mp4")

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = FunctionTool(name="get_weather", description="The weather in a city.", parameters=CITY)
CLOCK = FunctionTool(name="get_time", description="The time of day.", parameters={"type": "object", "properties": {}})
NOTE = CustomTool(name="note", description="Takes down a note.")
ASKED = tool_call("call_1", "get_weather", '{"city": "Zürich"}')
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
HELLO = user("Hello.")


def asks(**fields: Any) -> ChatRequest:
    """A plain question, and what a case adds."""
    return ChatRequest(**{"model": "m", "messages": (HELLO,), "max_output_tokens": 100, **fields})


def talk(*messages: Message, **fields: Any) -> ChatRequest:
    """A conversation that begins with the question."""
    return asks(messages=(HELLO, *messages), **fields)


def answer(*parts: Part) -> Message:
    """What an assistant said."""
    return Message(role="assistant", parts=parts)


def result(*response: ContentPart, id: str = "call_1", **fields: Any) -> ToolCallResponsePart:
    """What a tool answered."""
    return ToolCallResponsePart(id=id, response=response, **fields)


def tools(*results: ToolCallResponsePart) -> Message:
    """A message of results."""
    return Message(role="tool", parts=results)


def _uploaded(dialect: str) -> FilePart:
    return FilePart(modality="document", file_id="file-1", origin=Origin(provider="", endpoint=dialect, model=""))


def _signed(kind: str, data: str = "c2lnbmVk", text: str = "Hm.") -> Message:
    return answer(ReasoningPart(text=text, opaque=(Opaque(kind, data),)), TextPart(text="Yes."))


def _talk(*messages: Message, tools_: tuple[FunctionTool, ...] = (WEATHER,)) -> ChatRequest:
    return talk(*messages, tools=tools_)


SUNNY = TextPart(text="sunny")
BYE = user("Bye.")

REQUESTS: dict[str, ChatRequest] = {
    "text": asks(),
    "unicode": asks(messages=(user('Grüße 👩‍👩‍👧 \u2028 \u202eabc 𝔘 \\ " </s> \x07'),)),
    "no_limit": asks(max_output_tokens=None),
    "stream": asks(stream=True, include_usage=True),
    # where system messages stand
    "system": asks(messages=(system("Be brief."), HELLO)),
    "system_several": asks(messages=(system("Be brief."), system("Be kind."), HELLO)),
    "system_blocks": asks(
        messages=(Message(role="system", parts=(TextPart(text="Be brief."), TextPart(text="Be kind."))), HELLO)
    ),
    "system_developer": asks(messages=(replace(system("Be brief."), raw_role="developer"), HELLO)),
    "system_middle": talk(assistant("Hi."), BYE, system("Now in French.")),
    "system_only": asks(messages=(system("Tell a joke."),)),
    # turns
    "turns": talk(assistant("Hi."), BYE),
    "user_twice": talk(BYE),
    "user_two_texts": asks(messages=(user("Hello.", TextPart(text="Bye.")),)),
    "assistant_first": asks(messages=(assistant("Welcome."), HELLO)),
    "assistant_two_texts": talk(answer(TextPart(text="Hi"), TextPart(text=" there.")), BYE),
    "assistant_last": talk(assistant("Once upon")),
    "empty_text": talk(assistant(""), BYE),
    "name": asks(messages=(replace(HELLO, name="ann"),)),
    # media
    "image": asks(messages=(user("What is this?", PNG),)),
    "image_between": asks(messages=(user("This", PNG, TextPart(text="and this"), GIF),)),
    "image_first": asks(messages=(Message(role="user", parts=(PNG, TextPart(text="What is this?"))),)),
    "image_only": asks(messages=(Message(role="user", parts=(PNG,)),)),
    "image_gif": asks(messages=(user("What is this?", GIF),)),
    "image_address": asks(messages=(user("What is this?", ADDRESS),)),
    "image_detail": asks(messages=(user("What is this?", replace(PNG, detail="low")),)),
    "image_of_assistant": talk(answer(TextPart(text="Here."), PNG), BYE),
    "audio": asks(messages=(user("What is said?", WAV),)),
    "video": asks(messages=(user("What happens?", MP4),)),
    "video_address": asks(messages=(user("What happens?", BUCKET),)),
    "pdf": asks(messages=(user("Sum up.", PDF),)),
    "pdf_address": asks(messages=(user("Sum up.", UriPart(modality="document", uri="https://example.com/a.pdf")),)),
    "text_file": asks(messages=(user("Sum up.", CSV),)),
    "file_uploaded_openai": asks(messages=(user("Sum up.", _uploaded("openai_responses")),)),
    "file_uploaded_anthropic": asks(messages=(user("Sum up.", _uploaded("anthropic_messages")),)),
    # tools
    "tool": asks(tools=(WEATHER,)),
    "tool_bare": asks(tools=(FunctionTool(name="ping"),)),
    "tool_strict": asks(tools=(replace(WEATHER, strict=True, parameters={**CITY, "additionalProperties": False}),)),
    "tool_not_strict": asks(tools=(replace(WEATHER, strict=False),)),
    "tool_schema": asks(
        tools=(
            replace(
                WEATHER,
                parameters={
                    "type": "object",
                    "properties": {"at": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/Place"}]}, "n": {"const": 1}},
                    "$defs": {"Place": {"type": "object", "properties": {"lat": {"type": "number"}}}},
                },
            ),
        )
    ),
    "tool_custom": asks(tools=(NOTE,)),
    "tool_custom_grammar": asks(tools=(replace(NOTE, format={"type": "text"}),)),
    "choice_auto": asks(tools=(WEATHER,), tool_choice=ToolChoice("auto")),
    "choice_none": asks(tools=(WEATHER,), tool_choice=ToolChoice("none")),
    "choice_required": asks(tools=(WEATHER,), tool_choice=ToolChoice("required")),
    "choice_named": asks(tools=(WEATHER, CLOCK), tool_choice=ToolChoice("required", ("get_time",))),
    "choice_allowed": asks(tools=(WEATHER, CLOCK, NOTE), tool_choice=ToolChoice("auto", ("get_time", "get_weather"))),
    "parallel_off": asks(tools=(WEATHER,), parallel_tool_calls=False),
    # calls and results
    "call": _talk(answer(ASKED), tools(result(SUNNY))),
    "call_with_text": _talk(answer(TextPart(text="Let me look."), ASKED), tools(result(SUNNY)), BYE),
    "calls_parallel": _talk(
        answer(ASKED, tool_call("call_2", "get_time", "{}")),
        tools(result(SUNNY), result(TextPart(text="noon"), id="call_2")),
        tools_=(WEATHER, CLOCK),
    ),
    "call_twice": _talk(
        answer(ASKED, tool_call("call_2", "get_weather", '{"city":"Rome"}')),
        tools(result(SUNNY), result(TextPart(text="rain"), id="call_2")),
    ),
    "call_empty_arguments": _talk(answer(tool_call("call_1", "get_time", "")), tools(result(SUNNY)), tools_=(CLOCK,)),
    "call_spaced_arguments": _talk(
        answer(tool_call("call_1", "get_weather", '{ "city" : "Z\\u00fcrich",\n"n": 1.0 }')), tools(result(SUNNY))
    ),
    "call_broken_arguments": _talk(answer(tool_call("call_1", "get_weather", '{"city": "Zü')), tools(result(SUNNY))),
    "call_custom": talk(
        answer(tool_call("call_1", "note", "buy milk", custom=True)), tools(result(TextPart(text="ok"))), tools=(NOTE,)
    ),
    "call_id": _talk(
        answer(tool_call("functions.f:0", "get_weather", "{}")),
        tools(result(SUNNY, id="functions.f:0")),
    ),
    "result_then_text": _talk(answer(ASKED), tools(result(SUNNY)), user("Thanks.")),
    "result_error": _talk(answer(ASKED), tools(result(TextPart(text="no such city"), is_error=True))),
    "result_empty": _talk(answer(ASKED), tools(result())),
    "result_json": _talk(answer(ASKED), tools(result(TextPart(text='{"sky": "blue", "t": 21.0}')))),
    "result_two_texts": _talk(answer(ASKED), tools(result(SUNNY, TextPart(text="warm")))),
    "result_image": _talk(answer(ASKED), tools(result(SUNNY, PNG))),
    "result_image_only": _talk(answer(ASKED), tools(result(PNG))),
    "result_pdf": _talk(answer(ASKED), tools(result(PDF))),
    # reasoning in the history
    "reasoning": talk(answer(ReasoningPart(text="Hm."), TextPart(text="Yes.")), BYE),
    "reasoning_summary": talk(answer(ReasoningPart(text="Hm.", summary=True), TextPart(text="Yes.")), BYE),
    "signature_anthropic": talk(_signed("anthropic_messages.signature"), BYE),
    "redacted_anthropic": talk(_signed("anthropic_messages.redacted_thinking", text=""), BYE),
    "signature_gemini": talk(answer(TextPart(text="Yes.", opaque=(Opaque("gemini.thought_signature", "c2ln"),))), BYE),
    "signature_gemini_call": _talk(
        answer(replace(ASKED, opaque=(Opaque("gemini.thought_signature", "c2ln"),))), tools(result(SUNNY))
    ),
    "encrypted_responses": talk(
        answer(
            ReasoningPart(
                text="Hm.",
                summary=True,
                opaque=(
                    Opaque("openai_responses.encrypted_content", "gAAAA"),
                    Opaque(
                        "openai_responses.reasoning_item",
                        '{"id":"rs_1","summary":[{"text":"Hm.","type":"summary_text"}],"type":"reasoning"}',
                    ),
                ),
            ),
            TextPart(text="Yes."),
        ),
        BYE,
    ),
    "details_chat": talk(
        answer(
            ReasoningPart(
                text="Hm.",
                opaque=(
                    Opaque("openai_chat.reasoning_details", '[{"type":"reasoning.text","text":"Hm.","signature":"s"}]'),
                ),
            ),
            TextPart(text="Yes."),
        ),
        BYE,
    ),
    "refusal": talk(answer(RefusalPart(text="I won't.")), BYE),
    "citation": talk(
        answer(
            TextPart(
                text="It rains.",
                annotations=(Annotation(kind="url", url="https://e.com", title="Weather", start=0, end=9),),
            )
        ),
        BYE,
    ),
    # how much to think
    "effort": asks(reasoning=Reasoning(effort="high")),
    "effort_least": asks(reasoning=Reasoning(effort="minimal")),
    "effort_none": asks(reasoning=Reasoning(effort="none")),
    "thinking_on": asks(reasoning=Reasoning(enabled=True)),
    "thinking_off": asks(reasoning=Reasoning(enabled=False)),
    "budget": asks(reasoning=Reasoning(budget_tokens=2048, enabled=True), max_output_tokens=4000),
    "reasoning_display": asks(reasoning=Reasoning(effort="high", display="summarized")),
    # settings
    "temperature": asks(temperature=0.0),
    "temperature_high": asks(temperature=1.5),
    "top_p": asks(top_p=0.5),
    "top_k": asks(top_k=7),
    "frequency_penalty": asks(frequency_penalty=0.5),
    "presence_penalty": asks(presence_penalty=0.0),
    "seed": asks(seed=0),
    "stop": asks(stop=("END", "\n\n")),
    "n": asks(n=2),
    "logit_bias": asks(logit_bias={"50256": -100.0}),
    "logprobs": asks(logprobs=True, top_logprobs=2),
    "output_text": asks(output=OutputFormat(kind="text")),
    "output_json": asks(messages=(user("Answer in JSON."),), output=OutputFormat(kind="json")),
    "output_schema": asks(output=OutputFormat(kind="json_schema", name="place", schema=SCHEMA)),
    "output_schema_strict": asks(output=OutputFormat(kind="json_schema", name="place", schema=SCHEMA, strict=True)),
    "metadata": asks(metadata={"team": "a"}),
    "end_user": asks(end_user="u-1"),
    "cache_key": asks(cache_key="k-1"),
    "cache": asks(cache=CacheHint()),
    "cache_part": asks(
        messages=(Message(role="system", parts=(TextPart(text="Be brief.", cache=CacheHint()),)), HELLO)
    ),
    "cache_part_ttl": asks(
        messages=(Message(role="user", parts=(TextPart(text="Hello.", cache=CacheHint(ttl="1h")),)),)
    ),
    "cache_tool": asks(tools=(replace(WEATHER, cache=CacheHint()),)),
    "tier_auto": asks(service_tier="auto"),
    "tier_flex": asks(service_tier="flex"),
    "tier_priority": asks(service_tier="priority"),
    "verbosity": asks(verbosity="low"),
    "store": asks(store=True),
    "previous_response_id": asks(previous_response_id="resp_1"),
    "modalities_text": asks(modalities=("text",)),
    "modalities_audio": asks(modalities=("text", "audio")),
    # what one dialect alone knows
    "extra_openai_chat": asks(extra={"openai_chat": {"prediction": {"type": "content", "content": "x"}}}),
    "extra_openai_responses": asks(extra={"openai_responses": {"truncation": "auto"}}),
    "extra_anthropic_messages": asks(extra={"anthropic_messages": {"container": "c_1"}}),
    "extra_gemini": asks(
        extra={"gemini": {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]}}
    ),
    "extra_ollama": asks(extra={"ollama": {"keep_alive": "5m"}}),
    "server_tool_openai_responses": asks(
        tools=(ServerTool(dialect="openai_responses", kind="web_search", raw='{"type":"web_search"}'),)
    ),
    "server_tool_anthropic_messages": asks(
        tools=(
            ServerTool(
                dialect="anthropic_messages",
                kind="web_search_20260209",
                raw='{"type":"web_search_20260209","name":"web_search"}',
            ),
        )
    ),
    "server_tool_gemini": asks(tools=(ServerTool(dialect="gemini", kind="googleSearch", raw='{"googleSearch":{}}'),)),
    "server_call_anthropic_messages": talk(
        answer(
            ServerToolCallPart(
                id="srvtoolu_1",
                name="web_search",
                dialect="anthropic_messages",
                raw='{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}',
            ),
            ServerToolCallResponsePart(
                id="srvtoolu_1",
                name="web_search",
                dialect="anthropic_messages",
                raw='{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}',
            ),
            TextPart(text="Found."),
        ),
        BYE,
    ),
    "unknown_part_anthropic_messages": asks(
        messages=(
            user(
                "Look.", OpaquePart(dialect="anthropic_messages", kind="hologram", raw='{"type":"hologram","data":"x"}')
            ),
        )
    ),
    "unknown_part_openai_chat": asks(
        messages=(
            user("Look.", OpaquePart(dialect="openai_chat", kind="hologram", raw='{"type":"hologram","data":"x"}')),
        )
    ),
    "unknown_part_gemini": asks(
        messages=(user("Look.", OpaquePart(dialect="gemini", kind="hologram", raw='{"hologram":{"data":"x"}}')),)
    ),
}
