"""What one recorded exchange proves about us, aspect by aspect: its request, its answer, its stream, its error.

Nothing here knows any exchange. What may differ is in the rules of the readings (`reading/`), what must hold is here.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from interlingua.dialects.registry import dialect as by_name
from interlingua.errors import BY_CODE, InterlinguaError, Overloaded, RateLimited
from interlingua.ports.context import TranslationContext
from interlingua.ports.dialect import Dialect, WireRequest
from interlingua.types.accumulate import accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.opaque import Json, Opaque, Origin
from interlingua.types.parts import ToolCallPart
from interlingua.types.response import ChatResponse
from interlingua.types.traits import HostTraits
from tests.replay.coverage import Covered
from tests.replay.differences import Difference, same
from tests.replay.error_table import expected, message_of, stated_wait, words_of
from tests.replay.reading import anthropic_messages, gemini, ollama, openai_chat, openai_responses
from tests.replay.reading.beside import check_beside
from tests.replay.reading.format import USED, Exchange, Reading, Told, member, walk
from tests.replay.rules import Excuse, Rules, Tally, compare
from tests.replay.traffic import body_of, chunked, events_of, headers_of, response_of

READINGS: dict[str, Reading] = {
    module.READING.dialect: module.READING
    for module in (openai_chat, openai_responses, anthropic_messages, gemini, ollama)
}
ASPECTS = ("request", "response", "stream", "error")
BROKEN = (InterlinguaError, ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)
"""What a check reports rather than stops at; anything that is not an InterlinguaError is a crash of ours."""
PENDING = ("queued", "in_progress")
_WORDS = 40
"""How much of a provider's message must come back word for word."""
_BROKEN_OFF = 3
"""At how many places a stream is cut off besides the last one before its end."""
_CREATED = 1_700_000_000


@dataclass(slots=True)
class Verdict:
    """What one exchange proved.

    Args:
        id, provider: the exchange's.
        covered: the dialect and operation.
        problems: by aspect, for each aspect that the exchange has; empty where it is clean.
    """

    id: str
    provider: str
    covered: Covered
    problems: dict[str, list[str]] = field(default_factory=dict)

    def add(self, aspect: str, check: Callable[[], list[str]]) -> None:
        """Runs a check of one aspect."""
        try:
            found = check()
        except BROKEN as error:
            found = [f"{type(error).__name__}: {error}"[:300]]
        self.problems.setdefault(aspect, []).extend(found)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.problems.values())


def judge(exchange: Exchange, covered: Covered, tally: Tally) -> Verdict:
    """Everything that an exchange proves; what was tolerated goes to the tally."""
    verdict = Verdict(exchange["id"], exchange["provider"], covered)
    reading = READINGS[covered.dialect]
    response = exchange["response"]
    if response["status"] >= 300:
        verdict.add("error", lambda: check_error(exchange, reading, response["status"], told=None))
    elif covered.operation != "chat":
        check_beside(exchange, covered, tally, verdict.add)
    else:
        exchange, envelope = anthropic_messages.plain(exchange)
        if envelope is not None:
            tally.use(*envelope)
        if isinstance((exchange["request"] or {}).get("body"), dict):
            verdict.add("request", lambda: check_request(exchange, reading, tally))
        _judge_answer(exchange, reading, tally, verdict)
    return verdict


def _judge_answer(exchange: Exchange, reading: Reading, tally: Tally, verdict: Verdict) -> None:
    response = exchange["response"]
    if "sse" in response or "ndjson" in response or isinstance(response.get("body"), list):
        told = Told()

        def stream() -> list[str]:
            nonlocal told
            told = reading.fold([event for _, event in events_of(exchange)])
            return check_stream(exchange, reading, told, tally)

        verdict.add("stream", stream)
        if told.error is not None:
            verdict.add("error", lambda: check_error(exchange, reading, 200, told=told))
    elif reading.failed(response.get("body")):
        verdict.add("error", lambda: check_error(exchange, reading, 200, told=None))
    else:
        verdict.add("response", lambda: check_response(exchange, reading, tally))


def surroundings(reading: Reading) -> TranslationContext:
    """Those of an answer, and of a host that knows all that its clients sent it."""
    origin = Origin("replay", reading.dialect, "recorded")
    host = HostTraits(namespaces=True)
    return TranslationContext(dialect=reading.dialect, seed="replay", origin=origin, created=_CREATED, host=host)


# Requests.


def wire_request(exchange: Exchange) -> WireRequest:
    """A recorded request as our wire value."""
    request = exchange["request"]
    parts = urlsplit(request["url"])
    return WireRequest(
        path=parts.path + (f"?{parts.query}" if parts.query else ""),
        body=msgspec.json.encode(request["body"]),
        headers=tuple(headers_of(request).items()),
    )


