"""What a chat has cost so far, exact or said to be unknown."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from interlingua.ports.store import StoredMessage
from interlingua.types.money import Money


class Spending(Struct, frozen=True, kw_only=True):
    """Tokens and money of some answers.

    Args:
        answers: how many.
        input_tokens, output_tokens: of those that are known.
        cost: pico-dollars of those that are known.
        unknown_tokens, unknown_costs: how many answers have unknown ones.
    """

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    unknown_tokens: int = 0
    unknown_costs: int = 0

    @property
    def money(self) -> str:
        """For people: an amount, `unknown`, or an amount with `+` where parts of it are unknown."""
        if self.unknown_costs and not self.cost:
            return "cost unknown"
        return str(Money(self.cost)) + ("+" if self.unknown_costs else "")

    @property
    def tokens(self) -> str:
        """For people: prompt and answer together, with the same rule."""
        total = self.input_tokens + self.output_tokens
        if self.unknown_tokens and not total:
            return "tokens unknown"
        more = "+" if self.unknown_tokens else ""
        return f"{total:,}{more} token{'' if total == 1 and not more else 's'}"


def spending(messages: Iterable[StoredMessage]) -> Spending:
    """What the answers among some messages cost together."""
    found = Spending()
    for one in messages:
        found = found_with(found, one)
    return found


def found_with(before: Spending, one: StoredMessage) -> Spending:
    """`before` and one message more; only answers that a model was asked for cost anything."""
    made = one.answer
    if made is None or not made.model:
        return before
    usage = made.usage
    known = usage is not None and usage.total_tokens is not None
    return Spending(
        answers=before.answers + 1,
        input_tokens=before.input_tokens + ((usage.input_tokens or 0) if usage and known else 0),
        output_tokens=before.output_tokens + ((usage.output_tokens or 0) if usage and known else 0),
        cost=before.cost + (made.cost or 0),
        unknown_tokens=before.unknown_tokens + (not known),
        unknown_costs=before.unknown_costs + (made.cost is None),
    )
