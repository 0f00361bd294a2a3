"""The words of a text as they are looked for: the same in every database, because no database cuts them.

A term is a run of letters, marks and digits without case and without the accents of Latin, Greek and Cyrillic
letters. Where words are not parted by spaces (Chinese, Japanese), each pair of letters that stand together is a term,
and the last letter alone. What is looked for are beginnings of terms.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import takewhile

MOST_LETTERS = 500_000
"""Of a text, from its beginning, that are looked at."""
MOST_BYTES = 400_000
"""Of a text's terms; PostgreSQL takes about a million."""
LONGEST = 64
"""Letters of a term; longer words are known by their beginning."""
AROUND = 70
"""Letters that a snippet shows before and after what was found."""

_PLAIN = re.compile(r"[a-z0-9]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_MINE = "\ue000"
"""Begins the term of a tenant: no letter, so that no text has such a term."""


def terms(text: str) -> list[str]:
    """The terms of a text, each once, in no order that means anything."""
    found: set[str] = set()
    held = 0
    for word in _words(fold(text[:MOST_LETTERS])):
        for term in _pieces(word):
            if term not in found:
                held += len(term.encode())
                if held > MOST_BYTES:
                    return sorted(found)
                found.add(term)
    return sorted(found)


def wanted(text: str) -> list[str]:
    """The terms that a text must have, or begin, to be found by this one; none where it holds no word."""
    found: dict[str, None] = {}
    for word in _words(fold(text[:1000])):
        pieces = list(_pieces(word))
        # The last letter of an unspaced run is a term only because it may be looked for alone.
        found |= dict.fromkeys(pieces[:-1] if len(pieces) > 1 and _UNSPACED.fullmatch(word) else pieces)
    return list(found)[:20]


def tenant_term(tenant: str) -> str:
    """The term of all messages of one tenant."""
    return _MINE + hashlib.sha256(tenant.encode("utf-8", "replace")).hexdigest()[:16]


def fold(text: str) -> str:
    """A text without case and accents."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text).casefold()))


def snippet(text: str, looked_for: list[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """What stands around the first word that was looked for, and where in it all such words stand.

    Args:
        text: the whole.
        looked_for: terms, as `wanted` gives them.
    """
    found = (place for place in _places(text[:MOST_LETTERS]) if _is_found(text[slice(*place)], looked_for))
    place = next(found, None)
    first = place[0] if place is not None else 0
    near = takewhile(lambda one: one[0] < first + 2 * AROUND, found)
    places = [place, *near] if place is not None else []
    begin, end = max(0, first - AROUND), min(len(text), first + 2 * AROUND)
    # Not within a word, where one ends near enough.
    if begin and (space := text.find(" ", begin, first)) >= 0:
        begin = space + 1
    if end < len(text) and (space := text.rfind(" ", first + AROUND, end)) >= 0:
        end = space
    head, tail = "…" * (begin > 0), "…" * (end < len(text))
    shift = len(head) - begin
    marks = tuple((start + shift, stop + shift) for start, stop in places if start >= begin and stop <= end)
    shown = "".join(" " if letter.isspace() else letter for letter in text[begin:end])
    return head + shown + tail, marks


def _words(text: str) -> Iterator[str]:
    if text.isascii():
        yield from (word[:LONGEST] for word in _PLAIN.findall(text))
        return
    for start, stop in _places(text):
        yield text[start:stop]


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where words stand; unspaced runs are words of their own."""
    for found in _word().finditer(text):
        start, end = found.span()
        for run in _UNSPACED.finditer(text, start, end):
            if start < run.start():
                yield start, run.start()
            yield run.span()
            start = run.end()
        if start < end:
            yield start, end


@cache
def _word() -> re.Pattern[str]:
    """Letters, digits and marks; `re` knows no marks, so they are written out."""
    marks = [letter for letter in map(chr, range(0x80, 0x20000)) if unicodedata.category(letter)[0] == "M"]
    return re.compile(rf"(?:[^\W_]|[{''.join(marks)}])+")


def _pieces(word: str) -> Iterator[str]:
    if _UNSPACED.fullmatch(word):
        yield from (word[place : place + 2] for place in range(len(word)))
    else:
        yield word[:LONGEST]


def _is_found(word: str, looked_for: list[str]) -> bool:
    folded = fold(word)
    if _UNSPACED.search(folded):
        return any(term in folded for term in looked_for)
    return any(folded.startswith(term) for term in looked_for)
