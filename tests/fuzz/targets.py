"""What must hold for any bytes: one check for each parser. A failing check is a defect, whatever the bytes are."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from interlingua.dialects.registry import DIALECTS, count_tokens, dialect, embeddings, models
from interlingua.errors import InterlinguaError, UpstreamError
from interlingua.ports.context import Quirk, TranslationContext
from interlingua.ports.dialect import StreamParser, WireRequest, WireResponse
from interlingua.types.accumulate import Accumulator, accumulate, unfold
from interlingua.types.events import Event, Failed, MessageEnd
from interlingua.types.opaque import Origin
from interlingua.types.traits import HostTraits
from interlingua.wire.data_url import parse_data_url, render_data_url
from interlingua.wire.envelope import seal, unseal
from interlingua.wire.fields import Fields
from interlingua.wire.line_breaks import escape_line_breaks
from interlingua.wire.ndjson import NDJSONParser, render_ndjson
from interlingua.wire.partial_json import parse_partial
from interlingua.wire.retry_after import parse_retry_after
from interlingua.wire.sse import SSEParser, render_sse
from tests.fuzz import samples

KEY = b"sixteen bytes at least"
_STATUSES = (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529)
_BYTEWISE = 1024
"""Up to this length a stream is also fed byte by byte."""


class Target(NamedTuple):
    """A parser under fuzzing: its check, the samples it starts from, and the words it knows."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[str] = ()


def chance(data: bytes) -> random.Random:
    """What a check decides by chance: the same bytes decide the same."""
    return random.Random(zlib.crc32(data))


def chunkings(data: bytes) -> list[list[bytes]]:
    """Ways to cut a stream."""
    rng = chance(data)
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 9)))
    ways = [[data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]]
    if len(data) <= _BYTEWISE:
        ways.append([data[i : i + 1] for i in range(len(data))])
    return ways


# Streams


def _adapt(body: dict[str, Any]) -> dict[str, Any]:
    """A quirk that changes nothing, and takes objects only, as all do."""
    return {**body}


def _context(name: str, data: bytes) -> TranslationContext:
    rng = chance(data)
    context = samples.lenient(name)
    context.host = HostTraits(think_tags=rng.randrange(2) == 1)
    if rng.randrange(4) == 0:
        context.quirk = Quirk(request=_adapt, response=_adapt, chunk=_adapt, error=_adapt)
    context.origin = Origin("p", name, "m") if rng.randrange(2) else None
    return context


def told(parser: StreamParser, pieces: Sequence[bytes]) -> list[Event | str]:
    """What a parser makes of a stream; an UpstreamError, which it may raise, ends it."""
    events: list[Event | str] = []
    try:
        for piece in pieces:
            events += parser.feed(piece)
        events += parser.close()
    except UpstreamError as error:
        events.append(error.message)
    return events


def check_stream(name: str, data: bytes) -> None:
    """The grammar holds, the cutting makes no difference, and every dialect can tell of it."""
    whole = told(dialect(name).StreamParser(_context(name, data)), [data])
    for pieces in chunkings(data):
        again = told(dialect(name).StreamParser(_context(name, data)), pieces)
        assert again == whole, f"the cutting makes a difference: {whole} and {again}"
    events = [event for event in whole if not isinstance(event, str)]
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    if len(events) == len(whole):
        assert isinstance(events[-1], MessageEnd | Failed)
        assert accumulator.complete or accumulator.failed is not None
    if accumulator.failed is not None:
        assert isinstance(accumulator.failed.error(), InterlinguaError)
    msgspec.json.encode(accumulator.response())
    target = chance(data).choice(DIALECTS)
    retold = _retold(target, events)
    choices = accumulator.response().choices
    if target != name and choices and choices[0].index == 0 and all(one.finish.kind != "error" for one in choices):
        # Luggage goes back as it came, choice 0 is always begun, and some formats tell of errors as failures.
        assert retold.complete == accumulator.complete, f"{target} tells of {retold.failed}"


def _retold(name: str, events: Sequence[Event]) -> Accumulator:
    """What a client of a dialect makes of events that we render for it."""
    renderer = dialect(name).StreamRenderer(samples.lenient(name), None)
    written = b"".join((*(renderer.render(event) for event in events), renderer.close()))
    accumulator = Accumulator()
    for event in told(dialect(name).StreamParser(samples.lenient(name)), [written]):
        assert not isinstance(event, str), event
        accumulator.add(event)
    return accumulator


# Bodies


