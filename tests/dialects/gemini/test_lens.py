from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlingua.dialects import gemini
from interlingua.dialects.gemini import lens
from interlingua.errors import InvalidRequest
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import WireRequest, WireResponse
from interlingua.ports.lens import Seen
from interlingua.types.request import ChatRequest
from tests.dialects import peeked
from tests.dialects.gemini.strategies import requests

KEYS = ("safetySettings", "generation_config", "labels", "tools", "Model", "cachedContent")
FIXED = {"contents": '[ {"parts" :[{"text":"say \\"model\\""}]} ]'}
PATH = "/v1beta/models/m:streamGenerateContent?alt=sse"


def asked(*parts: Any, **more: Any) -> WireRequest:
    return WireRequest(path=PATH, body=msgspec.json.encode({"contents": [{"parts": list(parts)}], **more}))


def piece(*parts: Any, finish: str | None = None, **more: Any) -> bytes:
    candidate = {"content": {"parts": list(parts)}, "index": 0, **({"finishReason": finish} if finish else {})}
    return b"data: " + msgspec.json.encode({"candidates": [candidate], **more}) + b"\r\n\r\n"


def used(prompt: int) -> dict[str, Any]:
    return {"usageMetadata": {"promptTokenCount": prompt, "totalTokenCount": prompt + 1}}


def watch(*events: bytes, quirk: Quirk | None = None) -> list[Seen]:
    where = TranslationContext(dialect="gemini", provider="p", quirk=quirk or Quirk())
    watcher = lens.Watcher(where)
    return [seen for event in events for seen in watcher.feed(event)] + watcher.close()


@given(peeked.odd_bodies(FIXED, KEYS), st.sampled_from([None, '"m"', '"models/m"', ' "models\\/m" ']))
def test_an_edited_request_keeps_every_other_value_byte_for_byte(
    given: tuple[bytes, dict[str, str]], model: str | None
) -> None:
    body, values = given
    if model is not None:
        body = body.replace(b"{", b'{"model":' + model.encode() + b",", 1)
    edited = lens.edit(WireRequest(path=PATH, body=body, headers=(("x", "y"),)), "né/w", ask_usage=True)
    found = peeked.top_level(edited.body)
    if model is None:
        assert edited.body == body
    else:
        full = "models" in model
        assert msgspec.json.decode(found.pop("model")) == ("models/né/w" if full else "né/w")
    assert list(found.items()) == list(values.items())
    assert edited.headers == (("x", "y"),)


@pytest.mark.parametrize(
    ("path", "model", "expected"),
    [
        (PATH, "new", "/models/new:streamGenerateContent?alt=sse"),
        ("/v1/models/a/b:generateContent", "x/y", "/models/x/y:generateContent"),
        ("/v1beta/tunedModels/t:generateContent", "tunedModels/u", "/tunedModels/u:generateContent"),
        ("/v1beta/models/m:streamGenerateContent?key=il-x&alt=sse&access_token=t", "n",
         "/models/n:streamGenerateContent?alt=sse"),
        ("/v1beta/models/m:generateContent?key=il-x", "a b", "/models/a%20b:generateContent"),
        ("/v1beta/models/m:streamGenerateContent", "n", "/models/n:streamGenerateContent?alt=sse"),
        ("/v1beta/models/m:streamGenerateContent?alt=json&x=1", "n", "/models/n:streamGenerateContent?x=1&alt=sse"),
    ],
)  # fmt: skip
def test_the_path_gets_the_model_and_keeps_all_but_secrets(path: str, model: str, expected: str) -> None:
    assert lens.edit(WireRequest(path=path, body=b"{}"), model).path == expected


@given(requests)
def test_the_lens_misses_nothing_that_the_reader_finds(request: ChatRequest) -> None:
    where = TranslationContext(dialect="gemini", on_loss={"setting": "warn", "content": "warn"})
    peek, parsed = peeked.check("gemini", gemini.render_request(request, where))
    assert peek.needs == peeked.needs(parsed)


