"""Whether the terminal is light or dark: COLORFGBG says it, or the terminal itself when it is asked.

The question is xterm's OSC 11 (ctlseqs, "Operating System Commands"). Behind it goes one that all terminals answer
(DA1), so that those which do not know the first are not waited for. Nothing is asked of who does not hold the terminal,
nor where something was typed ahead: it would be taken for an answer.
"""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Mapping
from time import monotonic
from typing import Literal

from interlingua.repl.keys import quiet_keys

Background = Literal["light", "dark", "unknown"]

PATIENCE = 1.0
"""Seconds that an answer may take; it comes in a few milliseconds, or as long as the way to the machine takes."""
_QUESTION = b"\x1b]11;?\x1b\\\x1b[c"
_COLOUR = re.compile(rb"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_END = re.compile(rb"\x1b\[\?[0-9;]*c")
_LIGHT = ("7", "15")
"""White, of the sixteen colours that COLORFGBG counts."""


def background(environment: Mapping[str, str], patience: float = PATIENCE) -> Background:
    """What colours are written on.

    Args:
        environment: where COLORFGBG may stand.
        patience: seconds that the terminal is waited for.
    """
    told = environment.get("COLORFGBG", "").rpartition(";")[2]
    if told.isdecimal():
        return "light" if told in _LIGHT else "dark"
    with quiet_keys():
        return shade(_answer(patience))


def shade(answer: bytes) -> Background:
    """What an answer of the terminal's says, by the luma of its colour (ITU-R BT.601)."""
    found = _COLOUR.search(answer)
    if found is None:
        return "unknown"
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return "light" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "dark"


def _answer(patience: float) -> bytes:
    try:
        keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
        is_ours = os.isatty(screen) and os.tcgetpgrp(keys) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # Windows, or no terminal
        return b""
    if not is_ours or _is_typed(keys, 0):
        return b""
    os.write(screen, _QUESTION)
    answer, until = b"", monotonic() + patience
    while _END.search(answer) is None and _is_typed(keys, max(0.0, until - monotonic())):
        answer += os.read(keys, 1024)
    return answer


def _is_typed(keys: int, seconds: float) -> bool:
    return bool(select.select([keys], [], [], seconds)[0])
