"""What public lists say of models and prices, read from their own formats: models.dev and genai-prices.

Nothing in them is trusted: a figure that is none, or that no token could cost, is left out, and a list of which
little is left is no list. Rates are dollars per million tokens, as decimal strings of six places at most.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from interlingua.errors import UpstreamError

DEAREST = Decimal(10_000)
"""Dollars per million tokens; nothing costs more."""
_FINEST = Decimal("0.000001")
_NAMES = ("input", "output", "cache_read", "cache_write", "input_audio", "output_audio")


class Listed(Struct, frozen=True, kw_only=True):
    """What a list says of one model.

    Args:
        rates: by name, as in `model.Rates`.
        tiers: (prompt size above which they hold, rates), in ascending order.
        context, max_output: tokens.
        input, output: modalities.
        tools, reasoning: whether it has them.
        released: day.
    """

    rates: dict[str, str]
    tiers: tuple[tuple[int, dict[str, str]], ...] = ()
    context: int | None = None
    max_output: int | None = None
    input: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    tools: bool | None = None
    reasoning: bool | None = None
    released: str = ""


class PriceList(NamedTuple):
    """One source.

    Args:
        letter: its mark in `source`.
        name: for people.
        url: where it is.
    """

    letter: str
    name: str
    url: str


GENAI_PRICES = PriceList(
    "g", "genai-prices", "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json"
)
MODELS_DEV = PriceList("m", "models.dev", "https://models.dev/api.json")
LISTS = (GENAI_PRICES, MODELS_DEV)
_PROVIDERS = {"x-ai": "xai", "moonshot": "moonshotai", "z-ai": "zai", "zhipuai": "zai"}
"""Providers whose ids differ from ours."""

Models = dict[tuple[str, str], Listed]


def parse(source: PriceList, body: bytes, today: str) -> Models:
    """What a list says, by provider and model id.

    Args:
        source: which list it is.
        body: as it came.
        today: which of several dated prices holds, as YYYY-MM-DD.

    Raises:
        UpstreamError: it is not that list.
    """
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_it(source, "it is not JSON") from error
    found = dict(_models_dev(values) if source is MODELS_DEV else _genai_prices(values, today))
    if not found:
        raise _not_it(source, "no model with a price is in it")
    return found


def _not_it(source: PriceList, why: str) -> UpstreamError:
    return UpstreamError(
        f"{source.url} did not send the list of {source.name}: {why}",
        retryable=False,
        remedy="Nothing was changed. Try again later, or look at the address in a browser.",
    )


def _models_dev(values: Any) -> Iterator[tuple[tuple[str, str], Listed]]:
    for provider, entry in _objects(values):
        for id, model in _objects(entry.get("models")):
            cost, limit, kinds = (_object(model.get(name)) for name in ("cost", "limit", "modalities"))
            rates = _rates(cost)
            if not {"input", "output"} <= rates.keys():
                continue
            tiers = [(200_000, _rates(_object(cost.get("context_over_200k"))))]
            for tier in cost.get("tiers") or () if isinstance(cost.get("tiers"), list) else ():
                size = _object(_object(tier).get("tier")).get("size")
                if isinstance(size, int):
                    tiers.append((size, _rates(_object(tier))))
            listed = Listed(
                rates=rates,
                tiers=tuple(
                    sorted((above, each) for above, each in dict(tiers).items() if {"input", "output"} <= each.keys())
                ),
                context=_count(limit.get("context")),
                max_output=_count(limit.get("output")),
                input=_words(kinds.get("input")),
                output=_words(kinds.get("output")),
                tools=_flag(model.get("tool_call")),
                reasoning=_flag(model.get("reasoning")),
                released=_text(model.get("release_date")),
            )
            yield (_PROVIDERS.get(provider, provider), id), listed


def _genai_prices(values: Any, today: str) -> Iterator[tuple[tuple[str, str], Listed]]:
    for entry in values if isinstance(values, list) else ():
        provider = _text(_object(entry).get("id"))
        models = _object(entry).get("models")
        for model in models if isinstance(models, list) else ():
            id, prices = _text(_object(model).get("id")), _in_force(_object(model).get("prices"), today)
            if not id or prices is None:
                continue
            rates, tiers = _stepped(prices)
            if {"input", "output"} <= rates.keys():
                listed = Listed(rates=rates, tiers=tiers, context=_count(model.get("context_window")))
                yield (_PROVIDERS.get(provider, provider), id), listed


def _in_force(prices: Any, today: str) -> dict[str, Any] | None:
    """The prices of the day; None where the hour decides too, which these lists tell in no way that we could check."""
    if isinstance(prices, dict):
        return prices
    found: dict[str, Any] | None = None
    for one in prices if isinstance(prices, list) else ():
        condition = _object(_object(one).get("constraint"))
        if "start_time" in condition or "end_time" in condition:
            return None
        start = condition.get("start_date")
        if start is None or (isinstance(start, str) and start <= today):
            found = _object(_object(one).get("prices"))
    return found


def _stepped(prices: dict[str, Any]) -> tuple[dict[str, str], tuple[tuple[int, dict[str, str]], ...]]:
    """Rates and tiers of `{"input_mtok": 1, …}` or `{"input_mtok": {"base": 1, "tiers": [{"start", "price"}]}, …}`."""
    base: dict[str, Any] = {}
    steps: dict[int, dict[str, Any]] = {}
    for name in _NAMES:
        value = prices.get(f"{name}_mtok")
        if isinstance(value, dict):
            base[name] = value.get("base")
            for step in value.get("tiers") or ():
                start = _object(step).get("start")
                if isinstance(start, int):
                    steps.setdefault(start, {})[name] = step.get("price")
        elif value is not None:
            base[name] = value
    rates = _rates(base)
    return rates, tuple((start, rates | _rates(steps[start])) for start in sorted(steps))


def _rates(values: dict[str, Any]) -> dict[str, str]:
    return {name: rate for name in _NAMES if (rate := _rate(values.get(name))) is not None}


def _rate(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
        if not number.is_finite() or not 0 <= number <= DEAREST:
            return None
        return f"{number.quantize(_FINEST).normalize():f}"
    except InvalidOperation:
        return None


def _objects(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, one) for name, one in _object(value).items() if isinstance(one, dict))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9 else None


def _words(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()