@pytest.mark.parametrize(
    ("wire", "needs"),
    [
        (asked({"text": '{"inlineData": {"mimeType": "image/png"}}'}), set()),
        (asked({"inlineData": {"mimeType": "image/png", "data": "AA"}}), {"image"}),
        (asked({"inline_data": {"mime_type": "AUDIO/wav", "data": "AA"}}), {"audio"}),
        (asked({"inlineData": {"mimeType": "text/plain", "data": "AA"}}), set()),
        (asked({"fileData": {"mimeType": "application/pdf", "fileUri": "gs://x"}}), {"pdf"}),
        (asked({"fileData": {"fileUri": "https://youtu.be/x"}}), {"pdf", "video"}),
        (asked({"functionCall": {"name": "f", "args": {"inlineData": {"mimeType": "image/png"}}}}), {"calls"}),
        (asked({"functionResponse": {"name": "f", "parts": [{"inlineData": {"mimeType": "video/mp4"}}]}}),
         {"calls", "video"}),
        (WireRequest(path=PATH, body=b'{"contents":{"parts":{"inlineData":{"mimeType":"image\\/png"}}}}'), {"image"}),
        (asked({"inlineData": "odd"}), {"image", "audio", "video", "pdf"}),
        (asked(tools=[{"googleSearch": {}}], system_instruction={"parts": [{"inlineData": {"mimeType": "image/x"}}]}),
         {"tools", "image"}),
        (asked(generation_config={"thinking_config": {"thinkingBudget": 0}, "response_mime_type": "text/plain"}),
         set()),
        (asked(generationConfig={"thinkingConfig": {"thinkingLevel": "HIGH"}, "responseSchema": {"type": "STRING"}}),
         {"reasoning", "structured_output"}),
        (asked(generationConfig={"thinkingConfig": 5, "responseModalities": ["TEXT", "IMAGE"]}),
         {"reasoning", "image output"}),
    ],
)  # fmt: skip
def test_needs_are_told_from_parts_and_settings(wire: WireRequest, needs: set[str]) -> None:
    assert lens.peek(wire).needs == needs


@pytest.mark.parametrize("key", ["thoughtSignature", "thought_signature", "thought\\u0053ignature"])
def test_state_is_never_missed(key: str) -> None:
    body = f'{{"contents":[{{"parts":[{{"text":"a","{key}":"x"}}]}}]}}'.encode()
    assert lens.peek(WireRequest(path=PATH, body=body)).has_state
    assert not lens.peek(asked({"text": "thoughtSignature"})).has_state


def test_model_stream_and_limit_are_read_where_they_stand() -> None:
    peek = lens.peek(asked(generationConfig={"maxOutputTokens": "512"}))
    assert (peek.model, peek.stream, peek.most_output) == ("m", True, 512)
    peek = lens.peek(replace(asked(model="models/x"), path="/elsewhere"))
    assert (peek.model, peek.stream, peek.most_output) == ("x", False, None)


@pytest.mark.parametrize(("count", "choices"), [(8, 8), ("8", 8), (8.0, 8), (None, 1), (0, 1)])
def test_each_answer_that_is_asked_for_counts_however_its_number_is_written(count: object, choices: int) -> None:
    """This format may write whole numbers as text, and what is reserved for a call depends on it."""
    assert lens.peek(asked(generationConfig={"candidateCount": count})).choices == choices


def test_a_field_that_is_written_in_both_ways_is_refused() -> None:
    """We would reserve by the one, and the host answer by the other."""
    twice = {"maxOutputTokens": 9, "max_output_tokens": 9000}
    odd = {"max__output_tokens": 9, "max_output_tokens": 9}
    requests = (
        asked(generationConfig=twice),
        asked(generationConfig=odd),
        asked(generationConfig={}, generation_config={}),
    )
    for request in requests:
        with pytest.raises(InvalidRequest, match="is also there as"):
            lens.peek(request)


