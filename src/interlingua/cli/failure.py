"""An error as a person reads it: what happened, where we looked, how to fix it, what works instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from interlingua.cli.session import Session
    from interlingua.cli.terminal import Screen
    from interlingua.errors import InterlinguaError

_LABEL_WIDTH = 13
_ALTERNATIVE_HELPS = frozenset({69, 75, 77})
"""Exit codes of errors that a model without key and network does not have."""
HINT = "run it again with --debug and report what it prints"


def show_error(session: Session, error: InterlinguaError) -> None:
    """Writes an error of ours to standard error; with `--debug` after where it arose."""
    if session.debug:
        import traceback

        session.err.write("".join(traceback.format_exception(error)))
    _show(session.err, error.message, _facts(error, session.alternative))


def show_usage_error(session: Session, error: click.ClickException) -> None:
    """Writes what is wrong with the command itself, and how to see what it takes."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        session.err.line(error.format_message())
        return
    message = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    facts = []
    if context:
        usage = " ".join((context.command_path, *context.command.collect_usage_pieces(context)))
        facts = [("usage", usage), ("help", f"{context.command_path} --help")]
    _show(session.err, message[:1].lower() + message[1:], facts)


def show_unexpected(session: Session, error: BaseException) -> None:
    """Writes one line about an error that is none of ours."""
    reason = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {reason[0]}" if reason else type(error).__name__
    _show(session.err, f"this should not happen: {what}", [("fix", HINT)])


def _facts(error: InterlinguaError, alternative: str | None) -> Iterator[tuple[str, str]]:
    looked_in = getattr(error, "looked_in", ())
    if looked_in:
        yield "looked in", ", ".join(looked_in)
    origin = "/".join(name for name in (error.provider, error.model) if name)
    named = error.provider and re.search(rf"\b{re.escape(error.provider)}\b", error.message)
    if origin and error.provider and (not named or error.request_id):
        yield "from", f"{origin} (request {error.request_id})" if error.request_id else origin
    retry_after = getattr(error, "retry_after", None)
    if retry_after:
        yield "wait", f"{retry_after:.0f} s"
    yield "fix", error.remedy
    others = [name for name in _others(error) if name not in error.remedy]
    if others:
        yield "or use", ", ".join(others)
    elif not _others(error):
        keyless = getattr(error, "alternative", None) or alternative
        if keyless and error.exit_code in _ALTERNATIVE_HELPS:
            yield "or use", f"{keyless} (works without a key)"


def _others(error: InterlinguaError) -> tuple[str, ...]:
    return tuple(getattr(error, "alternatives", ()) or getattr(error, "suggestions", ()))


def _show(screen: Screen, message: str, facts: Iterable[tuple[str, str]]) -> None:
    first, *more = message.strip().splitlines() or ["no reason was given"]
    lines = screen.hanging("error: ", first)
    lines[0] = screen.paint("error:", "red") + lines[0].removeprefix("error:")
    for line in more:
        lines += screen.hanging("  ", line.strip())
    for label, text in facts:
        lines += screen.hanging(f"  {label}:".ljust(_LABEL_WIDTH), text)
    screen.write("\n".join(lines) + "\n")