def check_bodies(name: str, data: bytes) -> None:
    """Requests, answers and errors, those of other operations too: only our own errors leave, `parse_error` none."""
    speaker, rng = dialect(name), chance(data)
    request = WireRequest(path=rng.choice(speaker.CHAT_PATHS).replace("{model}", "m"), body=data)
    response = WireResponse(body=data, headers=(("content-type", "application/json"),))
    _translate(name, request, response, rng)
    failed = WireResponse(status=rng.choice(_STATUSES), body=data, headers=(("retry-after", "3"),))
    error = speaker.parse_error(failed, _context(name, data))
    assert error.message
    assert speaker.render_error(error, samples.lenient(name)).status >= 400
    context = partial(samples.lenient, name)
    if (listing := models(name)) is not None:
        _only_ours(lambda: listing.parse_models_response(response, context()))
    if (counting := count_tokens(name)) is not None:
        _only_ours(lambda: counting.parse_count_response(response, context()))
        for path in counting.PATHS:
            asked = WireRequest(path=path.replace("{model}", "m"), body=data)
            _only_ours(partial(counting.parse_count_request, asked, context()))
    if (embedding := embeddings(name)) is not None:
        _only_ours(lambda: embedding.parse_embed_response(response, context()))
        for path in embedding.PATHS:
            asked = WireRequest(path=path.replace("{model}", "m"), body=data)
            _only_ours(partial(embedding.parse_embed_request, asked, context()))


def _translate(name: str, request: WireRequest, response: WireResponse, rng: random.Random) -> None:
    speaker, target = dialect(name), rng.choice(DIALECTS)
    asked = _only_ours(lambda: speaker.parse_request(request, _context(name, request.body)))
    if asked is not None:
        written = _only_ours(lambda: dialect(target).render_request(asked, samples.lenient(target)))
        if written is not None:
            msgspec.json.decode(written.body, type=dict[str, msgspec.Raw])
    answered = _only_ours(lambda: speaker.parse_response(response, _context(name, response.body)))
    if answered is not None:
        assert accumulate(unfold(answered)).choices is not None
        msgspec.json.decode(dialect(target).render_response(answered, samples.lenient(target)).body)


def _only_ours(work: Callable[[], Any]) -> Any:
    """What `work` gives, None where it refuses; an exception of another kind goes on its way."""
    try:
        return work()
    except InterlinguaError as error:
        assert error.message
        return None


# Bytes


def check_sse(data: bytes) -> None:
    """The cutting makes no difference, not even to what is too long, and what is read can be written."""
    for limit in (None, 40):
        whole = _framed(limit, [data])
        for pieces in chunkings(data):
            assert _framed(limit, pieces) == whole
    for event in _framed(None, [data]) or []:
        parser = SSEParser()
        (again,) = (*parser.feed(render_sse(event.data, event.event)), *parser.close())
        assert (_breaks(again.data), again.event) == (_breaks(event.data), event.event)


def _breaks(text: str) -> str:
    """Unicode's line breaks are written as escapes."""
    return escape_line_breaks(text)


def _framed(limit: int | None, pieces: Sequence[bytes]) -> list[Any] | None:
    parser = SSEParser() if limit is None else SSEParser(line_limit=limit)
    try:
        return [event for piece in pieces for event in parser.feed(piece)] + parser.close()
    except UpstreamError:
        return None


def check_ndjson(data: bytes) -> None:
    """The cutting makes no difference, not even to what is too long, and what is read can be written."""
    for limit in (None, 40):
        whole = _lined(limit, [data])
        for pieces in chunkings(data):
            assert _lined(limit, pieces) == whole
    for line in _lined(None, [data]) or []:
        text = escape_line_breaks(line.decode("utf-8", "replace"))
        assert _lined(None, [b"\n", render_ndjson(text)]) == [text.encode()]


def _lined(limit: int | None, pieces: Sequence[bytes]) -> list[bytes] | None:
    parser = NDJSONParser() if limit is None else NDJSONParser(line_limit=limit)
    try:
        return [line for piece in pieces for line in parser.feed(piece)] + parser.close()
    except UpstreamError:
        return None


