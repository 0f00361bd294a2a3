"""No provider can make a parser slow: what it sends costs in proportion to its length.

A crafted megabyte is read beside a plain one by the same parser in the same process, in which the plain one is read
once for all cases. What grows with the square takes thousands of times as long, so a generous ratio tells; an absolute
time would tell of the machine.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interlingua.dialects.registry import dialect
from interlingua.errors import InterlinguaError
from interlingua.wire.ndjson import NDJSONParser
from interlingua.wire.partial_json import parse_partial
from interlingua.wire.sse import SSEParser
from tests.fuzz import samples

SIZE = 1_000_000
RATIO = 200
"""A byte of brackets costs more than a byte of prose, by far less than this."""


def lines(made: Callable[[int], Any], head: bytes = b"", prefix: bytes = b"data: ") -> bytes:
    """`made(i)` as JSON, event after event, up to the size."""
    out, size, place = [head], len(head), 0
    while size < SIZE:
        out.append(prefix + json.dumps(made(place)).encode() + b"\n\n")
        size += len(out[-1])
        place += 1
    return b"".join(out)


def half(text: str) -> str:
    """Text that fills half the size."""
    return text * (SIZE // 2 // len(text))


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one run, refusals included."""
    start = time.process_time()
    with contextlib.suppress(InterlinguaError):
        work()
    return time.process_time() - start


def read(name: str, data: bytes) -> Callable[[], object]:
    """A stream as a network would give it."""

    def work() -> None:
        parser = dialect(name).StreamParser(samples.lenient(name))
        for start in range(0, len(data), 16384):
            parser.feed(data[start : start + 16384])
        parser.close()

    return work


def chat(*calls: Any, **delta: Any) -> Any:
    return {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": list(calls), **delta}}]}


def call(index: int, arguments: str = "", **more: Any) -> Any:
    return {"index": index, "function": {"arguments": arguments}, **more}


def gemini(*parts: Any, **more: Any) -> Any:
    return {"candidates": [{"content": {"parts": list(parts)}, **more}]}


def start(index: int, **block: Any) -> Any:
    return {"type": "content_block_start", "index": index, "content_block": block}


def responses(kind: str, **fields: Any) -> Any:
    return {"type": f"response.{kind}", "output_index": 0, **fields}


def told(first: Any, made: Callable[[int], Any]) -> bytes:
    """One large event, then many small ones."""
    return lines(made, b"data: " + json.dumps(first).encode() + b"\n\n")


PLAIN: dict[str, bytes] = {
    "openai_chat": lines(lambda i: {"id": "c", "choices": [{"index": 0, "delta": {"content": f"word {i}"}}]}),
    "openai_responses": lines(lambda i: responses("output_text.delta", content_index=0, delta=f"word {i}")),
    "anthropic_messages": told(
        start(0, type="text", text=""),
        lambda i: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"word {i}"}},
    ),
    "gemini": lines(lambda i: gemini({"text": f"word {i}"})),
    "ollama": lines(
        lambda i: {"message": {"content": f"word {i}", "role": "assistant", "x": 1}, "done": False}, prefix=b""
    ),
}

