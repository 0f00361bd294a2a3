"""Markdown that grows is cut into blocks that stay."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from interlingua.repl.blocks import Splitter, Unit

TEXT = """# Head

A paragraph
of two lines.

1. one

   ```python
   x = 1
   ```
2. two
3. three

- a
- b

```python
def f():

    return 1
```
| a | b |
|---|---|
| 1 | 2 |

the `end`"""
PIECES = [
    "\n",
    "\n\n",
    "- a",
    "1. b",
    "\n```\n",
    "\n```py\n",
    "\n~~~\n",
    "text",
    "> q",
    "| a | b |",
    "|---|---|",
    "    code",
    "# h",
    "  ",
]


def cut(text: str, size: int) -> list[Unit]:
    """The units of a text that comes in pieces of a size, code that was let go in pieces joined."""
    splitter = Splitter()
    found: list[Unit] = []
    for at in range(0, len(text), size):
        splitter.feed(text[at : at + size])
        found += splitter.take()
        splitter.rest()
    found += splitter.take(final=True)
    joined: list[Unit] = []
    for unit in found:
        if joined and unit.kind == "code" and joined[-1].kind == "code":
            joined[-1] = Unit(kind="code", text=joined[-1].text + unit.text)
        else:
            joined.append(unit)
    return joined


def test_each_block_is_a_unit_lists_item_by_item_and_code_apart() -> None:
    """What stands alone is printed alone."""
    kinds = [unit.kind for unit in cut(TEXT, 1)]
    assert kinds == ["block"] * 2 + ["item"] * 5 + ["code_start", "code", "code_end"] + ["block"] * 2


def test_a_paragraph_is_not_let_go_before_something_follows_it() -> None:
    """`**bold` may still be closed."""
    splitter = Splitter()
    splitter.feed("some **bo")
    assert splitter.take() == []
    assert splitter.rest() == Unit(kind="block", text="some **bo")
    splitter.feed("ld**\n\nnext")
    assert splitter.take() == [Unit(kind="block", text="some **bold**")]


def test_code_is_let_go_line_by_line() -> None:
    """A program of a thousand lines must not wait for its end."""
    splitter = Splitter()
    splitter.feed("```python\nfirst\nsec")
    assert splitter.take() == [Unit(kind="code_start", text="python"), Unit(kind="code", text="first\n")]
    assert splitter.rest() == Unit(kind="code", text="sec")


def test_code_that_is_never_closed_goes_to_the_end() -> None:
    """An answer that was cut off is shown as far as it came."""
    assert [unit.kind for unit in cut("```\na\nb", 2)] == ["code_start", "code", "code_end"]


def test_items_keep_their_numbers_when_those_before_are_gone() -> None:
    """Many models write 1. 1. 1."""
    assert [unit.number for unit in cut("1. a\n1. b\n1. c\n", 3)] == [1, 2, 3]
    assert [unit.number for unit in cut("7. a\n8. b\n", 1)] == [7, 8]


def test_items_stand_close_unless_an_empty_line_parts_them() -> None:
    """As the list was written."""
    assert [unit.close for unit in cut("- a\n- b\n\n- c", 1)] == [False, True, False]


def test_what_may_become_a_fence_is_not_shown_as_text() -> None:
    """Three backticks that flicker into code are ugly."""
    splitter = Splitter()
    splitter.feed("text\n\n``")
    splitter.take()
    assert splitter.rest() is None


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.integers(1, 9))
def test_no_text_is_lost_however_it_comes(text: str, size: int) -> None:
    """Letters and digits of the text come out in their order, each once; fences' own lines apart."""
    said = "".join(unit.text for unit in cut(text, size) if unit.kind != "code_start")

    def letters(of: str) -> str:
        return "".join(c for c in of if c.isalnum()).replace("py", "")  # the language, which stands in code_start

    assert letters(said) == letters(text)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40))
def test_the_pieces_in_which_it_comes_make_no_difference(size: int) -> None:
    """One byte at a time or all at once."""
    assert cut(TEXT, size) == cut(TEXT, len(TEXT))
