"""Presets, as the terminal, the API and the web share them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.client.presets import ChatSettings, Preset, Presets, filled, load_preset, variables_of
from interlingua.errors import InvalidRequest, NotFound
from interlingua.stores.opening import open_store
from interlingua.types.request import OutputFormat

TERSE = Preset(
    model="one/m",
    system="Be brief.",
    settings=ChatSettings(
        temperature=0.0, top_p=0.5, max_output_tokens=9, reasoning_effort="low", json_schema={"type": "object"}
    ),
)


async def test_a_preset_is_kept_found_changed_and_taken_away(tmp_path: Path) -> None:
    """Each tenant has its own; the shape is the one that the web writes."""
    store = await open_store(tmp_path / "store.db")
    try:
        ours, theirs = Presets(store.overlay), Presets(store.overlay, "other")
        await ours.keep(" terse ", TERSE, "test")
        assert await ours.all() == {"terse": TERSE}
        assert await theirs.all() == {}
        # As the page writes it, with all that it leaves to the model.
        written = {"model": "m", "settings": {"model": None, "system": None, "temperature": 1.5, "tools": ["a"]}}
        await store.overlay.change(
            {"presets.page": written, "presets.odd": {"future": 1}}, "page", tenant="tenant local"
        )
        found = await ours.all()
        assert found["page"] == Preset(model="m", settings=ChatSettings(temperature=1.5, tools=("a",)))
        assert set(found) == {"page", "terse"}
        await ours.remove("page", "test")
        with pytest.raises(NotFound) as caught:
            await ours.get("page")
        assert "terse" in caught.value.remedy
        with pytest.raises(NotFound):
            await theirs.remove("terse", "test")
        with pytest.raises(InvalidRequest):
            await ours.keep("x" * 81, TERSE, "test")
    finally:
        await store.aclose()
    assert await load_preset("terse", tmp_path / "store.db") == TERSE


def test_what_a_call_is_told_is_what_was_set() -> None:
    """And nothing else; zero is something."""
    assert Preset(model="m").call_settings() == {}
    assert TERSE.call_settings() == {
        "temperature": 0.0,
        "top_p": 0.5,
        "max_output_tokens": 9,
        "reasoning": "low",
        "output_format": OutputFormat(kind="json_schema", name="answer", schema={"type": "object"}),
    }


@pytest.mark.parametrize(
    ("template", "values", "question", "text"),
    [
        ("In {{language}}: {{ input }}", {"language": "French"}, "hi", "In French: hi"),
        ("Say {{words}}!", {}, "hi", "Say hi!"),
        ("Say {{words}}!", {"words": "a"}, "hi", "Say a!\n\nhi"),
        ("{{a}} and {{a}}", {"a": "{{b}} \\1"}, "", "{{b}} \\1 and {{b}} \\1"),
        ("no variable, {not} {{1}} one", {}, "", "no variable, {not} {{1}} one"),
    ],
)
def test_a_template_is_filled(template: str, values: dict[str, str], question: str, text: str) -> None:
    """What is asked finds its place; what a value holds is not looked at again."""
    assert filled(template, values, question) == text


@pytest.mark.parametrize(
    ("template", "values", "question", "remedy"),
    [
        ("{{a}} {{b}}", {}, "hi", "-v a=… -v b=…"),
        ("{{input}}", {}, "", "Say what is asked."),
        ("{{a}}", {"b": "x"}, "", "It has a."),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    template: str, values: dict[str, str], question: str, remedy: str
) -> None:
    """With the way to give it."""
    with pytest.raises(InvalidRequest) as caught:
        filled(template, values, question)
    assert caught.value.remedy == remedy


@given(st.text(), st.text())
def test_any_value_stands_as_it_is(before: str, value: str) -> None:
    """Braces, backslashes, line ends."""
    template = before.replace("{{", "") + "{{x}}"
    if variables_of(template) == ("x",):
        assert filled(template, {"x": value}).endswith(value)
