from __future__ import annotations

import pytest
from hypothesis import given

from interlingua.wire.data_url import parse_data_url, render_data_url
from tests.strategies import base64_texts


@given(base64_texts)
def test_what_is_rendered_is_parsed_back(content: str) -> None:
    assert parse_data_url(render_data_url("image/png", content)) == ("image/png", content)


def test_parameters_of_the_type_are_left_out() -> None:
    assert parse_data_url("data:text/plain;charset=utf-8;base64,aGk=") == ("text/plain", "aGk=")


@pytest.mark.parametrize("url", ["https://x.test/a.png", "data:text/plain,hi", "data:image/png;base64", ""])
def test_any_other_address_is_not_one(url: str) -> None:
    assert parse_data_url(url) is None
