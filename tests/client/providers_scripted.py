"""Answers of three providers as they would send them, for tests that switch between them."""

from __future__ import annotations

from typing import Any

from interlingua.transport.scripted import Script

SIGNATURE = "EqQBCkYIBRgCKkDsignature=="
THOUGHT_SIGNATURE = "c2lnbmVkLWJ5LWdlbWluaQ=="
TOOL_USE = {"type": "tool_use", "id": "toolu_01"}


def anthropic_tool_call(*, stream: bool, name: str = "lookup_weather", arguments: str = '{"city": "Oslo"}') -> Script:
    """Claude thinks, signs, and calls a tool."""
    usage = {"input_tokens": 20, "output_tokens": 30, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    if not stream:
        content: list[dict[str, Any]] = [
            {"type": "thinking", "thinking": "I should look.", "signature": SIGNATURE},
            {"type": "text", "text": "Let me look."},
            {**TOOL_USE, "name": name, "input": {"city": "Oslo"}},
        ]
        return Script.json(_message(content, "tool_use", usage))
    return Script.sse(
        _event("message_start", message=_message([], None, usage)),
        _event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
        _event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "I should "}),
        _event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "look."}),
        _event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": SIGNATURE}),
        _event("content_block_stop", index=0),
        _event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        _event("content_block_delta", index=1, delta={"type": "text_delta", "text": "Let me look."}),
        _event("content_block_stop", index=1),
        _event(
            "content_block_start",
            index=2,
            content_block={**TOOL_USE, "name": name, "input": {}},
        ),
        *(
            _event("content_block_delta", index=2, delta={"type": "input_json_delta", "partial_json": piece})
            for piece in (arguments[:5], arguments[5:])
        ),
        _event("content_block_stop", index=2),
        _event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage=usage),
        _event("message_stop"),
    )


def anthropic_text(text: str, *, stream: bool) -> Script:
    """Claude says something."""
    usage = {"input_tokens": 20, "output_tokens": 5}
    if not stream:
        return Script.json(_message([{"type": "text", "text": text}], "end_turn", usage))
    return Script.sse(
        _event("message_start", message=_message([], None, usage)),
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        _event("content_block_stop", index=0),
        _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5}),
        _event("message_stop"),
    )


def openai_text(text: str, *, stream: bool) -> Script:
    """An OpenAI model says something."""
    head = {"id": "chatcmpl-1", "model": "gpt-6-sol", "created": 1}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    if not stream:
        message = {"role": "assistant", "content": text}
        return Script.json({**head, "usage": usage, "choices": [_choice(message=message, finish_reason="stop")]})
    return Script.sse(
        {**head, "choices": [_choice(delta={"role": "assistant", "content": ""}, finish_reason=None)]},
        {**head, "choices": [_choice(delta={"content": text}, finish_reason=None)]},
        {**head, "choices": [_choice(delta={}, finish_reason="stop")]},
        {**head, "choices": [], "usage": usage},
        "[DONE]",
    )


def gemini_text(text: str, *, stream: bool) -> Script:
    """A Gemini model says something, signed."""
    part = {"text": text, "thoughtSignature": THOUGHT_SIGNATURE}
    answer = {
        "responseId": "g1",
        "modelVersion": "gemini-3.8-flash",
        "candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15},
    }
    return Script.sse(answer) if stream else Script.json(answer)


def _message(content: list[dict[str, Any]], stop: str | None, usage: dict[str, int]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-5-5",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _event(type: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return type, {"type": type, **fields}


def _choice(**fields: Any) -> dict[str, Any]:
    return {"index": 0, **fields}
