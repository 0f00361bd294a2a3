"""`il models`: what there is, what it can do, what it costs, and whether it can be called."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import click
import msgspec

from interlingua.catalog.catalog import Catalog, Model
from interlingua.catalog.model import PriceRow
from interlingua.catalog.pricing import row_of_day
from interlingua.catalog.words import UNKNOWN, amount, costs, tokens
from interlingua.cli.credential_state import CredentialState, credential_state
from interlingua.cli.names import complete_models, complete_providers
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.errors import NotFound
from interlingua.providers.provider import find

MODALITIES = ("image", "audio", "video", "pdf")
_WORDS = {
    **{word: ("input", word) for word in MODALITIES},
    "vision": ("input", "image"),
    "images": ("input", "image"),
    "documents": ("input", "pdf"),
    **{word: (word, True) for word in ("tools", "reasoning")},
}
"""Words of a query that ask for an ability, as arguments of `Catalog.search`."""

_COLUMNS = (
    Column("model"),
    Column("context", right=True, keep=6),
    Column("in", right=True, keep=9),
    Column("out", right=True, keep=8),
    Column("tools", keep=3),
    Column("thinks", keep=1),
    Column("sees", keep=4),
    Column("ends", keep=2),
    Column("credential", keep=5),
)


def _price(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        price = Decimal(value.lstrip("$"))
    except InvalidOperation as error:
        raise click.BadParameter(f"{value!r} is not a price in US dollars") from error
    if not price.is_finite() or price < 0:
        raise click.BadParameter(f"{value!r} is not a price in US dollars")
    return str(price)


@click.command("models", short_help="List models.")
@click.argument("query", nargs=-1, shell_complete=complete_models)
@click.option("-p", "--provider", metavar="PROVIDER", shell_complete=complete_providers, help="Only of this provider.")
@click.option("--max-price", metavar="USD", callback=_price, help="At most this per million tokens of the prompt.")
@click.option("--tools", is_flag=True, help="Only those that can call tools.")
@click.option("--reasoning", is_flag=True, help="Only those that can think first.")
@click.option("--vision", is_flag=True, help="Only those that see images.")
@click.option(
    "--input",
    "inputs",
    type=click.Choice(MODALITIES),
    metavar="KIND",
    multiple=True,
    help="Only those that take image, audio, video or pdf.",
)
@click.option("--all", "retired", is_flag=True, help="Also those that are shut down.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def command(
    context: click.Context,
    query: tuple[str, ...],
    provider: str | None,
    max_price: str | None,
    tools: bool,
    reasoning: bool,
    vision: bool,
    inputs: tuple[str, ...],
    retired: bool,
    as_json: bool,
) -> None:
    """List models: what they can do, what they cost, and whether there is a key for them.

    The words of QUERY must occur in the name; vision, audio, video, pdf, tools and reasoning ask for the ability.
    A whole name shows everything that is known of that model.

    \b
    il models vision --max-price 1
    il models -p groq
    il models anthropic/claude-sonnet-5-5
    """
    current = session(context)
    catalog = current.engine.catalog
    named = named_models(current, query[0]) if len(query) == 1 else []
    if named:
        _show_named(current, named, as_json=as_json)
        return
    found = _search(
        current,
        query,
        provider=_provider_id(current, provider) if provider else None,
        max_price=max_price,
        tools=tools,
        reasoning=reasoning,
        inputs=(*inputs, *(("image",) if vision else ())),
    )
    shown = [model for model in found if retired or not model.retired(catalog.as_of)]
    if as_json:
        current.out.line(_json([as_dict(current, model) for model in shown]))
        return
    states = {model.provider: _state(current, model) for model in shown}
    for line in table(current.out, _COLUMNS, [_row(model, catalog, states[model.provider]) for model in shown]):
        current.out.line(line)
    _footer(current, shown=len(shown), hidden=len(found) - len(shown))


def _search(
    current: Session,
    query: Iterable[str],
    *,
    provider: str | None,
    max_price: str | None,
    tools: bool,
    reasoning: bool,
    inputs: tuple[str, ...],
) -> list[Model]:
    wishes: dict[str, Any] = {"tools": tools or None, "reasoning": reasoning or None}
    words, wanted = [], list(inputs)
    for word in query:
        ability, value = _WORDS.get(word.lower(), ("", None))
        if ability == "input":
            wanted.append(str(value))
        elif ability:
            wishes[ability] = value
        else:
            words.append(word)
    found = current.engine.catalog.search(
        " ".join(words), provider=provider, max_input_price=max_price, input=wanted[0] if wanted else None, **wishes
    )
    return [
        model
        for model in found
        if model.provider in current.engine.providers and set(wanted) <= set(model.traits.input)
    ]


def _provider_id(current: Session, name: str) -> str:
    found = find(name, current.engine.providers)
    if found is None:
        raise NotFound(
            f"there is no provider called {name!r}", what="provider", remedy="List what there is with `il providers`."
        )
    return found.catalog or found.id


def named_models(current: Session, name: str) -> list[Model]:
    """The rows that a whole name stands for: `provider/model`, or a bare id that one or more hosts serve."""
    catalog = current.engine.catalog
    first, slash, rest = name.partition("/")
    provider = find(first, current.engine.providers) if slash else None
    if provider is not None:
        row = catalog.find(provider.catalog or provider.id, rest)
        if row is not None:
            return [row]
    return [row for row in catalog.known(name) if row.provider in current.engine.providers]


def _show_named(current: Session, models: list[Model], *, as_json: bool) -> None:
    if as_json:
        current.out.line(_json([as_dict(current, model) for model in models]))
        return
    for i, model in enumerate(models):
        if i:
            current.out.line()
        current.out.line(current.out.paint(model.name, "bold"))
        for label, text in _details(current, model):
            for line in current.out.hanging(f"  {label:<13}", text):
                current.out.line(line)


def _details(current: Session, model: Model) -> Iterable[tuple[str, str]]:
    catalog, traits = current.engine.catalog, model.traits
    limits = {"context": traits.context, "longest in": traits.max_input, "longest out": traits.max_output}
    for label, count in limits.items():
        if count is not None or label == "context":
            yield label, f"{count:,} tokens" if count is not None else "unknown"
    yield "takes", ", ".join(traits.input) or "unknown"
    yield "gives", ", ".join(traits.output) or "unknown"
    for label, ability in {"tools": traits.tools, "schema": traits.structured_output}.items():
        yield label, _yes_no(ability)
    yield "thinks", _yes_no(traits.reasoning) + (f" ({', '.join(traits.efforts)})" if traits.efforts else "")
    yield "costs", costs(row_of_day(model.prices, catalog.as_of))
    for tier in getattr(row_of_day(model.prices, catalog.as_of), "tiers", ()):
        yield "", f"{costs(tier)}, for prompts over {tier.above:,} tokens"
    facts = {"also called": ", ".join(model.aliases), "released": model.released, "shutdown": model.shutdown}
    for label, text in facts.items():
        if text:
            yield label, text
    yield "credential", _state(current, model).long
    if model.note:
        yield "note", model.note
    yield "checked", catalog.as_of


def _row(model: Model, catalog: Catalog, state: CredentialState) -> tuple[str, ...]:
    traits, price = model.traits, row_of_day(model.prices, catalog.as_of)
    return (
        model.name,
        tokens(traits.context),
        _rate(price, "input"),
        _rate(price, "output"),
        _mark(traits.tools),
        _mark(traits.reasoning),
        " ".join(traits.input) or UNKNOWN,
        model.shutdown,
        state.short,
    )


def _rate(row: PriceRow | None, name: str) -> str:
    rate = getattr(row, name, None)
    return UNKNOWN if rate is None else "free" if Decimal(rate) == 0 else amount(rate)


def _mark(ability: bool | None) -> str:
    return UNKNOWN if ability is None else "✓" if ability else "–"


def _yes_no(ability: bool | None) -> str:
    return "unknown" if ability is None else "yes" if ability else "no"


def _state(current: Session, model: Model) -> CredentialState:
    return credential_state(current, current.engine.providers[model.provider])


def _footer(current: Session, *, shown: int, hidden: int) -> None:
    """How many, and as of when: for people only; a pipe gets rows and nothing else."""
    catalog = current.engine.catalog
    if not shown:
        current.err.line("no model fits; il models lists all")
    if not shown or not current.out.is_terminal:
        return
    total = sum(model.provider in current.engine.providers for model in catalog.models)
    ended = f" · {hidden} shut down (--all shows them)" if hidden else ""
    text = f"{shown} of {total} · prices in USD per million tokens, checked {catalog.as_of}{ended}"
    for line in current.out.hanging(" ", text):
        current.out.line(current.out.paint(line, "dim"))


def as_dict(current: Session, model: Model) -> dict[str, Any]:
    """Everything that is known of a model, for `--json`; unknown is null."""
    price = row_of_day(model.prices, current.engine.catalog.as_of)
    state = _state(current, model)
    return {
        "model": model.name,
        "aliases": list(model.aliases),
        "traits": msgspec.to_builtins(model.traits),
        "price": None if price is None else msgspec.to_builtins(price),
        "released": model.released or None,
        "shutdown": model.shutdown or None,
        "note": model.note or None,
        "credential": {"state": state.state, "source": state.source},
        "checked": current.engine.catalog.as_of,
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
