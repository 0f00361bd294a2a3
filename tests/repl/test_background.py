"""Light or dark: what the environment says, and what a terminal answers."""

from __future__ import annotations

import pytest

from interlingua.repl.background import background, shade
from interlingua.repl.theme import theme
from tests.cli.runs import Person

_ASK = """
import sys
from interlingua.repl.background import background
if "typed" in sys.argv:
    input()
print("it is", background({}, 60.0))
"""
_QUESTION = "\x1b]11;?\x1b\\\x1b[c"
_END = "\x1b[?62;22c"


@pytest.mark.parametrize(
    ("told", "found"), [("0;15", "light"), ("0;7", "light"), ("15;0", "dark"), ("15;default;0", "dark")]
)
def test_the_environment_is_believed(told: str, found: str) -> None:
    assert background({"COLORFGBG": told}) == found
    assert theme("auto", {"COLORFGBG": told}).name == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", "light"),
        (b"\x1b]11;rgb:fd/f6/e3\x07", "light"),
        (b"\x1b]11;rgb:0000/2b2b/3636\x1b\\", "dark"),
        (b"\x1b]11;rgba:1/1/1/f\x1b\\", "dark"),
        (b"\x1b]11;rgb:0000/0000/ffff\x1b\\", "dark"),
        (b"\x1b[?62c", "unknown"),
        (b"", "unknown"),
    ],
)
def test_a_colour_is_light_as_the_eye_has_it(answer: bytes, found: str) -> None:
    assert shade(answer) == found


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\" + _END, "light"),
        ("\x1b]11;rgb:1e1e/1e1e/2e2e\x07" + _END, "dark"),
        (_END, "unknown"),
    ],
)
def test_a_terminal_is_asked_and_its_answer_is_not_seen(answer: str, found: str) -> None:
    person = Person(start=_ASK)
    person.read_until("\x1b]11;?")
    person.type(answer)
    person.read_until(f"it is {found}\n")
    assert person.finish() == 0
    assert "rgb" not in person.raw


def test_what_was_typed_ahead_is_not_taken_for_an_answer() -> None:
    person = Person("typed", start=_ASK)
    person.type("\nhello\n")
    person.read_until("it is unknown")
    assert person.finish() == 0
    assert _QUESTION not in person.raw


def test_nothing_is_asked_where_there_is_no_terminal() -> None:
    assert background({}) == "unknown"
    assert theme("auto", {}).name == "neutral"
