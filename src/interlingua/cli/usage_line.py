"""The line after an answer: who answered, how fast, how much, for what price. Unknown is said, not guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlingua.client.reply import Reply
    from interlingua.types.money import Money

_DOT = " · "


def usage_line(reply: Reply[Any], width: int | None) -> str:
    """The line, at the right edge of a screen; speeds give way where it is too narrow.

    Args:
        reply: the finished answer.
        width: columns, or None for a line that begins at the left.
    """
    pieces = [
        (0, reply.model),
        (2, _first_token(reply)),
        (1, _speed(reply)),
        (3, _tokens(reply)),
        (0, f"{len(reply.attempts)} attempts" if len(reply.attempts) > 1 else ""),
        (0, cost(reply.cost)),
    ]
    pieces = [piece for piece in pieces if piece[1]]
    if width is None:
        return _joined(pieces)
    for leaving in (1, 2, 3):
        if len(_joined(pieces)) <= width - 1:
            break
        pieces = [piece for piece in pieces if piece[0] != leaving]
    return _joined(pieces).rjust(width - 1)


def cost(money: Money | None) -> str:
    """An amount for people: `free`, `$0.0012`, or that it is unknown."""
    return "cost unknown" if money is None else str(money)


def seconds(value: float) -> str:
    """A duration for people, such as `0.11 s` or `12.3 s`."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def _joined(pieces: list[tuple[int, str]]) -> str:
    return _DOT.join(text for _, text in pieces)


def _first_token(reply: Reply[Any]) -> str:
    timing = reply.timing
    return seconds(timing.total) if timing.first_token is None else f"{seconds(timing.first_token)} first token"


def _speed(reply: Reply[Any]) -> str:
    speed = reply.timing.tokens_per_second
    return "" if speed is None else f"{speed:.0f} tok/s" if speed >= 10 else f"{speed:.1f} tok/s"


def _tokens(reply: Reply[Any]) -> str:
    usage = reply.total_usage
    if usage is None or usage.output_tokens is None:
        return "tokens unknown"
    return "1 token" if usage.output_tokens == 1 else f"{usage.output_tokens:,} tokens"