@pytest.mark.parametrize("body", [b'{"contents":[],"contents":[]}', b"{}", b'{"contents":null}', b"[]"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        lens.peek(WireRequest(path=PATH, body=body))


def test_a_stream_is_seen_for_what_it_is() -> None:
    events = [
        piece({"text": ""}, **used(3)),
        *(piece({"text": "a"}, **used(4)) for _ in range(16)),
        piece({"functionCall": {"name": "f"}}),
        piece({"text": "", "thoughtSignature": "x"}),
        piece({"thoughtSignature": "x"}),
        piece({}, finish="STOP", **used(5)),
    ]
    found = watch(b"".join(events))
    assert [seen.raw for seen in found] == [*events, b""]
    assert [place for place, seen in enumerate(found) if seen.content] == [*range(1, 18)]
    assert [place for place, seen in enumerate(found) if seen.terminal] == [21]
    told = {place: seen.usage.input_tokens for place, seen in enumerate(found) if seen.usage is not None}
    assert told == {0: 3, 16: 4, 20: 5}
    assert not any(seen.only_usage or seen.failed for seen in found)


def test_a_blocked_prompt_is_a_complete_answer() -> None:
    found = watch(b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n')
    assert found[-1].terminal and found[-1].failed is None


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (b'data: {"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}\r\n\r\n', "rate_limited"),
        (b'{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED"}}', "rate_limited"),
        (b"data: {oops\n\n", "upstream_error"),
        (b"data: {oops", "stream_interrupted"),
        (b"", "stream_interrupted"),
    ],
)
def test_a_failure_is_the_readers_own_and_brings_the_usage(last: bytes, code: str) -> None:
    found = watch(piece({"text": "a"}), piece({"text": "b"}, **used(3)), last)
    assert [seen.failed.code for seen in found if seen.failed] == [code]
    assert not any(seen.terminal for seen in found)
    assert [seen.usage.input_tokens for seen in found if seen.usage] == [3]
    assert b"".join(seen.raw for seen in found).endswith(last)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_array_is_relayed_as_an_event_for_each_element(size: int) -> None:
    elements = [json.loads(piece({"text": "a, ]"})[6:]), json.loads(piece({"text": "b"}, finish="STOP")[6:])]
    stream = b" " + json.dumps(elements, indent=1).encode()
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    found = watch(*chunks)
    blocks = [seen.raw for seen in found if seen.raw]
    assert all(block.startswith(b"data: ") and block.endswith(b"\r\n\r\n") for block in blocks)
    assert [json.loads(block[6:]) for block in blocks] == elements
    assert [seen.content for seen in found if seen.raw] == [True, True]
    assert found[-1].terminal
    assert [seen.failed.code for seen in watch(*chunks, b"")[-1:] if seen.failed] == []
    assert [seen.failed.code for seen in watch(stream[:-1]) if seen.failed] == ["stream_interrupted"]


def test_a_quirk_reads_first_and_the_bytes_stay() -> None:
    def adapt(body: dict[str, Any]) -> dict[str, Any]:
        return {"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": body["end"]}]}

    found = watch(b'data: {"end":"STOP"}\n\n', quirk=Quirk(chunk=adapt))
    assert found[0].content and found[0].raw == b'data: {"end":"STOP"}\n\n'
    assert found[-1].terminal


@given(st.binary() | st.just(b'{"usageMetadata":{"promptTokenCount":1e999}}') | st.just(b'{"usageMetadata":[]}'))
def test_usage_of_a_whole_answer_never_raises(body: bytes) -> None:
    assert lens.usage(WireResponse(body=body), TranslationContext()) is None


def test_usage_of_a_whole_answer_is_read() -> None:
    found = lens.usage(WireResponse(body=b'{"usage_metadata":{"promptTokenCount":3}}'), TranslationContext())
    assert found is not None and found.input_tokens == 3
