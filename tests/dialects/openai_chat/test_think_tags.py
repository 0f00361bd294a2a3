from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.dialects.openai_chat.think_tags import ThinkTags

CASES = [
    ("<think>\nhm</think>\n\nso", "hm", "so"),
    ("  <think>hm</think>so", "hm", "so"),
    ("<thought>hm</thought>so", "hm", "so"),
    ("<think></think>so", "", "so"),
    ("<think>a</thin</think>so </think>", "a</thin", "so </think>"),
    ("<thin air", "", "<thin air"),
    ("so <think>no</think>", "", "so <think>no</think>"),
    ("<think>cut off", "cut off", ""),
    ("<think>cut</th", "cut</th", ""),
    ("  so", "", "  so"),
]


def said(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    found = [one for piece in pieces for one in tags.feed(piece)] + tags.close()
    thought = "".join(text for kind, text in found if kind == "reasoning")
    return thought, "".join(text for kind, text in found if kind == "text")


@pytest.mark.parametrize(("content", "thought", "text"), CASES)
def test_a_leading_tag_holds_the_thinking(content: str, thought: str, text: str) -> None:
    assert said([content]) == (thought, text)
    assert said(list(content)) == (thought, text)


@given(st.sampled_from([content for content, _, _ in CASES]), st.lists(st.integers(1, 6), max_size=20))
def test_the_cutting_of_the_content_makes_no_difference(content: str, sizes: list[int]) -> None:
    pieces, rest = [], content
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    assert said([*pieces, rest]) == said([content])


def test_plain_text_is_not_held_back() -> None:
    assert ThinkTags().feed("Hello") == [("text", "Hello")]
