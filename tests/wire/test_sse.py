from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import UpstreamError
from interlingua.wire.sse import SSEEvent, SSEParser, render_comment, render_json, render_sse
from tests.strategies import cuts, json_objects, texts


def parse(*pieces: bytes, line_limit: int = 2**25) -> list[SSEEvent]:
    parser = SSEParser(line_limit)
    return [event for piece in pieces for event in parser.feed(piece)] + parser.close()


line_ends = st.sampled_from([b"\n", b"\r", b"\r\n"])
fields = [b"data: a", b"data:b", b"data", b"data: \xe2\x82\xac", b"event: t", b"id: 7", b"retry: 10", b": note", b"odd"]
unframed = [b'{"error": {"m": "}"}}', b"[{", b'  "a\\', b"}]", b"}", b"[] data: x"]
lines = st.sampled_from([*fields, *unframed, b"", b"", b""])
streams = st.tuples(
    st.sampled_from([b"", b"\xef\xbb\xbf"]), st.lists(st.tuples(lines, line_ends).map(b"".join)).map(b"".join)
).map(b"".join)
one_line = texts.filter(lambda text: "\n" not in text and "\r" not in text)


@given(streams | st.binary(), st.data())
def test_the_chunking_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    whole = parse(stream)
    assert parse(*data.draw(cuts(stream))) == whole
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == whole


@given(st.lists(st.tuples(texts, one_line)), st.data())
def test_what_is_rendered_is_parsed_back(events: list[tuple[str, str]], data: st.DataObject) -> None:
    stream = b"".join(render_sse(text, event) + render_comment(text) for text, event in events)
    assert parse(*data.draw(cuts(stream))) == [
        SSEEvent(data=text.replace("\r\n", "\n").replace("\r", "\n"), event=event) for text, event in events
    ]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: one\r\ndata: two\rdata: three\n\n", ["one\ntwo\nthree"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: only the first mark counts\n\n", []),
        (b": a comment\n\ndata: a\n: another\n\n", ["a"]),
        (b"data\n\n", [""]),
        (b"data:  two spaces\n\n", [" two spaces"]),
        (b"event: no data\n\ndata: a\n\n", ["a"]),
        (b"data: no blank line follows", ["no blank line follows"]),
        (b"data: \xff\n\n", ["�"]),
        (b"unknown: x\nDATA: y\n\n", []),
        (b"", []),
    ],
)
def test_the_rules_of_the_format_hold(stream: bytes, expected: list[str]) -> None:
    assert [event.data for event in parse(stream)] == expected


def test_type_id_and_retry_belong_to_the_event_they_stand_in() -> None:
    events = parse(b"event: t\nid: 7\nretry: 250\ndata: a\n\nid: x\0y\nretry: soon\ndata: b\n\n")
    assert events == [SSEEvent(data="a", event="t", id="7", retry=250), SSEEvent(data="b")]


def test_an_event_comes_out_as_soon_as_its_blank_line_has_come() -> None:
    parser = SSEParser()
    assert parser.feed(b"data: a\r\n\r") == [SSEEvent(data="a")]
    assert parser.feed(b"\ndata: b") == []
    assert parser.close() == [SSEEvent(data="b")]


@given(json_objects, st.sampled_from([None, 2]))
def test_an_error_outside_the_framing_is_an_event_at_once(error: dict[str, object], indent: int | None) -> None:
    text = json.dumps([error], indent=indent)
    parser = SSEParser()
    assert parser.feed(b"data: a\n\n" + text.encode()) == [SSEEvent(data="a"), SSEEvent(data=text)]
    assert parser.close() == []


def test_an_error_outside_the_framing_that_never_ends_comes_out_at_the_end() -> None:
    assert parse(b'{"error": {"message": "cut }') == [SSEEvent(data='{"error": {"message": "cut }')]


def test_the_framing_takes_over_again_after_an_error_that_never_ends() -> None:
    assert parse(b'{"error": "cut\n', b"da", b"ta: a\n\n") == [SSEEvent(data='{"error": "cut'), SSEEvent(data="a")]


