from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import UpstreamError
from interlingua.wire.cutter import ArrayCutter, LineCutter, SSECutter, data_of, name_of
from interlingua.wire.sse import SSEParser
from tests.strategies import cuts, json_values

Cutter = SSECutter | LineCutter | ArrayCutter


def cut(cutter: Cutter, *pieces: bytes) -> tuple[list[bytes], bytes]:
    return [block for piece in pieces for block in cutter.feed(piece)], cutter.close()


line_ends = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r\n", b"\r"])
fields = st.sampled_from(
    [b"data: a", b"data:b", b"data", b"data: \xe2\x82\xac", b'data: {"a":1}', b"event: t", b"id: 7", b": note", b"odd"]
)
lines = st.one_of(fields, st.just(b""))
streams = st.lists(st.tuples(lines, line_ends).map(b"".join), max_size=14).map(b"".join)
one_style = st.tuples(
    st.lists(st.lists(fields, min_size=1, max_size=3), max_size=5), st.sampled_from([b"\n", b"\r\n", b"\r"])
)


@given(streams | st.binary() | st.text("\r\n:ad ").map(str.encode), st.data())
def test_the_blocks_are_the_stream_and_the_chunking_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    blocks, rest = cut(SSECutter(), stream)
    assert b"".join(blocks) + rest == stream
    assert cut(SSECutter(), *data.draw(cuts(stream))) == (blocks, rest)
    assert cut(SSECutter(), *(stream[i : i + 1] for i in range(len(stream)))) == (blocks, rest)


@given(st.booleans(), streams)
def test_blocks_say_what_the_parser_reads(marked: bool, stream: bytes) -> None:
    stream = b"\xef\xbb\xbf" + stream if marked else stream
    parser = SSEParser()
    expected = [(event.event, event.data) for event in (*parser.feed(stream), *parser.close())]
    blocks, rest = cut(SSECutter(), stream)
    found = [(name_of(block), data_of(block)) for block in (*blocks, rest) if b"data" in block]
    assert [(name, data.decode()) for name, data in found] == expected


@given(one_style)
def test_a_block_ends_with_its_own_blank_line(given: tuple[list[list[bytes]], bytes]) -> None:
    events, end = given
    written = [b"".join(line + end for line in event) + end for event in events]
    assert cut(SSECutter(), b"".join(written)) == (written, b"")
    assert [block for one in written for block in SSECutter().feed(one)] == written


@pytest.mark.parametrize(
    ("stream", "blocks", "rest"),
    [
        (b"data: a\n\ndata: b\n\n", [b"data: a\n\n", b"data: b\n\n"], b""),
        (b": ping\n\ndata: a\n\n", [b": ping\n\n", b"data: a\n\n"], b""),
        (b"data: a\n\n\n\ndata: b", [b"data: a\n\n", b"\n", b"\n"], b"data: b"),
        (b"data: a\r\n\r\ndata: b\r\n\r", [b"data: a\r\n\r\n"], b"data: b\r\n\r"),
        (b"data: a\r\rdata: b\r\r", [b"data: a\r\r", b"data: b\r\r"], b""),
        (b"data: a\r\n\ndata: b\n\r\n", [b"data: a\r\n\n", b"data: b\n\r\n"], b""),
        (b'data: a\n\n{"error": 1}', [b"data: a\n\n"], b'{"error": 1}'),
        (b"", [], b""),
    ],
)
def test_each_kind_of_line_end_makes_blocks(stream: bytes, blocks: list[bytes], rest: bytes) -> None:
    assert cut(SSECutter(), stream) == (blocks, rest)


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (b"data: x\n\n", "", b"x"),
        (b"event: t\ndata: x\n\n", "t", b"x"),
        (b"event: t\r\ndata: x\r\n\r\n", "t", b"x"),
        (b"data: x\ndata:y\ndata\n\n", "", b"x\ny\n"),
        (b"id: 1\ndata: x\nevent:t\n\n", "t", b"x"),
        (b"data: x\rdata: y\n\n", "", b"x\ny"),
        (b": data: x\n\n", "", b""),
        (b'{"error": {\n  "data": "x"}}\n', "", b'{"error": {\n  "data": "x"}}'),
        (b"[1]", "", b"[1]"),
        (b"", "", b""),
    ],
)
def test_data_and_name_are_read_from_a_block(event: bytes, name: str, data: bytes) -> None:
    assert (name_of(event), data_of(event)) == (name, data)


def test_a_long_event_in_small_pieces_is_searched_once() -> None:
    cutter = SSECutter()
    piece = b"data: " + b"x" * 50
    assert [block for _ in range(20_000) for block in cutter.feed(piece)] == []
    assert cutter.feed(b"\n\n") == [piece * 20_000 + b"\n\n"]


@pytest.mark.parametrize("cutter", [SSECutter(limit=20), LineCutter(limit=20), ArrayCutter(limit=20)])
def test_what_never_ends_is_refused(cutter: Cutter) -> None:
    assert cutter.feed(b'["data: 12345') == []
    with pytest.raises(UpstreamError, match="more than 20 bytes"):
        cutter.feed(b"1234567890")


@given(st.binary() | st.text("\r\nab{}").map(str.encode), st.data())
def test_lines_are_the_stream_and_end_with_a_line_feed(stream: bytes, data: st.DataObject) -> None:
    found, rest = cut(LineCutter(), stream)
    assert found == [line + b"\n" for line in stream.split(b"\n")[:-1]]
    assert b"".join(found) + rest == stream
    assert cut(LineCutter(), *data.draw(cuts(stream))) == (found, rest)


@given(st.lists(st.dictionaries(st.text(max_size=3), json_values, max_size=3), max_size=4), st.data())
def test_an_array_is_cut_at_its_elements(elements: list[object], data: st.DataObject) -> None:
    stream = json.dumps(elements, indent=data.draw(st.sampled_from([None, 1]))).encode()
    cutter = ArrayCutter()
    pieces, rest = cut(cutter, stream)
    assert cutter.closed
    assert b"".join(pieces) + rest == stream
    assert [json.loads(piece.strip(b"[], \r\n")) for piece in pieces[:-1]] == elements
    assert cut(ArrayCutter(), *data.draw(cuts(stream))) == (pieces, rest)
