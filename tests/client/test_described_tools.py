"""Tools that come with a schema of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.described_tools import DescribedTool, tool_name
from interlingua.client.tools import Toolbox
from interlingua.types.parts import tool_call

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "at": {"type": "string"}}, "required": ["n"]}


_KEYS = st.sampled_from(["type", "properties", "items", "$ref", "anyOf", "required", "enum", "$defs"])
_odd = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner),
    max_leaves=9,
)


async def echo(arguments: dict[str, Any]) -> Any:
    return arguments


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ('{"n": 1}', '{"n":1}'),
        ('{"n": 1, "at": null}', '{"n":1}'),
        ('{"n": "x"}', "expected integer"),
        ("{}", "required"),
        ("[1]", "not a JSON object"),
        ("broken", "not a JSON object"),
    ],
)
async def test_arguments_are_held_against_the_schema(raw: str, answer: str) -> None:
    """Nulls that mean "not given" are left out."""
    run = await Toolbox([DescribedTool("t", "T.", SCHEMA, echo)]).run(tool_call("1", "t", raw))
    assert answer in run.text


@given(_odd)
async def test_no_schema_of_somebody_elses_ends_a_turn(schema: Any) -> None:
    """What it means is its maker's business."""
    if not isinstance(schema, dict):
        return
    try:
        made = DescribedTool("t", "T.", schema, echo)
    except (TypeError, AttributeError, ValueError):
        pytest.fail("a schema that is odd is still a schema")
    run = await Toolbox([made]).run(tool_call("1", "t", '{"n": [1, {"a": null}]}'))
    assert run.text


@given(st.text(max_size=120), st.sets(st.text(max_size=3)))
def test_names_are_such_as_every_provider_takes(wanted: str, taken: set[str]) -> None:
    """And not taken."""
    name = tool_name(wanted, taken)
    assert name not in taken
    assert 1 <= len(name) <= 64
    assert all(one.isascii() and (one.isalnum() or one in "_-") for one in name)
