"""The bar of long work."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from interlingua.cli.progress import ProgressBar, duration, size
from interlingua.cli.terminal import Screen
from interlingua.errors import Cancelled


class Terminal(StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> tuple[ProgressBar, Terminal, list[float]]:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream, now = Terminal(), [0.0]
    return ProgressBar(Screen(stream), "smollm2", clock=lambda: now[0]), stream, now


def last(stream: StringIO) -> str:
    """The line that is on the screen."""
    return re.split(r"\r\x1b\[2K", stream.getvalue())[-1]


def test_rate_and_time_left_come_once_they_are_known(drawn: tuple[ProgressBar, Terminal, list[float]]) -> None:
    """Not from the first packet."""
    bar, stream, now = drawn
    bar.tell(0, 100_000_000)
    assert last(stream).endswith("0%  0 B of 100.0 MB")
    now[0] = 2.0
    bar.tell(40_000_000, 100_000_000)
    assert last(stream).endswith(" 40%  40.0 MB of 100.0 MB · 20.0 MB/s · 0:03 left")
    assert len(last(stream)) < 80


def test_it_is_gone_when_done(drawn: tuple[ProgressBar, Terminal, list[float]]) -> None:
    """Nothing of it stays on the screen."""
    bar, stream, _ = drawn
    bar.tell(1, 10)
    bar.stop()
    assert last(stream) == ""
    with pytest.raises(Cancelled):
        bar.tell(2, 10)


def test_it_is_drawn_ten_times_a_second_at_most(drawn: tuple[ProgressBar, Terminal, list[float]]) -> None:
    """Drawing must not slow the work."""
    bar, stream, now = drawn
    for step in range(1000):
        now[0] = step / 1000
        bar.tell(step, 2000)
    assert 5 <= stream.getvalue().count("\r") <= 11


def test_an_unknown_size_still_shows_how_much(drawn: tuple[ProgressBar, Terminal, list[float]]) -> None:
    """And the rate."""
    bar, stream, now = drawn
    bar.tell(0, None)
    now[0] = 1.0
    bar.tell(5_000_000, None)
    assert last(stream) == "smollm2  5.0 MB · 5.0 MB/s"


def test_a_pipe_gets_one_line_and_nothing_when_there_was_nothing_to_do() -> None:
    """A log is not a terminal."""
    stream = StringIO()
    bar = ProgressBar(Screen(stream), "smollm2")
    for done in (0, 50, 100):
        bar.tell(done, 100)
    bar.stop()
    assert stream.getvalue() == "fetching smollm2 … (100 B)\n"
    quiet = StringIO()
    ProgressBar(Screen(quiet), "smollm2").tell(100, 100)
    assert quiet.getvalue() == ""


def test_sizes_and_times_are_for_people() -> None:
    """Decimal units, as disks are sold."""
    assert [size(count) for count in (None, 12, 98_362_432, 2_500_000_000)] == ["?", "12 B", "98.4 MB", "2.5 GB"]
    assert [duration(count) for count in (0.4, 17, 75, 3723)] == ["0:00", "0:17", "1:15", "1:02:03"]
