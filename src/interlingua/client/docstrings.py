"""What a docstring says about a function and its parameters; Google's, NumPy's and Sphinx's way of writing it.

Strategy: sections are found by their headings, whichever style these have; inside one, the least indented lines open
an entry and deeper ones continue it. What is in no style we know is left out, never guessed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

_HEADINGS = {"args", "arguments", "parameters", "params", "attributes", "other parameters", "keyword args"}
_GOOGLE = re.compile(r"^(\w[\w ]*):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_NAMES = re.compile(r"^(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")


class Docstring(Struct, frozen=True):
    """A docstring's first paragraph, and what it says of each parameter."""

    summary: str = ""
    parameters: dict[str, str] = {}


def parse_docstring(text: str | None) -> Docstring:
    """Reads a docstring.

    Args:
        text: as `__doc__` has it; None reads as empty.
    """
    lines = inspect.cleandoc(text or "").splitlines()
    found: dict[str, str] = {}
    for name, said in (*_sections(lines), *_fields(lines)):
        if said:
            found.setdefault(name.lstrip("*"), said)
    return Docstring(summary=_summary(lines), parameters=found)


def _summary(lines: list[str]) -> str:
    said: list[str] = []
    for i, line in enumerate(lines):
        if not line.strip() or line.startswith(":") or _is_heading(lines, i):
            break
        said.append(line.strip())
    return " ".join(said)


def _is_heading(lines: list[str], i: int) -> bool:
    google = _GOOGLE.match(lines[i])
    if google:
        return google[1].lower() in _HEADINGS
    return lines[i].strip().lower() in _HEADINGS and _underlined(lines, i)


def _underlined(lines: list[str], i: int) -> bool:
    return i + 1 < len(lines) and len(lines[i + 1].strip()) > 2 and not lines[i + 1].strip().strip("-=")


def _sections(lines: list[str]) -> Iterator[tuple[str, str]]:
    for i in range(len(lines)):
        if not _is_heading(lines, i):
            continue
        if _underlined(lines, i):
            yield from _numpy(_until(lines, i + 2, lambda at: _underlined(lines, at)))
        else:
            yield from _google(_until(lines, i + 1, lambda at: bool(lines[at].strip()) and _indent(lines[at]) == 0))


def _until(lines: list[str], start: int, stop: Callable[[int], bool]) -> list[str]:
    end = start
    while end < len(lines) and not stop(end):
        end += 1
    return lines[start:end]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _entries(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(opening line, continuation lines) of each entry."""
    depth = min((_indent(line) for line in lines if line.strip()), default=0)
    opening, rest = "", list[str]()
    for line in lines:
        if line.strip() and _indent(line) == depth:
            if opening:
                yield opening, rest
            opening, rest = line.strip(), []
        else:
            rest.append(line)
    if opening:
        yield opening, rest


def _google(lines: list[str]) -> Iterator[tuple[str, str]]:
    for opening, rest in _entries(lines):
        entry = _ENTRY.match(opening)
        if entry:
            yield from _each(entry[1], [entry[2], *rest])


def _numpy(lines: list[str]) -> Iterator[tuple[str, str]]:
    for opening, rest in _entries(lines):
        entry = _NUMPY_NAMES.match(opening)
        if entry:
            yield from _each(entry[1], rest)


def _fields(lines: list[str]) -> Iterator[tuple[str, str]]:
    for i, line in enumerate(lines):
        field = _SPHINX.match(line)
        if field:
            rest = _until(lines, i + 1, lambda at: not lines[at].startswith(" "))
            yield from _each(field[1], [field[2], *rest])


def _each(names: str, said: Iterable[str]) -> Iterator[tuple[str, str]]:
    text = " ".join(line.strip() for line in said if line.strip())
    for name in names.split(","):
        yield name.strip(), text
