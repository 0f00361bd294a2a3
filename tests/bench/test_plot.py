"""Measurements as pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.bench.measure import Sample
from interlingua.bench.plot import render_svg, text_rows


def sample(model: str, first: float | None, error: str | None = None) -> Sample:
    return Sample(
        model=model, target=model, prompt=0, run=0, started=0, total=(first or 0) + 1, first=first, error=error
    )


SAMPLES = [sample("a<b>/m&1", 0.1 * n) for n in range(1, 8)] + [sample("slow", 2.0), sample("down", None, "timed_out")]


def test_every_answered_call_is_a_dot_and_every_model_a_row() -> None:
    """Names are text, whatever they hold; what is not known is said."""
    root = ET.fromstring(render_svg(SAMPLES))
    dots = root.findall(".//{*}circle")
    assert len(dots) == 2 * 8
    assert all(230 <= float(dot.attrib["cx"]) <= 790 for dot in dots)
    texts = ["".join(text.itertext()) for text in root.findall(".//{*}text")]
    assert any(text.startswith("a<b>/m&1") for text in texts)
    assert texts.count("not known") == 2 + 3


@given(st.lists(st.floats(0, 1e5), max_size=5))
def test_any_figures_can_be_drawn(values: list[float]) -> None:
    """None, one, all the same, far apart."""
    ET.fromstring(render_svg([sample("m", value) for value in values]))
    for width in (20, 60, 100):
        assert all(len(row) <= width + 12 for row in text_rows([sample("m", value) for value in values], width))


@pytest.mark.parametrize("width", [60, 100])
def test_a_row_of_characters_shows_the_spread_and_the_median(width: int) -> None:
    """Slower is further right."""
    fast, slow, down = text_rows(SAMPLES, width)
    assert fast.count("●") == slow.count("●") == 1
    assert fast.index("●") < slow.index("●")
    assert "━" in fast
    assert fast.endswith("0.40 s")
    assert down.endswith("not known")
    assert max(map(len, (fast, slow, down))) <= width
