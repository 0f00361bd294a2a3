"""Facts about models as people read them. Unknown is said, never guessed."""

from __future__ import annotations

from interlingua.catalog.model import Rates

UNKNOWN = "?"
UNIT = " (USD per million tokens)"


def tokens(count: int | None) -> str:
    """A number of tokens for tables: `8.2k`, `1.0M`."""
    if count is None:
        return UNKNOWN
    if count >= 1_000_000:
        return f"{count / 1e6:.1f}M"
    return f"{count / 1e3:.0f}k" if count >= 100_000 else f"{count / 1e3:.1f}k" if count >= 1000 else str(count)


def costs(row: Rates | None) -> str:
    """What a model costs: all of its rates, `free`, or `unknown`."""
    if row is None or row.input is None:
        return "unknown"
    if row.input == row.output == "0":
        return "free"
    rates = {"in": row.input, "out": row.output, "cached": row.cache_read, "cache write": row.cache_write}
    told = ", ".join(f"{amount(rate)} {label}" for label, rate in rates.items() if rate is not None)
    return told + UNIT


def short_costs(row: Rates | None) -> str:
    """What prompt and answer cost: `2.00 in, 10.00 out`, `free`, or `unknown`."""
    return ", ".join(costs(row).removesuffix(UNIT).split(", ")[:2])


def amount(rate: str) -> str:
    """Dollars with at least two digits after the point, as prices are written."""
    whole, _, cents = rate.partition(".")
    return f"{whole}.{cents:0<2}"