def check_request(exchange: Exchange, reading: Reading, tally: Tally) -> list[str]:
    """A request that was answered well parses and renders back to an equal body, and then stays the same."""
    dialect, wire = by_name(reading.dialect), wire_request(exchange)
    context, target = reading.surroundings(exchange), reading.surroundings(exchange)
    parsed = dialect.parse_request(wire, context)
    rendered = dialect.render_request(parsed, target)
    problems = compare(exchange["request"]["body"], msgspec.json.decode(rendered.body), reading.request, tally, parsed)
    again = dialect.render_request(
        dialect.parse_request(rendered, reading.surroundings(exchange)), reading.surroundings(exchange)
    )
    if msgspec.json.decode(again.body) != msgspec.json.decode(rendered.body):
        problems.append("what was rendered does not stay the same")
    before, after = ((reading.address(one.path), _betas(one)) for one in (wire, rendered))
    if before != after:
        problems.append(f"address or headers: {before} -> {after}")
    noted = [loss for loss in (*context.losses, *target.losses) if loss.action != "emulate"]
    problems += [f"noted as lost: {loss.field}: {loss.reason}" for loss in noted]
    _note_luggage(parsed, reading.dialect, "request", tally)
    return problems


def _betas(wire: WireRequest) -> list[str]:
    """The betas that a request asks for in a header."""
    return [beta.strip() for beta in dict(wire.headers).get("anthropic-beta", "").split(",") if beta.strip()]


# Answers.


def check_response(exchange: Exchange, reading: Reading, tally: Tally) -> list[str]:
    """An answer parses, says what its body says, and renders back to an equal body."""
    dialect, body = by_name(reading.dialect), exchange["response"]["body"]
    answer = dialect.parse_response(response_of(exchange), surroundings(reading))
    rendered = dialect.render_response(answer, surroundings(reading))
    problems = compare(body, msgspec.json.decode(rendered.body), reading.response, tally, answer)
    problems += _facts(body, answer, reading)
    again = dialect.render_response(dialect.parse_response(rendered, surroundings(reading)), surroundings(reading))
    if msgspec.json.decode(again.body) != msgspec.json.decode(rendered.body):
        problems.append("what was rendered does not stay the same")
    if any(one.raw in PENDING for one in reading.endings(body)):
        tally.use("answer pending", "an answer that is made in the background is asked for again, not streamed")
    else:
        problems += _streamed_again(list(unfold(answer)), answer, reading)
    _note_luggage(answer, reading.dialect, "answer", tally)
    return problems


def _facts(body: Json, answer: ChatResponse, reading: Reading) -> list[str]:
    """Endings, counts, state and types, by the second opinion of the reading."""
    problems = [f"unknown type: {one}" for one in reading.unknown(body)]
    endings, told = reading.endings(body), [choice.finish for choice in answer.choices]
    said = [(one.kind, one.raw) for one in told]
    wanted = [(one.kind, one.raw if one.raw is not None else raw) for one, (_, raw) in zip(endings, said, strict=False)]
    if len(endings) != len(told) or wanted != said:
        problems.append(f"finish {said}, not {[(one.kind, one.raw) for one in endings]}")
    counts, found = reading.usage(body), answer.usage
    if (counts is None) != (found is None):
        problems.append(f"usage {found}, not {counts}")
    elif counts is not None and found is not None:
        problems += [
            f"usage.{name} {getattr(found, name)}, not {counts[0][name]}"
            for name in USED
            if getattr(found, name) != counts[0][name]
        ]
        if found.raw != counts[1]:
            problems.append(f"usage.raw {found.raw}, not {counts[1]}")
    parts = [part for choice in answer.choices for part in choice.message.parts]
    made = [(part.id, part.name) for part in parts if isinstance(part, ToolCallPart)]
    given = reading.calls(body)
    if [name for _, name in given] != [name for _, name in made]:
        problems.append(f"calls {made}, not {given}")
    elif any(id not in ("", own[0]) or not own[0] for (id, _), own in zip(given, made, strict=True)):
        problems.append(f"ids of calls {made}, not {given}")
    kept = set(_opaque(answer))
    problems += [f"state lost: {one[:60]}" for one in reading.states(body) if one not in kept]
    return problems


def _opaque(answer: ChatResponse) -> Iterator[str]:
    """Every string that is kept unread, also those inside state that is itself JSON."""
    for choice in answer.choices:
        for part in choice.message.parts:
            for state in part.opaque:
                yield from _strings(state)


