from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.errors import UpstreamError
from interlingua.types.opaque import Json
from interlingua.wire.ndjson import NDJSONParser, render_ndjson
from tests.strategies import cuts, json_values


def parse(*pieces: bytes, line_limit: int = 2**25) -> list[bytes]:
    parser = NDJSONParser(line_limit)
    return [line for piece in pieces for line in parser.feed(piece)] + parser.close()


@given(st.binary() | st.text("{}\r\n \ufeff").map(str.encode), st.data())
def test_the_chunking_makes_no_difference(stream: bytes, data: st.DataObject) -> None:
    whole = parse(stream)
    assert parse(*data.draw(cuts(stream))) == whole
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == whole


@given(st.lists(json_values), st.data())
def test_what_is_rendered_is_parsed_back(values: list[Json], data: st.DataObject) -> None:
    stream = b"".join(render_ndjson(msgspec.json.encode(value)) for value in values)
    assert [msgspec.json.decode(line) for line in parse(*data.draw(cuts(stream)))] == values


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_lines() -> None:
    assert parse(b"\xef\xbb\xbf{}\r\n\r\n  \n[1]\n\n2") == [b"{}", b"[1]", b"2"]


def test_a_line_over_the_limit_is_refused() -> None:
    with pytest.raises(UpstreamError, match="more than 10 bytes"):
        parse(b"12345", b"67890", b"1", line_limit=10)


def test_a_value_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="no line feed"):
        render_ndjson('{\n"a": 1}')


@pytest.mark.parametrize("kind", [str, bytes])
def test_unicode_line_breaks_are_escaped_for_clients_that_split_text(kind: type) -> None:
    json = '{"a":"x\x85y\u2028z\u2029ü"}'
    line = render_ndjson(json if kind is str else json.encode())
    assert line == '{"a":"x\\u0085y\\u2028z\\u2029ü"}\n'.encode()
    assert msgspec.json.decode(line) == msgspec.json.decode(json)
