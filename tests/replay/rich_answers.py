"""Hand-made answers in which every kind of thing stands that a format knows, each said in its plainest form."""

from __future__ import annotations

from typing import Any

from tests.replay.rich_requests import ARGUMENTS, REQUESTS

LOGPROBS = {
    "token": "Rain",
    "logprob": -0.5,
    "bytes": [82],
    "id": 7,
    "top_logprobs": [{"token": "Sun", "logprob": -1.5, "bytes": [83], "id": 8}],
}

ANSWERS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000001,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Rain.",
                    "reasoning": "Look. Think.",
                    "reasoning_details": [
                        {"type": "reasoning.text", "text": "Look. Think.", "signature": "c2ln", "index": 0},
                        {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "index": 1},
                    ],
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url_citation": {
                                "url": "https://example.org",
                                "title": "t",
                                "start_index": 0,
                                "end_index": 4,
                            },
                        }
                    ],
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}},
                        {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
                    ],
                    "novelty": {"a": 1},
                },
                "finish_reason": "tool_calls",
                "logprobs": {"content": [LOGPROBS]},
                "native_finish_reason": "tool_use",
            },
            {"index": 1, "message": {"role": "assistant", "refusal": "I will not."}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 20,
            "total_tokens": 30,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "text_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 5},
            "cost": 0.25,
        },
        "service_tier": "flex",
        "system_fingerprint": "fp",
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "openai_responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000001,
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "model": "m-1",
        "background": False,
        "parallel_tool_calls": True,
        "tool_choice": "required",
        "tools": [{"type": "web_search"}],
        "metadata": {"run": "1"},
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "truncation": "auto",
        "output": [
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Look."}, {"type": "summary_text", "text": "Think."}],
                "encrypted_content": "gAAAA-1",
            },
            {"type": "web_search_call", "id": "ws_1", "status": "failed", "action": {"type": "search", "query": "q"}},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "phase": "commentary",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Rain.",
                        "annotations": [{"type": "file_citation", "file_id": "f", "filename": "a.txt", "index": 3}],
                        "logprobs": [LOGPROBS],
                    },
                    {"type": "refusal", "refusal": "I will not."},
                ],
            },
            {
                "type": "function_call",
                "id": "fc_1",
                "status": "incomplete",
                "call_id": "call_1",
                "name": "weather",
                "arguments": ARGUMENTS,
            },
        ],
        "usage": {
            "input_tokens": 10,
            "output_tokens": 20,
            "total_tokens": 30,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            "output_tokens_details": {"reasoning_tokens": 5},
        },
        "service_tier": "flex",
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "anthropic_messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": REQUESTS["anthropic_messages"]["messages"][1]["content"],
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
        "stop_details": {"type": "refusal", "category": "cyber"},
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 2,
            "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 20,
            "output_tokens_details": {"thinking_tokens": 5},
            "server_tool_use": {"web_search_requests": 1},
            "service_tier": "standard",
        },
        "container": {"id": "c_1"},
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "gemini": {
        "candidates": [
            {
                "index": 0,
                "content": {"role": "model", "parts": REQUESTS["gemini"]["contents"][1]["parts"]},
                "finishReason": "MAX_TOKENS",
                "finishMessage": "long",
                "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
                "groundingMetadata": {"webSearchQueries": ["q"]},
                "logprobsResult": {
                    "chosenCandidates": [{"token": "Rain", "tokenId": 7, "logProbability": -0.5}],
                    "topCandidates": [{"candidates": [{"token": "Sun", "tokenId": 8, "logProbability": -1.5}]}],
                },
            },
            {"index": 1, "content": {"role": "model", "parts": [{"text": "Sun."}]}, "finishReason": "SAFETY"},
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 15,
            "thoughtsTokenCount": 5,
            "cachedContentTokenCount": 4,
            "toolUsePromptTokenCount": 1,
            "totalTokenCount": 31,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
        },
        "modelVersion": "m-1",
        "responseId": "r1",
        "createTime": "2026-01-01T00:00:01Z",
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "ollama": {
        "model": "m-1",
        "created_at": "2026-01-01T00:00:01Z",
        "message": {
            "role": "assistant",
            "content": "Rain.",
            "thinking": "Look.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "function": {"index": 5, "name": "weather", "arguments": {"city": "Oslo", "days": None}},
                },
                {"id": "call_2", "function": {"index": 6, "name": "look", "arguments": {}}},
            ],
            "novelty": {"a": 1},
        },
        "done": True,
        "done_reason": "length",
        "logprobs": [LOGPROBS],
        "total_duration": 9,
        "load_duration": 1,
        "prompt_eval_count": 10,
        "prompt_eval_duration": 2,
        "eval_count": 20,
        "eval_duration": 3,
        "novelty": {"deep": [1, {"er": "x"}]},
    },
}
"""One answer for each dialect."""