def test_a_pending_event_goes_before_an_error_outside_the_framing() -> None:
    assert parse(b'data: a\n{"error": 1}\n') == [SSEEvent(data="a"), SSEEvent(data='{"error": 1}')]


@pytest.mark.parametrize(
    "stream", [b"data: " + b"x" * 50, b"data: xxxxxxxx\n" * 6, b'{"a":\n' * 20, b"event: " + b"x" * 50]
)
def test_lines_and_events_over_the_limit_are_refused(stream: bytes) -> None:
    with pytest.raises(UpstreamError, match="more than 40 bytes"):
        parse(stream, b"\n\n", line_limit=40)


def test_a_long_line_in_small_pieces_costs_linear_time() -> None:
    parser = SSEParser()
    for _ in range(200_000):
        parser.feed(b"data: x" if not parser._pending else b"x")
    assert len(parser.close()[0].data) == 200_000


def test_a_type_with_a_line_end_is_refused() -> None:
    with pytest.raises(ValueError, match="one line"):
        render_sse("a", "b\ndata: c")


def test_what_utf8_cannot_hold_is_replaced() -> None:
    assert parse(render_sse("a\ud800b")) == [SSEEvent(data="a?b")]


PIECES = (
    *("data: a\n\n", "event: x\ndata: {}\n\n", "data: ü\n\n", "data: [DONE]\n\n", f"data: {'a' * 50}\n\n"),
    *("data: a\n", "data:b\n", "event: x\n", "event:y\n\n", "id: 1\n", "retry: 5\n", ": hi\n", "\n", "\r\n"),
    *('{"a": 1}\n', '{"a":\n', "}", "data: ", "data: \n\n", "event: \ndata: a\n\n", "\ufeff", "data: a\r\n\r\n"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.data())
def test_plain_events_are_read_the_same_line_by_line(pieces: list[str], data: st.DataObject) -> None:
    chunks = data.draw(cuts("".join(pieces).encode()))

    def read() -> list[object]:
        parser = SSEParser(line_limit=40)
        found: list[object] = []
        try:
            for chunk in chunks:
                found += parser.feed(chunk)
            found += parser.close()
        except UpstreamError as error:
            found.append(error.message)
        return found

    quick = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SSEParser, "_plain", lambda self, data, place, events: place)
        assert quick == read()


@pytest.mark.parametrize("text", ['{"a":1}', '{"a":"ü\u2028"}', '{"a": {\n"b": 1\r\n}}'])
@pytest.mark.parametrize("event", ["", "x"])
def test_json_is_rendered_as_text_is(text: str, event: str) -> None:
    assert render_json(text.encode(), event) == render_sse(text, event)


def test_unicode_line_breaks_in_json_are_escaped_for_clients_that_split_text() -> None:
    json = '{"a":"x\x85y\u2028z\u2029"}'
    wire = render_sse(json)
    assert wire == rb'data: {"a":"x\u0085y\u2028z\u2029"}' + b"\n\n"
    assert wire.decode().splitlines()[1:] == [""]


def test_text_that_is_no_json_keeps_its_unicode_line_breaks() -> None:
    assert parse(render_sse("a\u2028b")) == [SSEEvent(data="a\u2028b")]


@pytest.mark.parametrize(
    "stream", [b"comment: " + b"x" * 40 + b"\n", b'{"a": 1} ' + b"x" * 40 + b"\n", b"{\nd" + b"x" * 40 + b"}\n"]
)
def test_the_limit_of_a_line_holds_however_it_is_cut(stream: bytes) -> None:
    def outcome(pieces: list[bytes]) -> object:
        parser = SSEParser(line_limit=40)
        try:
            return [event for piece in pieces for event in parser.feed(piece)] + parser.close()
        except UpstreamError as error:
            return error.message

    assert outcome([stream]) == outcome([stream[i : i + 1] for i in range(len(stream))])
