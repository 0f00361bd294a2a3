"""Colours by what they stand for. All are of the terminal's own sixteen, so that they fit what the user has chosen;
none is needed to understand what is said."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from interlingua.errors import InvalidRequest
from interlingua.repl.background import background

Colour = Literal["auto", "always", "never"]


class Theme(Struct, frozen=True, kw_only=True):
    """How things look; each field but the first two is a style as rich writes it.

    Args:
        name: what it is called.
        code: Pygments style of code blocks.
        heading, title, inline, link, quote, mark, rule: of Markdown.
        quiet: what is beside the point.
        good, warn, bad: notes.
        prompt: what stands before what the user types.
    """

    name: str
    code: str = "ansi_dark"
    heading: str = "bold"
    title: str = "bold underline"
    inline: str = "cyan"
    link: str = "blue underline"
    quote: str = "italic"
    mark: str = "dim"
    rule: str = "dim"
    quiet: str = "dim"
    good: str = "green"
    warn: str = "yellow"
    bad: str = "bold red"
    prompt: str = "bold cyan"


THEMES: dict[str, Theme] = {
    "dark": Theme(name="dark", heading="bold bright_white", title="bold underline bright_white", inline="bright_cyan"),
    "light": Theme(name="light", code="ansi_light", inline="magenta", warn="rgb(150,90,0)", prompt="bold blue"),
    "neutral": Theme(name="neutral"),
    "plain": Theme(
        name="plain", code="", inline="bold", link="underline", good="", warn="bold", bad="bold", prompt="bold"
    ),
}


def theme(name: str, environment: Mapping[str, str]) -> Theme:
    """The theme of a name; `auto` fits the terminal's background, or any where that is not known.

    Args:
        name: of the theme.
        environment: says something of the terminal; it may be asked for the rest.

    Raises:
        InvalidRequest: there is no such theme.
    """
    if name == "auto":
        found = background(environment)
        name = "neutral" if found == "unknown" else found
    if name not in THEMES:
        raise InvalidRequest(
            f"there is no theme {name!r}", path="theme", remedy=f"There are auto, {', '.join(THEMES)}."
        )
    return THEMES[name]


def is_coloured(colour: Colour, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a terminal may be written to in colours: NO_COLOR and TERM=dumb overrule the configuration."""
    found = os.environ if environment is None else environment
    return not (found.get("NO_COLOR") or found.get("TERM") == "dumb" or colour == "never")
