"""Hand-made requests in which every kind of thing stands that a format knows, each said in its plainest form."""

from __future__ import annotations

from typing import Any

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}, "days": {"type": ["integer", "null"]}},
    "required": ["city"],
    "additionalProperties": False,
}
ARGUMENTS = '{"city": "Oslo", "days": null}'
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"

REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief.", "name": "house"},
            {"role": "developer", "content": "Answer in verse."},
            {
                "role": "user",
                "name": "ada",
                "content": [
                    {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {
                        "type": "file",
                        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                    },
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "hologram", "hologram": {"url": "https://example.org/h"}},
                ],
            },
            {
                "role": "assistant",
                "content": "Let me look.",
                "reasoning_content": "An image.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": ARGUMENTS},
                        "extra_content": {"google": {"thought_signature": "c2ln"}},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}},
                ],
            },
            {"role": "tool", "tool_call_id": "call_2", "content": "a.txt"},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Rain"}], "name": "other"},
            {
                "role": "assistant",
                "content": "Rain.",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"url": "https://example.org", "title": "t", "start_index": 0, "end_index": 4},
                    }
                ],
                "novelty": {"a": 1},
            },
            {"role": "assistant", "refusal": "I will not."},
            {"role": "assistant", "audio": {"id": "audio_1"}},
            {"role": "user", "content": "Go on."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
                "cache_control": {"type": "ephemeral"},
            },
            {
                "type": "custom",
                "custom": {
                    "name": "shell",
                    "description": "s",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}},
                },
            },
            {"type": "browser", "region": "eu"},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [
                    {"type": "function", "function": {"name": "weather"}},
                    {"type": "custom", "custom": {"name": "shell"}},
                ],
            },
        },
        "parallel_tool_calls": False,
        "max_completion_tokens": 99,
        "temperature": 0.3,
        "top_p": 0.9,
        "top_k": 5,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "n": 2,
        "seed": 7,
        "stop": ["END", "STOP"],
        "logit_bias": {"50256": -100},
        "logprobs": True,
        "top_logprobs": 3,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": SCHEMA, "strict": True, "description": "d"},
        },
        "reasoning_effort": "low",
        "verbosity": "low",
        "metadata": {"run": "1"},
        "safety_identifier": "ada",
        "prompt_cache_key": "k",
        "service_tier": "flex",
        "store": True,
        "modalities": ["text", "audio"],
        "audio": {"format": "wav", "voice": "alloy"},
        "stream": True,
        "stream_options": {"include_usage": True, "include_obfuscation": False},
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "openai_responses": {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Answer in verse."}]},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?", "prompt_cache_breakpoint": {"mode": "explicit"}},
                    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
                    {"type": "input_image", "file_id": "file-1"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
                    {"type": "input_file", "file_url": "https://example.org/a.pdf"},
                    {"type": "input_hologram", "url": "https://example.org/h"},
                ],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "An image."}, {"type": "summary_text", "text": "Rain?"}],
                "encrypted_content": "gAAAA-1",
            },
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "phase": "commentary",
                "content": [
                    {
                        "type": "output_text",
                        "text": "Let me look.",
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url": "https://example.org",
                                "title": "t",
                                "start_index": 0,
                                "end_index": 4,
                            }
                        ],
                    }
                ],
            },
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ARGUMENTS},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "shell", "input": "ls -l"},
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [
                    {"type": "input_text", "text": "Rain"},
                    {"type": "input_image", "image_url": "https://example.org/a.png"},
                ],
            },
            {
                "type": "custom_tool_call_output",
                "call_id": "call_2",
                "output": [{"type": "input_text", "text": "a.txt"}],
            },
            {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}},
            {"type": "item_reference", "id": "msg_9"},
            {"type": "hologram_call", "id": "h_1", "angle": 3},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go on."}]},
        ],
        "tools": [
            {
                "type": "function",
                "name": "weather",
                "description": "d",
                "parameters": SCHEMA,
                "strict": True,
                "defer_loading": True,
            },
            {
                "type": "custom",
                "name": "shell",
                "description": "s",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
            },
            {"type": "web_search", "filters": {"allowed_domains": ["example.org"]}},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "function", "name": "weather"}, {"type": "web_search"}],
        },
        "parallel_tool_calls": False,
        "max_output_tokens": 99,
        "max_tool_calls": 3,
        "temperature": 0.3,
        "top_p": 0.9,
        "top_logprobs": 3,
        "include": ["web_search_call.action.sources", "reasoning.encrypted_content", "message.output_text.logprobs"],
        "reasoning": {"effort": "low", "summary": "auto", "context": "all_turns"},
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"},
            "verbosity": "low",
        },
        "metadata": {"run": "1"},
        "safety_identifier": "ada",
        "prompt_cache_key": "k",
        "prompt_cache_options": {"mode": "implicit", "ttl": "12h"},
        "service_tier": "flex",
        "store": True,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "truncation": "auto",
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "anthropic_messages": {
        "model": "m",
        "max_tokens": 9000,
        "system": [
            {"type": "text", "text": "Be brief."},
            {"type": "text", "text": "Answer in verse.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {
                        "type": "image",
                        "source": {"type": "url", "url": "https://example.org/a.png"},
                        "transformations": {"oversized_image": "error"},
                    },
                    {
                        "type": "document",
                        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                        "title": "a.pdf",
                        "citations": {"enabled": True},
                    },
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "words"},
                        "context": "c",
                    },
                    {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
                    {
                        "type": "search_result",
                        "source": "s",
                        "title": "t",
                        "content": [{"type": "text", "text": "found"}],
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "An image.", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                    {
                        "type": "text",
                        "text": "Let me look.",
                        "citations": [
                            {
                                "type": "char_location",
                                "cited_text": "w",
                                "document_index": 0,
                                "start_char_index": 0,
                                "end_char_index": 1,
                            }
                        ],
                    },
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "weather",
                        "input": {"city": "Oslo", "days": None},
                        "caller": {"type": "direct"},
                    },
                    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
                    {
                        "type": "web_search_tool_result",
                        "tool_use_id": "srvtoolu_1",
                        "content": [
                            {
                                "type": "web_search_result",
                                "url": "https://example.org",
                                "title": "t",
                                "encrypted_content": "x",
                            }
                        ],
                    },
                    {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_2",
                        "content": [
                            {"type": "text", "text": "seen"},
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                        ],
                    },
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": [{"type": "text", "text": "failed"}],
                        "is_error": True,
                        "cache_control": {"type": "ephemeral", "ttl": "5m"},
                    },
                    {"type": "text", "text": "Go on."},
                    {"type": "container_upload", "file_id": "file_2"},
                ],
            },
        ],
        "tools": [
            {"name": "weather", "description": "d", "input_schema": SCHEMA, "strict": True, "defer_loading": True},
            {
                "name": "look",
                "input_schema": {"type": "object", "properties": {}},
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        ],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "stop_sequences": ["END", "STOP"],
        "metadata": {"user_id": "ada"},
        "service_tier": "standard_only",
        "container": {"id": "c_1"},
        "stream": True,
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Answer in verse."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "What is this?"},
                    {
                        "inlineData": {"mimeType": "image/png", "data": PNG, "displayName": "a.png"},
                        "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
                    },
                    {
                        "fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/a.mp4"},
                        "videoMetadata": {"fps": 2, "startOffset": "1s"},
                    },
                    {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a.png"}},
                    {
                        "fileData": {
                            "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                            "mimeType": "application/pdf",
                        }
                    },
                    {"hologram": {"angle": 3}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "An image.", "thought": True, "thoughtSignature": "c2lnMA=="},
                    {"text": "Let me look.", "thoughtSignature": "c2lnMQ=="},
                    {
                        "functionCall": {"id": "f1", "name": "weather", "args": {"city": "Oslo", "days": None}},
                        "thoughtSignature": "c2lnMg==",
                    },
                    {"functionCall": {"id": "f2", "name": "look", "args": {}}},
                    {"executableCode": {"language": "PYTHON", "code": "1+1"}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "f1",
                            "name": "weather",
                            "response": {"output": "Rain"},
                            "scheduling": "SILENT",
                        }
                    },
                    {
                        "functionResponse": {
                            "id": "f2",
                            "name": "look",
                            "response": {"seen": [1, 2]},
                            "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}],
                        }
                    },
                ],
            },
            {"role": "model", "parts": [{"text": "Rain."}]},
            {"role": "user", "parts": [{"text": "Go on."}]},
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "d", "parametersJsonSchema": SCHEMA, "behavior": "BLOCKING"},
                    {"name": "look"},
                ]
            },
            {"googleSearch": {"timeRangeFilter": {"startTime": "t"}}},
        ],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather", "look"]},
            "retrievalConfig": {"languageCode": "no"},
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "generationConfig": {
            "temperature": 0.3,
            "topP": 0.9,
            "topK": 5,
            "candidateCount": 2,
            "maxOutputTokens": 99,
            "stopSequences": ["END", "STOP"],
            "seed": 7,
            "presencePenalty": -0.1,
            "frequencyPenalty": 0.1,
            "responseLogprobs": True,
            "logprobs": 3,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
            "responseModalities": ["TEXT", "IMAGE"],
            "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
            "imageConfig": {"aspectRatio": "1:1"},
        },
        "labels": {"run": "1"},
        "serviceTier": "flex",
        "cachedContent": "cachedContents/1",
        "novelty": {"deep": [1, {"er": "x"}]},
    },
    "ollama": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is this?", "images": [PNG]},
            {
                "role": "assistant",
                "content": "Let me look.",
                "thinking": "An image.",
                "tool_calls": [
                    {"id": "call_1", "function": {"name": "weather", "arguments": {"city": "Oslo", "days": None}}},
                    {"id": "call_2", "function": {"name": "look", "arguments": {}}},
                ],
            },
            {"role": "tool", "content": "Rain", "tool_name": "weather", "tool_call_id": "call_1"},
            {"role": "tool", "content": "seen", "tool_name": "look", "tool_call_id": "call_2"},
            {"role": "assistant", "content": "Rain.", "novelty": 1},
            {"role": "user", "content": "Go on."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
            },
            {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}},
        ],
        "format": SCHEMA,
        "think": "low",
        "logprobs": True,
        "top_logprobs": 3,
        "keep_alive": "5m",
        "options": {
            "temperature": 0.3,
            "num_predict": 99,
            "num_ctx": 4096,
            "seed": 7,
            "stop": ["END", "STOP"],
            "top_k": 5,
            "top_p": 0.9,
            "min_p": 0.1,
        },
        "stream": False,
        "novelty": {"deep": [1, {"er": "x"}]},
    },
}
"""One request for each dialect."""

PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
    "ollama": "/api/chat",
}
