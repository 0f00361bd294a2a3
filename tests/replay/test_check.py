"""The check itself is checked: a dialect that errs anywhere is caught, whatever exchange it errs on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from interlingua.dialects.registry import dialect as real
from interlingua.errors import InterlinguaError, InvalidRequest
from interlingua.ports.context import TranslationContext
from interlingua.types.accumulate import unfold
from interlingua.types.events import Event, PartDelta, UsageUpdate
from interlingua.types.messages import Message
from interlingua.types.parts import TextPart, ToolCallPart
from interlingua.types.response import ChatResponse, FinishReason
from tests.replay import check
from tests.replay.check import READINGS, Verdict, judge, surroundings
from tests.replay.coverage import Covered, covers
from tests.replay.rich_answers import ANSWERS
from tests.replay.rules import Tally
from tests.replay.traffic import response_of

Answer = Callable[[ChatResponse], ChatResponse]
Events = Callable[[list[Event]], list[Event]]
NAMES = list(READINGS)


def exchange_of(name: str, status: int = 200, **response: Any) -> dict[str, Any]:
    answer = {"status": status, "headers": {}, **response}
    return {"id": f"hand/{name}", "provider": "hand", "dialect": name, "request": None, "response": answer}


def judged(name: str, status: int = 200, **response: Any) -> Verdict:
    return judge(exchange_of(name, status, **response), Covered(name, "chat"), Tally())


class Erring:
    """A dialect that errs in one way, and is right otherwise."""

    def __init__(self, name: str, answer: Answer | None = None, events: Events | None = None) -> None:
        self._real = real(name)
        self._answer = answer
        self._events = events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def parse_response(self, response: Any, context: TranslationContext) -> ChatResponse:
        found = self._real.parse_response(response, context)
        return self._answer(found) if self._answer else found

    def parse_error(self, response: Any, context: TranslationContext) -> InterlinguaError:
        return InvalidRequest("no")

    def StreamParser(self, context: TranslationContext) -> Any:  # noqa: N802 - the name that dialects offer
        inner, change = self._real.StreamParser(context), self._events or list

        class Parser:
            def feed(self, data: bytes) -> list[Event]:
                return change(inner.feed(data))

            def close(self) -> list[Event]:
                return change(inner.close())

        return Parser()


def with_message(change: Callable[[Message], Message]) -> Answer:
    def changed(answer: ChatResponse) -> ChatResponse:
        first = replace(answer.choices[0], message=change(answer.message))
        return replace(answer, choices=(first, *answer.choices[1:]))

    return changed


def finished(answer: ChatResponse) -> ChatResponse:
    return replace(
        answer, choices=(replace(answer.choices[0], finish=FinishReason("pause", "odd")), *answer.choices[1:])
    )


def counted(answer: ChatResponse) -> ChatResponse:
    assert answer.usage is not None
    return replace(answer, usage=replace(answer.usage, input_tokens=1))


def renamed(message: Message) -> Message:
    parts = tuple(replace(part, id="call_9") if isinstance(part, ToolCallPart) else part for part in message.parts)
    return replace(message, parts=parts)


ERRORS: dict[str, Answer] = {
    "the state is lost": with_message(lambda one: replace(one, parts=tuple(replace(p, opaque=()) for p in one.parts))),
    "a part is lost": with_message(lambda one: replace(one, parts=one.parts[:-1])),
    "the parts change places": with_message(lambda one: replace(one, parts=one.parts[::-1])),
    "the ids of calls change": with_message(renamed),
    "a word is added": with_message(lambda one: replace(one, parts=(*one.parts, TextPart(text="!")))),
    "the ending is another": finished,
    "the counts are others": counted,
    "what nobody knows is lost": lambda answer: replace(answer, extra={}),
}
HARMLESS = {("ollama", "the state is lost")}
"""What a format has not, it cannot lose."""


@pytest.mark.parametrize("what", list(ERRORS))
@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_that_errs_on_an_answer_is_caught(name: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(name, body=ANSWERS[name]).problems == {"response": []}
    if (name, what) not in HARMLESS:
        monkeypatch.setattr(check, "by_name", lambda _: Erring(name, ERRORS[what]))
        assert judged(name, body=ANSWERS[name]).problems["response"]


def streamed(name: str) -> dict[str, Any]:
    """A stream that amounts to the text, the calls and the counts of the hand-made answer, as one would record it."""
    context = surroundings(READINGS[name])
    body = msgspec.json.encode(ANSWERS[name])
    answer = real(name).parse_response(response_of(exchange_of(name, body=msgspec.json.decode(body))), context)
    renderer = real(name).StreamRenderer(context)
    data = b"".join(renderer.render(event) for event in unfold(answer)) + renderer.close()
    return {"ndjson" if name == "ollama" else "sse": data.decode()}


def silenced(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not (isinstance(event, PartDelta) and event.text)]


def uncounted(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, UsageUpdate)]


def joined(events: list[Event]) -> list[Event]:
    """Depends on how the bytes were cut: two deltas that come at once are one."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, PartDelta) and isinstance(last, PartDelta) and last.index == event.index and event.text:
            found[-1] = replace(last, text=last.text + event.text)
        else:
            found.append(event)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_that_errs_on_a_stream_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = streamed(name)
    assert judged(name, **stream).problems == {"stream": []}
    for wrong in (silenced, uncounted):
        monkeypatch.setattr(check, "by_name", lambda _, wrong=wrong: Erring(name, events=wrong))
        assert judged(name, **stream).problems["stream"], wrong


