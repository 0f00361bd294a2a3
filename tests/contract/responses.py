"""The answers that every dialect is tried with, whole and streamed: each holds one thing beyond a plain text.

What becomes of each in each dialect is declared in docs/dialects/losses.toml, under the same names.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from interlingua.types.messages import Message
from interlingua.types.money import Money
from interlingua.types.opaque import Opaque
from interlingua.types.parts import (
    Annotation,
    Part,
    ReasoningPart,
    RefusalPart,
    ServerToolCallPart,
    ServerToolCallResponsePart,
    TextPart,
    tool_call,
)
from interlingua.types.response import ChatResponse, Choice, FinishKind, FinishReason, TokenLogprob
from interlingua.types.usage import Usage
from tests.contract.requests import PNG, WAV

HI = TextPart(text="Hi there.")
ASKED = tool_call("call_1", "get_weather", '{"city": "Zürich"}')
TIME = tool_call("call_2", "get_time", "{}")
TOKENS = Usage(input_tokens=12, output_tokens=7)
SAID = TokenLogprob("Hi there.", -0.5, tuple(b"Hi there."), (TokenLogprob("Yo", -2.0),))


def says(*parts: Part, kind: FinishKind = "stop", index: int = 0, stop_sequence: str | None = None) -> Choice:
    """One finished answer."""
    message = Message(role="assistant", parts=parts)
    return Choice(index=index, message=message, finish=FinishReason(kind, kind, stop_sequence))


def answers(*parts: Part, kind: FinishKind = "stop", stop_sequence: str | None = None, **fields: Any) -> ChatResponse:
    """An answer of one choice, with plain usage."""
    choices = (says(*parts, kind=kind, stop_sequence=stop_sequence),)
    return ChatResponse(**{"id": "id-1", "model": "m", "choices": choices, "usage": TOKENS, **fields})


def used(**fields: Any) -> ChatResponse:
    """A plain answer with detailed usage."""
    return answers(HI, usage=replace(TOKENS, **fields))


def _thought(*opaque: Opaque, text: str = "Hm.") -> ReasoningPart:
    return ReasoningPart(text=text, opaque=opaque)


_SERVER = "anthropic_messages"

RESPONSES: dict[str, ChatResponse] = {
    "text": answers(HI),
    "unicode": answers(TextPart(text='Grüße 👩‍👩‍👧 \u2028 \x85 \u202eabc 𝔘 \\ " </s> \x07 [DONE]\n\ndata: x')),
    "two_texts": answers(TextPart(text="Hi"), TextPart(text=" there.")),
    "nothing": answers(),
    "id": answers(HI, id="answer-77"),
    "created": answers(HI, created=1_790_000_000),
    "service_tier": answers(HI, service_tier="priority"),
    # tools
    "call": answers(ASKED, kind="tool_call"),
    "call_with_text": answers(TextPart(text="Let me look."), ASKED, kind="tool_call"),
    "calls_parallel": answers(ASKED, TIME, kind="tool_call"),
    "call_empty_arguments": answers(tool_call("call_1", "get_time", ""), kind="tool_call"),
    "call_spaced_arguments": answers(
        tool_call("call_1", "get_weather", '{ "city" : "Z\\u00fcrich",\n"n": 1.0 }'), kind="tool_call"
    ),
    "call_broken_arguments": answers(tool_call("call_1", "get_weather", '{"city": "Zü'), kind="length"),
    "call_custom": answers(tool_call("call_1", "note", "buy milk", custom=True), kind="tool_call"),
    "call_between_texts": answers(TextPart(text="One."), ASKED, TextPart(text="Two."), kind="tool_call"),
    "call_id": answers(tool_call("toolu|01.x", "get_time", "{}"), kind="tool_call"),
    # reasoning
    "reasoning": answers(_thought(), HI),
    "reasoning_summary": answers(ReasoningPart(text="Hm.", summary=True), HI),
    "reasoning_then_call": answers(_thought(), ASKED, kind="tool_call"),
    "signature_anthropic": answers(_thought(Opaque("anthropic_messages.signature", "c2ln")), HI),
    "redacted_anthropic": answers(_thought(Opaque("anthropic_messages.redacted_thinking", "c2ln"), text=""), HI),
    "signature_gemini": answers(replace(HI, opaque=(Opaque("gemini.thought_signature", "c2ln"),))),
    "signature_gemini_call": answers(
        replace(ASKED, opaque=(Opaque("gemini.thought_signature", "c2ln"),)), kind="tool_call"
    ),
    "encrypted_responses": answers(
        replace(
            _thought(
                Opaque("openai_responses.encrypted_content", "gAAAA"),
                Opaque(
                    "openai_responses.reasoning_item",
                    '{"id":"rs_1","summary":[{"text":"Hm.","type":"summary_text"}],"type":"reasoning"}',
                ),
            ),
            summary=True,
        ),
        HI,
    ),
    "details_chat": answers(
        _thought(Opaque("openai_chat.reasoning_details", '[{"type":"reasoning.text","text":"Hm.","signature":"s"}]')),
        HI,
    ),
    # other parts
    "refusal": answers(RefusalPart(text="I won't."), kind="refusal"),
    "citation": answers(
        TextPart(
            text="It rains.",
            annotations=(Annotation(kind="url", url="https://e.com", title="Weather", start=0, end=9),),
        )
    ),
    "image": answers(TextPart(text="Here."), PNG),
    "audio": answers(WAV),
    "server_call_anthropic_messages": answers(
        ServerToolCallPart(
            id="srvtoolu_1",
            name="web_search",
            dialect=_SERVER,
            raw='{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}',
        ),
        ServerToolCallResponsePart(
            id="srvtoolu_1",
            name="web_search",
            dialect=_SERVER,
            raw='{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}',
        ),
        HI,
    ),
    # why it ended
    "stop_sequence": answers(HI, kind="stop_sequence", stop_sequence="END"),
    "length": answers(HI, kind="length"),
    "content_filter": answers(HI, kind="content_filter"),
    "content_filter_empty": answers(kind="content_filter"),
    "refusal_without_words": answers(kind="refusal"),
    "pause": answers(HI, kind="pause"),
    "error": answers(HI, kind="error"),
    # usage
    "usage_unknown": answers(HI, usage=None),
    "usage_cached": used(cache_read=5),
    "usage_cache_written": used(cache_creation=4),
    "usage_cache_by_ttl": used(cache_creation=4, cache_creation_by_ttl={"5m": 1, "1h": 3}),
    "usage_reasoning": used(reasoning=3),
    "usage_audio": used(input_audio=2, output_audio=1),
    "usage_image": used(input_image=2),
    "usage_tool": used(tool_use=2),
    "usage_server_tools": used(server_tool_requests={"web_search": 1}),
    "usage_cost": used(reported_cost=Money(1_500_000)),
    # several, and how likely
    "choices": answers(HI, choices=(says(HI), says(TextPart(text="Yo."), index=1, kind="length"))),
    "logprobs": answers(HI, choices=(replace(says(HI), logprobs=(SAID,)),)),
    # what one dialect alone knows
    "extra_openai_chat": answers(HI, extra={"openai_chat": {"provider": "x"}}),
    "extra_anthropic_messages": answers(HI, extra={"anthropic_messages": {"diagnostics": "x"}}),
}
