"""Size, place and port of the window from one time to the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.desktop.remembered import Remembered, on_screen, read, write
from interlingua.errors import LocalFileError

PLACES = st.builds(
    Remembered,
    width=st.integers(200, 32_767),
    height=st.integers(200, 32_767),
    x=st.none() | st.integers(-32_768, 32_767),
    y=st.none() | st.integers(-32_768, 32_767),
)
SCREENS = st.lists(
    st.tuples(st.integers(-5000, 5000), st.integers(-5000, 5000), st.integers(640, 8000), st.integers(480, 5000)),
    min_size=1,
    max_size=3,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    kept = Remembered(width=900, height=700, x=-20, y=0, port=40_123)
    write(tmp_path, kept)
    assert read(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["window.json"]


@pytest.mark.parametrize("text", [b"", b"{", b'{"width":"wide"}', b'{"width":5}', b'{"port":70000}', b"\xff"])
def test_what_is_damaged_is_forgotten(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "window.json").write_bytes(text)
    assert read(tmp_path) == Remembered()


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match=r"window\.json"):
        write(tmp_path / "nowhere", Remembered())


@given(PLACES, SCREENS)
def test_a_window_can_be_reached_on_the_screens_that_are_there(
    place: Remembered, screens: list[tuple[int, int, int, int]]
) -> None:
    found = on_screen(place, screens)
    assert found.width <= place.width
    assert found.height <= place.height
    if found.x is not None and found.y is not None:
        middle = found.x + place.width // 2
        shown = [(w, h) for x, y, w, h in screens if x <= middle < x + w and y <= found.y < y + h]
        assert shown, "the middle of its upper edge is on one of them"
        assert (found.width, found.height) <= max(shown)


def test_where_screens_are_unknown_the_place_stays() -> None:
    place = Remembered(x=9000, y=9000)
    assert on_screen(place, []) == place
