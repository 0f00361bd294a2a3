"""The shape of one model's row in `models.json`.

Prices are US dollars per million tokens, written as decimal strings so that nothing is rounded on the way in.
"""

from __future__ import annotations

from msgspec import Struct

from interlingua.types.traits import Traits


class Rates(Struct, frozen=True, kw_only=True):
    """What a million tokens cost in dollars; None is unknown, which is not free.

    Args:
        input: of the prompt, where nothing below applies.
        output: of the answer, reasoning included.
        cache_read: of the prompt, read from the provider's cache.
        cache_write: of the prompt, written to the provider's cache.
        cache_write_by_ttl: the same by lifetime, where lifetimes differ in price.
        input_audio, output_audio: of sound, which is never billed as text.
        input_image: of images in the prompt, where they are not billed as text.
        output_image: of images in the answer.
    """

    input: str | None = None
    output: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    cache_write_by_ttl: dict[str, str] = {}
    input_audio: str | None = None
    output_audio: str | None = None
    input_image: str | None = None
    output_image: str | None = None


class Tier(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates of the whole request once its prompt holds more than `above` tokens."""

    above: int


class Peak(Rates, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rates at certain hours.

    Args:
        utc: spans of the day as ("HH:MM", "HH:MM"), the end not included.
        days: days of the week, Monday being 0.
        uncertain: spans of days, first and last as YYYY-MM-DD, on which something else decides that we do not know,
            such as public holidays: at those hours the price is unknown.
        note: what that is.
    """

    utc: tuple[tuple[str, str], ...]
    days: tuple[int, ...]
    uncertain: tuple[tuple[str, str], ...] = ()
    note: str = ""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition of a call under which a provider bills something else than the rates.

    Args:
        field: where the provider reports the condition, such as `service_tier`.
        plain: its values that leave the rates as they are.
        factors: by value, the multiple of all rates that is billed; any other value makes the price unknown to us.
        source: letters of the catalog's `sources`.
    """

    field: str
    plain: tuple[str, ...]
    factors: dict[str, str] = {}
    source: str


class PriceRow(Rates, frozen=True, kw_only=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Rates with the days on which they hold.

    Args:
        from_, until: first and last day, UTC, as YYYY-MM-DD; empty is open.
        tiers: higher rates for long prompts, in ascending order.
        peak: other rates at certain hours.
        source: letters of the catalog's `sources`.
    """

    from_: str = ""
    until: str = ""
    tiers: tuple[Tier, ...] = ()
    peak: Peak | None = None
    source: str


class Defaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to send where the caller says nothing.

    Args:
        system: a system prompt.
        temperature: how freely words are chosen.
        max_output_tokens: a limit, for models that may never come to an end by themselves.
    """

    system: str = ""
    temperature: float | None = None
    max_output_tokens: int | None = None


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one model at one provider.

    Args:
        provider: provider id.
        id: the provider's own name of it.
        aliases: other names that the provider accepts.
        traits: what it can and cannot do.
        prices: rates by date; empty is unknown.
        rules: conditions under which the provider bills otherwise; one of the model's own stands in for the provider's
            of the same field.
        released, shutdown: days as YYYY-MM-DD, or a month; empty is unknown or not announced.
        note: what else a person should know.
        defaults: what to send where the caller says nothing.
        sources: letters of the catalog's `sources`, for everything but prices, which have their own.
    """

    provider: str
    id: str
    aliases: tuple[str, ...] = ()
    traits: Traits = Traits()
    prices: tuple[PriceRow, ...] = ()
    rules: tuple[Rule, ...] = ()
    released: str = ""
    shutdown: str = ""
    note: str = ""
    defaults: Defaults = Defaults()
    sources: str = ""

    @property
    def name(self) -> str:
        """`provider/id`."""
        return f"{self.provider}/{self.id}"

    def retired(self, day: str) -> bool:
        """Whether it is shut down on `day` (YYYY-MM-DD)."""
        return bool(self.shutdown) and self.shutdown <= day
