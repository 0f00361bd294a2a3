"""What docs/dialects/losses.toml declares, the one place that says what becomes of each case in each dialect."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

SOURCE = Path(__file__).parents[2] / "docs" / "dialects" / "losses.toml"
TABLE: dict[str, Any] = tomllib.loads(SOURCE.read_text(encoding="utf-8"))

Verb = Literal["request", "response", "stream"]


class Entry(Struct, frozen=True, order=True):
    """One thing that a dialect does not carry as it is.

    Args:
        field: where it stood.
        kind: setting (left out with a warning), content (refused unless configured), emulated (carried by other
            means and noted), quiet (documented, but not noted for each call).
        reason: why.
    """

    field: str
    kind: str
    reason: str


def declared(verb: Verb, case: str, dialect: str) -> tuple[Entry, ...]:
    """What a dialect does not carry of a case; empty where it carries it whole.

    A stream carries what a whole answer does, but for the cases of its own section.
    """
    found = TABLE["stream"].get(case, {}).get(dialect) if verb == "stream" else None
    if found is None:
        section = "request" if verb == "request" else "response"
        found = TABLE[section][case].get(dialect, [])
    return tuple(Entry(*entry) for entry in found)


def added(dialect: str) -> dict[str, str]:
    """Paths (without indices) that a dialect's own rendering fills where nothing was said, and why."""
    found: dict[str, str] = TABLE["added"].get(dialect, {})
    return found


def becomes(code: str, dialect: str, *, stream: bool) -> str:
    """The code of the error that a client of a dialect reads where we told one of `code`."""
    row = TABLE["error"][code]
    if stream and dialect in row.get("in_stream", {}):
        return str(row["in_stream"][dialect])
    return str(row.get(dialect, code))