def _strings(state: Opaque) -> Iterator[str]:
    yield state.data
    try:
        value = msgspec.json.decode(state.data)
    except msgspec.DecodeError:
        return
    yield from ([value] if isinstance(value, str) else [])
    for one in walk(value):
        yield from (inner for inner in one.values() if isinstance(inner, str))


def _note_luggage(value: Json, dialect: str, where: str, tally: Tally) -> None:
    """Lists the fields that nobody knows and that were kept."""
    for one in walk(_plain(value)):
        extra = one.get("extra")
        kept = extra.get(dialect) if isinstance(extra, dict) else None
        if isinstance(kept, dict):
            place = str(one.get("type") or one.get("role") or where)
            for key in kept:
                tally.unknown[dialect, f"{where}: {place}.{key}" if place != where else f"{where}.{key}"] += 1


def _plain(value: Json) -> Json:
    return msgspec.json.decode(msgspec.json.encode(value))


# Streams.


def parse_stream(dialect: Dialect, data: bytes, reading: Reading, sizes: Iterator[int] | None = None) -> list[Event]:
    """The events of a stream that arrives in pieces of the given sizes, whole without them."""
    parser = dialect.StreamParser(surroundings(reading))
    found: list[Event] = []
    for piece in [data] if sizes is None else chunked(data, sizes):
        found += parser.feed(piece)
    return found + parser.close()


def check_stream(exchange: Exchange, reading: Reading, told: Told, tally: Tally) -> list[str]:
    """A stream amounts to the answer that it tells, however its bytes are cut, and to none where it does not end."""
    dialect, data = by_name(reading.dialect), body_of(exchange)
    events = parse_stream(dialect, data, reading)
    problems = [f"unknown {one}" for one in told.unknown]
    for rule in told.noted:
        tally.use(*rule)
    for name, sizes in _cuts(exchange):
        if parse_stream(dialect, data, reading, sizes) != events:
            problems.append(f"other events when it arrives {name}")
    last = events[-1]
    if told.error is not None:
        return problems + ([] if isinstance(last, Failed) else ["an error in the stream did not end it"])
    if not told.ended:
        tally.use("no ending", "contracts §1.2: a recording that never says that it is whole is an interrupted answer")
        interrupted = isinstance(last, Failed) and last.code == "stream_interrupted"
        return problems + ([] if interrupted else [f"no ending came, and yet it ends with {last}"])
    if isinstance(last, Failed):
        return [*problems, f"failed: {last.code}: {last.message}"[:300]]
    return problems + _whole_stream(exchange, reading, told, events, tally)


def _whole_stream(exchange: Exchange, reading: Reading, told: Told, events: list[Event], tally: Tally) -> list[str]:
    dialect, answer = by_name(reading.dialect), accumulate(events)
    assert told.body is not None
    problems = []
    if not all(isinstance(event, MessageEnd) for event in events[-len(answer.choices) :]):
        problems.append("something follows the end of a choice")
    beside = {key for key, _ in told.beside}
    luggage = Excuse(
        "luggage of a stream",
        "foreign fields that a stream told, in one place of the whole answer",
        lambda one, case: one.added and _is_luggage(one, beside, case.recorded),
    )
    rendered = msgspec.json.decode(dialect.render_response(answer, surroundings(reading)).body)
    late = Excuse(
        "told late",
        "what a stream tells when the answer has begun stands among the luggage of its end",
        lambda one, case: one.lost and one.path == ("service_tier",) and _occurs(one.key, one.recorded, rendered),
    )
    rules = reading.response + Rules(excuses=(luggage, late))
    problems += compare(told.body, rendered, rules, tally, answer)
    problems += _facts(told.body, answer, reading)
    problems += [f"lost from a chunk: {key}" for key, value in told.beside if not _occurs(key, value, rendered)]
    problems += _streamed_again(events, answer, reading)
    for cut in _broken_off(exchange, told):
        ends = parse_stream(dialect, cut, reading)
        if any(isinstance(event, MessageEnd) for event in ends) or not isinstance(ends[-1], Failed):
            problems.append(f"cut off after {len(cut)} bytes, before its end, it still looks whole")
    _note_luggage(answer, reading.dialect, "answer", tally)
    return problems


def _is_luggage(difference: Difference, beside: set[str], recorded: Json) -> bool:
    """Whether a member that was added holds only fields that a stream told without a place, or told late."""
    if difference.key in beside:
        return True
    inner = difference.rendered
    return isinstance(inner, dict) and all(key in beside or recorded.get(key) == inner[key] for key in inner)


