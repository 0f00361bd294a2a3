"""Money as an integer count of pico-dollars: exact under addition, Decimal only at the edges (contracts §4)."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

PICO_PER_USD = 10**12


class Money(Struct, frozen=True, order=True):
    """An amount of US dollars, in pico-dollars (1 USD = 10^12)."""

    pico: int

    @classmethod
    def of_usd(cls, usd: Decimal | str | int) -> Money:
        """From dollars; floats are not taken, because they are not exact."""
        return cls(int((Decimal(usd) * PICO_PER_USD).to_integral_value(ROUND_HALF_EVEN)))

    @property
    def usd(self) -> Decimal:
        """The amount in dollars."""
        return Decimal(self.pico) / PICO_PER_USD

    def __add__(self, other: Money) -> Money:
        return Money(self.pico + other.pico)

    def __sub__(self, other: Money) -> Money:
        return Money(self.pico - other.pico)

    def __str__(self) -> str:
        if self.pico == 0:
            return "free"
        usd, sign = abs(self.usd), "-" if self.pico < 0 else ""
        digits = 2 if usd >= 1 else max(2, -usd.adjusted() + 1)
        return f"{sign}${usd:.{digits}f}"
