"""What is asked: the words of the command line, then what is piped in, then what files hold."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from typing import IO

from interlingua.errors import InvalidRequest


def whole_prompt(words: Sequence[str], piped: str) -> str:
    """The words and what was piped in, told apart by an empty line; empty where there is neither."""
    return "\n\n".join(text for text in (" ".join(words).strip(), piped.strip("\r\n")) if text.strip())


def piped_text() -> str:
    """What is piped into the process; empty where nothing is.

    Raises:
        InvalidRequest: it is not UTF-8 text.
    """
    stream = sys.stdin
    if stream is None or stream.closed or stream.isatty() or not _holds_text(stream):
        return ""
    try:
        return stream.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"standard input is not UTF-8 text (byte {error.start})",
            path="stdin",
            remedy="Attach files that are not text with --attach PATH.",
        ) from error


def _holds_text(stream: IO[str]) -> bool:
    """Whether there is something behind standard input that has an end: a pipe, a file or a socket."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return True  # no descriptor: a stand-in that a test gave
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