def _occurs(key: str, value: Json, rendered: Json) -> bool:
    """Whether a foreign field comes back: somewhere under its name, with all that it holds, lists in order."""
    if value in ({}, [], "", None):
        return True
    kept = [one[key] for one in walk(rendered) if key in one]
    if isinstance(value, dict):  # told in pieces, it may stand in several places
        return all(
            inner is None or any(_holds(member(one, name), inner) for one in kept) for name, inner in value.items()
        )
    return any(_holds(one, value) for one in kept)


def _holds(kept: Json, value: Json) -> bool:
    """Whether `kept` is `value`, or more: a stream may have told the same things twice in two ways."""
    if isinstance(value, dict):
        return isinstance(kept, dict) and all(
            inner is None or _holds(kept.get(name), inner) for name, inner in value.items()
        )
    if isinstance(value, list) and isinstance(kept, list):
        places = iter(kept)
        return all(any(_holds(place, one) for place in places) for one in value)
    return same(kept, value)


def _cuts(exchange: Exchange) -> Iterator[tuple[str, Iterator[int]]]:
    """Ways to cut the bytes: at random, seeded by the exchange, and as the network really did."""
    chance = random.Random(exchange["id"])
    yield "in small pieces", (chance.randint(1, 16) for _ in itertools.count())
    yield "in larger pieces", (chance.randint(1, 4096) for _ in itertools.count())
    network = exchange["response"].get("chunk_bytes")
    if network:
        yield "as it did", iter(network)


def _broken_off(exchange: Exchange, told: Told) -> Iterator[bytes]:
    """The bytes before the event that says that the answer is whole, and fewer of them."""
    if told.end < 0 or "body" in exchange["response"]:
        return
    whole = body_of(exchange)[: events_of(exchange)[told.end][0]]
    chance = random.Random(exchange["id"])
    yield whole
    yield from (whole[: chance.randint(0, len(whole))] for _ in range(_BROKEN_OFF))


def _streamed_again(events: list[Event], answer: ChatResponse, reading: Reading) -> list[str]:
    """What a client would be told by our own stream amounts to the same answer."""
    dialect = by_name(reading.dialect)
    renderer = dialect.StreamRenderer(surroundings(reading))
    data = b"".join(renderer.render(event) for event in events) + renderer.close()
    again = parse_stream(dialect, data, reading)
    if isinstance(again[-1], Failed):
        return [f"our own stream of it fails: {again[-1].message}"]
    before = dialect.render_response(answer, surroundings(reading))
    after = dialect.render_response(accumulate(again), surroundings(reading))
    found = compare(msgspec.json.decode(before.body), msgspec.json.decode(after.body), reading.response, Tally())
    return [f"our own stream of it: {one}" for one in found]


# Errors.


def check_error(exchange: Exchange, reading: Reading, status: int, *, told: Told | None) -> list[str]:
    """An error is of the class that its words say, keeps them, and the time to wait."""
    dialect, response = by_name(reading.dialect), exchange["response"]
    context = surroundings(reading)
    if told is not None:
        body, error = told.error, _last_failure(dialect, exchange, reading)
    elif status >= 300:
        body = response.get("body", response.get("text", response.get("sse")))
        error = dialect.parse_error(response_of(exchange), context)
    else:
        body = response.get("body")
        error = _raised(dialect, exchange, context)
    wanted, problems = expected(status, body), []
    if type(error) is not wanted:
        problems.append(f"{type(error).__name__}, not {wanted.__name__}: {message_of(body)[:120]}")
    missed = [words for words in words_of(body) if words[:_WORDS] not in error.message]
    if missed or not error.message:
        problems.append(f"the message {error.message[:80]!r} does not say {missed}"[:300])
    headers = headers_of(response)
    if status >= 300 and error.request_id is None and any(name in headers for name in ("request-id", "x-request-id")):
        problems.append("the provider's id of the request is lost")
    wait = stated_wait(headers_of(response), body)
    if wait is not None and isinstance(error, RateLimited | Overloaded) and error.retry_after != wait:
        problems.append(f"retry after {error.retry_after}, not {wait}")
    return problems


def _last_failure(dialect: Dialect, exchange: Exchange, reading: Reading) -> InterlinguaError:
    last = parse_stream(dialect, body_of(exchange), reading)[-1]
    assert isinstance(last, Failed), f"no failure, but {last}"
    return BY_CODE[last.code](last.message) if last.retry_after is None else last.error()


def _raised(dialect: Dialect, exchange: Exchange, context: TranslationContext) -> InterlinguaError:
    try:
        answer: Any = dialect.parse_response(response_of(exchange), context)
    except InterlinguaError as error:
        return error
    raise AssertionError(f"an error under 200 was taken for an answer: {answer}"[:200])
