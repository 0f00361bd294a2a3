"""What is known of models: found by name, searched by ability. Names are matched here; facts stand in `models.json`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from interlingua.catalog.model import Defaults, Model, PriceRow, Rule
from interlingua.catalog.pricing import row_of_day

__all__ = ["Catalog", "Defaults", "Model", "PriceRow", "load_catalog"]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    as_of: str
    sources: dict[str, str]
    rules: dict[str, tuple[Rule, ...]]
    models: tuple[Model, ...]


class Catalog:
    """Rows by provider and name.

    Args:
        rows: models; within a provider, ids and aliases must differ.
        as_of: the day of the facts, YYYY-MM-DD.
        sources: what the letters in `source` stand for.
        overlaid: names of rows that did not come with the package.
    """

    def __init__(
        self,
        rows: Iterable[Model],
        *,
        as_of: str = "",
        sources: dict[str, str] | None = None,
        overlaid: frozenset[str] = frozenset(),
    ) -> None:
        self.overlaid = overlaid
        self.models: tuple[Model, ...] = tuple(rows)
        self.as_of = as_of
        self.sources = sources or {}
        self._rows: dict[tuple[str, str], Model] = {}
        self._by_name: dict[str, list[Model]] = {}
        for model in self.models:
            for name in (model.id, *model.aliases):
                self._rows.setdefault((model.provider, name), model)
                self._by_name.setdefault(name, []).append(model)

    def find(self, provider: str, model: str) -> Model | None:
        """The row of a provider's model, by id or alias; None where it is unknown."""
        return self._rows.get((provider, model))

    def known(self, name: str) -> list[Model]:
        """The rows of all providers that call a model by this id or alias."""
        return list(self._by_name.get(name, ()))

    def of(self, provider: str) -> list[Model]:
        """All rows of a provider, in the catalog's order."""
        return [model for model in self.models if model.provider == provider]

    def suggest(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Names, as `provider/id`, that somebody may have meant by `name`; nearest first.

        Case, dots and dashes, dates at the end and a wrong or missing provider weigh little.

        Args:
            name: what was written.
            limit: how many at most.
        """
        wanted = _plain(name)
        if not wanted:
            return ()
        scored: list[tuple[float, int, str]] = []
        for model in self.models:
            if model.retired(self.as_of):
                continue
            score = max(_likeness(wanted, _plain(known)) for known in (model.id, model.name, *model.aliases))
            if score >= 0.6:
                scored.append((-score, len(scored), model.name))
        return tuple(model_name for _, _, model_name in sorted(scored)[:limit])

    def search(
        self,
        query: str = "",
        *,
        input: str | None = None,
        output: str | None = None,
        tools: bool | None = None,
        structured_output: bool | None = None,
        reasoning: bool | None = None,
        provider: str | None = None,
        min_context: int | None = None,
        max_input_price: str | None = None,
    ) -> list[Model]:
        """The models that are known to fit, in the catalog's order.

        Args:
            query: words that must all occur in name, aliases or note; case does not matter.
            input, output: a modality that it must take or give.
            tools, structured_output, reasoning: whether it must have (or lack) them.
            provider: provider id.
            min_context: tokens.
            max_input_price: US dollars per million tokens of a short prompt; unknown prices do not fit.
        """
        words = query.lower().split()
        abilities = {"tools": tools, "structured_output": structured_output, "reasoning": reasoning}
        found = []
        for model in self.models:
            traits = model.traits
            text = " ".join((model.name, *model.aliases, model.note)).lower()
            if (
                all(word in text for word in words)
                and provider in (None, model.provider)
                and (input is None or input in traits.input)
                and (output is None or output in traits.output)
                and all(wish is None or getattr(traits, ability) is wish for ability, wish in abilities.items())
                and (min_context is None or (traits.context or 0) >= min_context)
                and (max_input_price is None or self._input_price(model) <= Decimal(max_input_price))
            ):
                found.append(model)
        return found

    def alternatives(
        self,
        *,
        input: str | None = None,
        output: str | None = None,
        tools: bool | None = None,
        structured_output: bool | None = None,
        reasoning: bool | None = None,
        provider: str | None = None,
        limit: int = 3,
    ) -> tuple[str, ...]:
        """A few models that can do something, for the error that says that one cannot: cheap ones of each provider.

        Args:
            input, output, tools, structured_output, reasoning: as for `search`.
            provider: whose models come first.
            limit: how many at most.
        """
        found = self.search(
            input=input, output=output, tools=tools, structured_output=structured_output, reasoning=reasoning
        )
        able = [model for model in found if not model.shutdown]
        cheapest: dict[str, Model] = {}
        for model in sorted(able, key=self._input_price):
            cheapest.setdefault(model.provider, model)
        # Providers in the catalog's order: makers of models first, resellers last.
        order = list(dict.fromkeys(model.provider for model in able))
        order.sort(key=lambda name: name != provider)
        return tuple(cheapest[name].name for name in order[:limit])

    def _input_price(self, model: Model) -> Decimal:
        row = row_of_day(model.prices, self.as_of)
        return _DEAREST if row is None or row.input is None else Decimal(row.input)


@cache
def load_catalog() -> Catalog:
    """The catalog that comes with the package; read once."""
    text = Path(__file__).with_name("models.json").read_bytes()
    found = msgspec.json.decode(text, type=_File)
    rows = (with_rules(model, found.rules) for model in found.models)
    return Catalog(rows, as_of=found.as_of, sources=found.sources)


def with_rules(model: Model, rules: dict[str, tuple[Rule, ...]]) -> Model:
    """The model with its provider's rules besides its own.

    Args:
        model: as it was read.
        rules: by provider.
    """
    own = {rule.field for rule in model.rules}
    return replace(model, rules=(*model.rules, *(r for r in rules.get(model.provider, ()) if r.field not in own)))


_DEAREST = Decimal("Infinity")
_DATE = re.compile(r"-(?:latest|\d{8}|\d{4}-\d{2}-\d{2})$")
_WORDS = re.compile(r"[a-z]+|\d+")


def _plain(name: str) -> str:
    """A name without what people get wrong: case, separators, a date at the end."""
    return _DATE.sub("", re.sub(r"[\s._:]+", "-", name.strip().lower()))


def _likeness(wanted: str, known: str) -> float:
    """Between 0 and 1. The last segments count most: providers are mixed up more often than models."""
    from difflib import SequenceMatcher  # only misspelt names need it

    if wanted == known:
        return 1.0
    short_wanted, short_known = wanted.rpartition("/")[2], known.rpartition("/")[2]
    if short_wanted == short_known:
        return 0.99
    matcher = SequenceMatcher(None, short_wanted, short_known)
    ratio = matcher.ratio() if matcher.real_quick_ratio() >= 0.6 else 0.0
    words = Counter(_WORDS.findall(short_wanted))
    if words and words <= Counter(_WORDS.findall(short_known)):
        # `haiku`, `llama3.3`: everything that was said is in the name.
        return 0.8 + 0.18 * len(short_wanted) / max(len(short_known), len(short_wanted))
    return ratio