def check_partial_json(data: bytes) -> None:
    """Never raises; what it reads is JSON, and reading that again gives the same."""
    text = data.decode("utf-8", "surrogateescape")
    value = parse_partial(text)
    assert parse_partial(msgspec.json.encode(value).decode()) == value
    assert parse_partial(text[: len(text) // 2]) is not ...


class Wrong(Exception):
    """The error that `check_fields` asks for."""


def check_fields(data: bytes) -> None:
    """Every getter gives a value of its type or raises what it was told to."""
    getters: tuple[Callable[[Fields, str], Any], ...] = (
        *(Fields.text, Fields.need_text, Fields.number, Fields.integer, Fields.boolean, Fields.json, Fields.raw),
        *(Fields.child, Fields.children, Fields.items, Fields.texts),
        lambda fields, key: fields.integer(key, least=0, most=10),
    )
    for getter in getters:
        try:
            fields = Fields(data, lambda path, reason: Wrong(f"{path}: {reason}"))
            keys = fields.keys()
            for key in keys:
                getter(fields, key)
        except Wrong:
            continue
        assert fields.rest() == {}
    try:
        kept = Fields(data, lambda path, reason: Wrong(reason)).rest()
    except Wrong:
        return
    assert msgspec.json.decode(msgspec.json.encode(kept)) == kept


def check_envelope(data: bytes) -> None:
    """What we sealed comes back; what we did not is nothing; nothing raises."""
    text = data.decode("utf-8", "surrogateescape")
    for foreign in (text, f"il1.{text}", f"il1.{text[:9]}.{text[9:30]}.{text[30:]}"):
        assert unseal(foreign, KEY, b"nobody") is None
    cut = chance(data).randrange(len(data) + 1)
    envelope = seal(data[:cut], data[cut:], KEY, b"tenant")
    assert unseal(envelope, KEY, b"tenant") == (data[:cut], data[cut:])
    assert unseal(envelope, KEY, b"another") is None
    changed = envelope[: cut % len(envelope)] + "A" + envelope[cut % len(envelope) + 1 :]
    assert unseal(changed, KEY, b"tenant") in (None, (data[:cut], data[cut:]))


def check_data_url(data: bytes) -> None:
    """Two texts or nothing; what is read can be written."""
    text = data.decode("utf-8", "surrogateescape")
    for url in (text, f"data:{text}", f"data:{text[:8]};base64,{text[8:]}"):
        found = parse_data_url(url)
        if found is not None:
            assert parse_data_url(render_data_url(*found)) == found


def check_retry_after(data: bytes) -> None:
    """A finite time that is not negative, or nothing."""
    text = data.decode("latin-1")
    for header in ("retry-after", "retry-after-ms"):
        for now in (0.0, 1.8e9):
            found = parse_retry_after(((header, text),), now)
            assert found is None or (math.isfinite(found) and found >= 0)


_WAITS = (b"3", b"0.5", b"1e3", b"Fri, 20 Nov 2026 07:28:00 GMT", b"Fri, 20 Nov 2026 07:28:00 -0700", b"nan")
_URLS = (b"data:image/png;base64,iVBORw0KGgo=", b"data:;charset=x;base64,", b"https://example.com/a,b")
_FRAMES = (
    b'\xef\xbb\xbfevent: a\r\ndata: {"a": "b"}\rdata:c\n\nid: 1\nretry: 5\n:c\n{"error":\n {"m": "\\"}"}}\ndata: d\n\n'
)


def _all_bodies() -> Sequence[bytes]:
    return list(dict.fromkeys(body for name in DIALECTS for body in samples.bodies(name)))


TARGETS: dict[str, Target] = {
    "wire.sse": Target(
        check_sse,
        lambda: [_FRAMES, *samples.streams("openai_chat")[-3:], *samples.streams("anthropic_messages")[:3]],
        ("data: ", "event: ", "retry: ", "\r\n"),
    ),
    "wire.ndjson": Target(check_ndjson, lambda: [_FRAMES, *samples.streams("ollama")], ("\r\n", "\n")),
    "wire.partial_json": Target(check_partial_json, _all_bodies, ("null", "true", "\\ud83c", "\\u", "1e9")),
    "wire.fields": Target(check_fields, _all_bodies, ("null", "true", "\\ud83c", "1e9")),
    "wire.envelope": Target(check_envelope, lambda: [seal(b"origin", b"data", KEY).encode(), b"il1.a.b.c"], ("il1.",)),
    "wire.data_url": Target(check_data_url, lambda: _URLS, ("data:", ";base64,")),
    "wire.retry_after": Target(check_retry_after, lambda: _WAITS, ("GMT", "Nov", "1e", "inf", "nan", "+9999")),
    **{
        f"{name}.{kind}": Target(partial(check, name), partial(seeds, name), samples.words(f"dialects/{name}"))
        for name in DIALECTS
        for kind, check, seeds in (("stream", check_stream, samples.streams), ("bodies", check_bodies, samples.bodies))
    },
}
"""Every target by name."""