CRAFTED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "many calls": ("openai_chat", lambda: lines(lambda i: chat(call(i, "{}", id=f"c{i}")))),
    "many calls at once": (
        "openai_chat",
        lambda: lines(lambda i: chat(*({"index": j} for j in range(i * 900, i * 900 + 900)))),
    ),
    "a long call amid many parts": (
        "openai_chat",
        lambda: told(chat(call(0, '{"a": "' + half("x"))), lambda i: chat(content="a") if i % 2 else chat(refusal="b")),
    ),
    "a long call that goes on amid many parts": (
        "openai_chat",
        lambda: told(
            chat(call(0, '{"a": "' + half("x"))),
            lambda i: chat(call(0, "}"), content="a") if i % 2 else chat(refusal="b"),
        ),
    ),
    "an unknown field that grows": ("openai_chat", lambda: lines(lambda i: {**chat(), "x": {f"k{i}": [i]}})),
    "an unknown list that grows": ("openai_chat", lambda: lines(lambda i: {**chat(), "x": [i]})),
    "probabilities without text": (
        "openai_chat",
        lambda: lines(lambda i: {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}]}}]}),
    ),
    "many choices": ("openai_chat", lambda: lines(lambda i: {"choices": [{"index": i, "delta": {"content": "a"}}]})),
    "details that grow": (
        "openai_chat",
        lambda: lines(lambda i: chat(reasoning_details=[{"type": "reasoning.text", "text": "a", "index": i % 2}])),
    ),
    "many pieces of one item": (
        "openai_responses",
        lambda: lines(lambda i: responses("output_text.delta", content_index=i, delta="a")),
    ),
    "a long text told to be done again and again": (
        "openai_responses",
        lambda: told(
            responses("output_text.delta", content_index=0, delta=half("x")),
            lambda i: responses("output_text.done", content_index=0, text="y"),
        ),
    ),
    "many items": (
        "openai_responses",
        lambda: lines(lambda i: {**responses("output_text.delta", delta="a", item_id=f"m{i}"), "output_index": i}),
    ),
    "many open blocks": ("anthropic_messages", lambda: lines(lambda i: start(i, type="text", text=""))),
    "many held blocks": ("anthropic_messages", lambda: lines(lambda i: start(i, type="novelty", text="a"))),
    "many pieces of a held block": (
        "anthropic_messages",
        lambda: told(
            start(0, type="novelty"),
            lambda i: {"type": "content_block_delta", "index": 0, "delta": {"type": "x", "a": "b"}},
        ),
    ),
    "many parts": ("gemini", lambda: lines(lambda i: gemini({"text": "a", "thought": i % 2 == 0}))),
    "arguments that reach far": (
        "gemini",
        lambda: lines(
            lambda i: gemini(
                {
                    "functionCall": {
                        **({"name": "f"} if i == 0 else {}),
                        "partialArgs": [{"jsonPath": f"$.a{i}[9999]", "numberValue": 1}],
                        "willContinue": True,
                    }
                }
            )
        ),
    ),
    "citations that grow": (
        "gemini",
        lambda: lines(lambda i: gemini(citationMetadata={"citationSources": [{"startIndex": i, "endIndex": i + 1}]})),
    ),
    "many calls in lines": (
        "ollama",
        lambda: lines(
            lambda i: {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}}, prefix=b""
        ),
    ),
    "probabilities in lines": (
        "ollama",
        lambda: lines(lambda i: {"message": {"content": ""}, "logprobs": [{"token": "a", "logprob": -1}]}, prefix=b""),
    ),
}


@functools.cache
def plain_stream(name: str) -> float:
    return seconds(read(name, PLAIN[name]))


@pytest.mark.parametrize("case", CRAFTED)
def test_no_stream_is_slow_for_its_length(case: str) -> None:
    name, made = CRAFTED[case]
    plain = plain_stream(name)
    crafted = seconds(read(name, made()))
    assert crafted <= RATIO * plain, f"{crafted:.2f} s against {plain:.2f} s"


def crumbs(parser: SSEParser | NDJSONParser, data: bytes) -> Callable[[], object]:
    """Pieces so small that a line takes many."""
    return lambda: [parser.feed(data[i : i + 7]) for i in range(0, len(data), 7)]


FRAMED = {
    "line feeds": b"\n",
    "carriage returns": b"\r",
    "data without an end": b"data\n",
    "comments": b":\n",
    "an endless line": b"x",
    "brackets outside the framing": b"[",
    "objects outside the framing": b"{}\n",
    "half objects and fields": b"{\ndata:\n",
    "quotes and escapes": b'{"\\\\\\"',
}


@functools.cache
def plain_crumbs() -> float:
    return seconds(crumbs(SSEParser(), PLAIN["openai_chat"]))


@pytest.mark.parametrize("case", FRAMED)
def test_no_framing_is_slow_for_its_length_even_in_crumbs(case: str) -> None:
    unit = FRAMED[case]
    crafted = unit * (SIZE // len(unit))
    plain = plain_crumbs()
    assert seconds(crumbs(SSEParser(), crafted)) <= RATIO * plain
    assert seconds(crumbs(NDJSONParser(), crafted)) <= RATIO * plain


CUT = {
    "arrays": "[",
    "objects": '{"a":',
    "closed arrays": "[[],",
    "numbers": "1",
    "a list": "1,",
    "escapes": "\\u12",
    "surrogates": "\\ud83c",
    "quotes": '""',
    "spaces": " ",
    "words": "tru",
}


def cuts(unit: str) -> Iterator[str]:
    """Beginnings that lead into a long run of `unit`."""
    run = unit * (SIZE // len(unit))
    yield from (run, "[" + run, '"' + run, '{"a": "' + run, '{"' + run, "[1, " + run)


@functools.cache
def plain_json() -> float:
    return seconds(lambda: parse_partial("[" + '{"a": "b", "c": [1, 2.5]}, ' * (SIZE // 27)))


@pytest.mark.parametrize("case", CUT)
def test_no_cut_json_is_slow_for_its_length(case: str) -> None:
    plain = plain_json()
    for text in cuts(CUT[case]):
        assert seconds(lambda text=text: parse_partial(text)) <= RATIO * plain, text[:20]  # type: ignore[misc]  # bound now