def test_a_parser_that_depends_on_the_cuts_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    deltas = "".join(
        f'data: {{"id":"1","choices":[{{"index":0,"delta":{{"content":"{word}"}}}}]}}\n\n' for word in ("a", "b", "c")
    )
    stream = deltas + 'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    assert judged("openai_chat", sse=stream).clean
    monkeypatch.setattr(check, "by_name", lambda _: Erring("openai_chat", events=joined))
    assert any("small pieces" in one for one in judged("openai_chat", sse=stream).problems["stream"])


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("anthropic_messages", 'data: {"type":"novel_event"}\n\n'),
        ("openai_responses", 'data: {"type":"response.novel.delta"}\n\n'),
    ],
)
def test_an_event_of_unknown_type_is_told(name: str, stream: str) -> None:
    problems = judged(name, sse=stream + streamed(name)["sse"]).problems["stream"]
    assert any(one.startswith("unknown event") for one in problems)


def test_a_part_of_unknown_type_is_told() -> None:
    body = ANSWERS["anthropic_messages"] | {"content": [{"type": "novel", "x": 1}]}
    assert judged("anthropic_messages", body=body).problems["response"] == ["unknown type: block novel"]


def test_a_stream_that_does_not_end_must_be_told_as_interrupted() -> None:
    stream = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'
    verdict, tally = judged("openai_chat", sse=stream), Tally()
    assert verdict.problems == {"stream": []}
    judge(exchange_of("openai_chat", sse=stream), Covered("openai_chat", "chat"), tally)
    assert ("no ending", 1) in [(name, count) for (name, _), count in tally.rules.items()]


REFUSED = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}


def test_an_error_of_another_class_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged("openai_chat", status=429, body=REFUSED).problems == {"error": []}
    monkeypatch.setattr(check, "by_name", lambda _: Erring("openai_chat"))
    problems = judged("openai_chat", status=429, body=REFUSED).problems["error"]
    assert problems[0] == "InvalidRequest, not RateLimited: Rate limit reached"


def test_an_error_in_a_stream_is_classified_too() -> None:
    stream = 'data: {"error":{"message":"Overloaded","type":"overloaded_error"},"type":"error"}\n\n'
    assert judged("anthropic_messages", sse=stream).problems == {"stream": [], "error": []}


@pytest.mark.parametrize(
    ("kind", "url", "body", "wanted"),
    [
        ("openai-chat", "https://h/v1/chat/completions", {}, Covered("openai_chat", "chat")),
        ("openai-chat", "https://h/openai/deployments/d/chat/completions", {}, Covered("openai_chat", "chat")),
        ("ollama-models", "https://h/api/tags", {}, Covered("ollama", "models")),
        ("ollama-models", "https://h/api/show", {}, "ollama-models: details of one model"),
        ("openai-embeddings", "https://h/v1/organization/usage/embeddings", {}, "openai-embeddings: usage reports"),
        ("gemini-generate", "", {"totalTokens": 3}, Covered("gemini", "count_tokens")),
        ("gemini-generate", "", {"candidates": []}, Covered("gemini", "chat")),
        ("cohere-chat", "https://h/v2/chat", {}, "cohere-chat"),
    ],
)
def test_a_record_is_covered_by_its_word_its_address_and_its_shape(
    kind: str, url: str, body: Any, wanted: object
) -> None:
    request = {"url": url, "body": {}} if url else None
    assert covers({"dialect": kind, "request": request, "response": {"status": 200, "body": body}}) == wanted
