"""Commands on who answers: /model, /models, /providers, /key, /compare and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from interlingua.catalog.catalog import Model
from interlingua.catalog.pricing import row_of_day
from interlingua.catalog.words import short_costs, tokens
from interlingua.engine.target import Target
from interlingua.errors import InvalidRequest, ModelNotFound, NotFound
from interlingua.providers.provider import Provider, find
from interlingua.repl.commands import Command, Option, words_of
from interlingua.repl.desk import Desk
from interlingua.repl.facts import changes, fits, losses, model_facts

_MENU = 12


async def model(desk: Desk, text: str) -> None:
    """`/model`: shows who answers, or changes it."""
    words = words_of(text)
    if not words:
        target = desk.talk.target
        desk.facts(
            list(model_facts(target, desk.engine.catalog.as_of, desk.last, desk.mounted.credential(target.provider)))
        )
        return
    if len(words) > 2:
        raise InvalidRequest(
            "a model is named by a provider and a model",
            remedy="/model PROVIDER MODEL, such as /model g openai/gpt-oss-120b",
        )
    name = _two(desk, *words) if len(words) == 2 else await _one(desk, words[0])
    if name:
        await switch(desk, name)


def _two(desk: Desk, provider: str, name: str) -> str:
    found = find(provider, desk.engine.providers)
    if found is None:
        raise _no_provider(desk, provider)
    return f"{found.id}/{name}"


async def _one(desk: Desk, name: str) -> str | None:
    provider = find(name, desk.engine.providers)
    if provider is not None and name not in desk.engine.aliases:
        example = provider.default_model or "MODEL"
        raise InvalidRequest(
            f"which model of {provider.id}? Both are needed",
            path="model",
            remedy=f"/model {name} {example}",
        )
    try:
        desk.engine.route(name)
    except ModelNotFound as error:
        near = _near(desk, name, error)
        if not near:
            raise
        options = [(one.name, f"{one.name}  {_meta(desk, one)}") for one in near]
        return await desk.line.pick(f"no model is called {name!r}; these are near:", options, desk.pen.theme)
    return name


def _near(desk: Desk, name: str, error: ModelNotFound) -> list[Model]:
    """Models that may have been meant: those that were suggested, then those in whose names the letters occur."""
    catalog = desk.engine.catalog
    rows = [row for row in catalog.models if row.provider in desk.engine.providers and not row.retired(catalog.as_of)]
    by_name = {row.name: row for row in rows}
    found = [by_name[one] for one in error.suggestions if one in by_name]
    found += [row for row in rows if name.lower() in row.name.lower()]
    found += [row for row in rows if _has_letters(name.lower(), row.name.lower())]
    return list({row.name: row for row in found}.values())[:_MENU]


def _has_letters(letters: str, text: str) -> bool:
    """Whether letters occur in a text in their order, as fuzzy finders have it."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


async def switch(desk: Desk, name: str) -> None:
    """Goes on with another model; says what changes. Keys are looked for when it is asked."""
    before, model_before = desk.talk.target, desk.talk.chat.model
    counted, _ = desk.talk.context_used
    desk.talk.chat.use(name)
    after = desk.talk.target
    # What one model counted is a hint for another; so is the estimate: the larger one is taken.
    used = max(counted, desk.talk.context_used[0])
    desk.last = "no call yet"
    desk.told.clear()
    kept = len(desk.talk.path)
    pieces = [f"now {after.name}", *changes(before, after, desk.engine.catalog.as_of)]
    if kept:
        pieces.append(f"history kept ({kept} message{'' if kept == 1 else 's'})")
    desk.note(" · ".join(pieces))
    request = replace(desk.talk.request(), **_settings(desk))
    for loss in losses(desk.engine, request, after):
        desk.warn(f"  note: {loss}")
    await desk.talk.remember()
    if kept and not fits(used, after):
        await _offer_summary(desk, model_before, used, after)


def _settings(desk: Desk) -> dict[str, object]:
    request = desk.client.request((), model=desk.talk.chat.model, **desk.settings)
    return {
        name: getattr(request, name)
        for name in ("reasoning", "max_output_tokens")
        if getattr(request, name) is not None
    }


async def _offer_summary(desk: Desk, model_before: str, used: int, after: Target) -> None:
    desk.warn(f"  the conversation takes about {used:,} tokens, and {after.name} takes {after.traits.context:,}")
    if await desk.line.confirm(
        f"  Let {model_before or 'the last model'} summarise it now? The whole stays on its branch."
    ):
        await summarise(desk, model_before)


async def summarise(desk: Desk, model: str) -> None:
    """Puts a summary in the place of the conversation."""
    desk.note("  summarising …")
    await desk.talk.summarise(model)
    used, _ = desk.talk.context_used
    desk.note(f"  summarised: the conversation now takes about {used:,} tokens; /undo goes back to the whole")


def _no_provider(desk: Desk, name: str) -> NotFound:
    import difflib

    known = {word: one.id for one in desk.engine.providers.values() for word in (one.id, *one.aliases)}
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    remedy = "Did you mean " + " or ".join(dict.fromkeys(known[one] for one in near)) + "? " if near else ""
    return NotFound(f"there is no provider called {name!r}", what="provider", remedy=remedy + "/providers lists them.")


def model_options(desk: Desk, words: Sequence[str]) -> Iterable[Option]:
    """What may stand after /model: providers, aliases, and models with what `il models` says of them."""
    catalog = desk.engine.catalog
    if len(words) == 1:
        provider = find(words[0], desk.engine.providers)
        if provider is not None:
            rows = catalog.of(provider.catalog or provider.id)
            yield from (Option(row.id, _meta(desk, row)) for row in rows if not row.retired(catalog.as_of))
        return
    if words:
        return
    for name in desk.engine.aliases:
        if "*" not in name:
            yield Option(name, "alias of " + ", ".join(desk.engine.aliases[name].names))
    for one in desk.engine.providers.values():
        short = f"({', '.join(one.aliases)}) " if one.aliases else ""
        yield Option(one.id, f"{short}{one.title}")
    for row in catalog.models:
        if row.provider in desk.engine.providers and not row.retired(catalog.as_of):
            yield Option(row.name, _meta(desk, row))


def _meta(desk: Desk, row: Model) -> str:
    words = [tokens(row.traits.context), short_costs(row_of_day(row.prices, desk.engine.catalog.as_of))]
    words += ["tools"] if row.traits.tools else []
    words += ["sees"] if "image" in row.traits.input else []
    return " · ".join(words)


async def models(desk: Desk, text: str) -> None:
    """`/models`: what `il models` lists."""
    await desk.run("models", *words_of(text))


async def providers(desk: Desk, text: str) -> None:
    """`/providers`: what `il providers` lists."""
    await desk.run("providers", *words_of(text))


async def key(desk: Desk, text: str) -> None:
    """`/key`: asks for a provider's key, hidden, and keeps it as `il credentials set` does."""
    words = words_of(text)
    if len(words) > 1:
        raise InvalidRequest(
            "a key must not be written in the line: it would stay on the screen and in the history",
            remedy="Type /key PROVIDER; you are asked for the key.",
        )
    name = words[0] if words else desk.talk.target.provider.id
    provider_name, slash, profile = name.partition("/")
    provider = find(provider_name, desk.engine.providers)
    if provider is None:
        raise _no_provider(desk, provider_name)
    await desk.run("credentials", "set", provider.id + slash + profile)


def provider_options(desk: Desk, words: Sequence[str]) -> Iterable[Option]:
    """Providers that need a key."""
    return (Option(one.id, one.title) for one in _with_keys(desk)) if not words else ()


def _with_keys(desk: Desk) -> list[Provider]:
    return [one for one in desk.engine.providers.values() if one.auth.how != "none"]


COMMANDS = (
    Command(
        name="model",
        takes="[PROVIDER MODEL]",
        does="show who answers, or change it; the history stays",
        run=model,
        also=("m",),
        options=model_options,
        more="""Without arguments: provider, model, context, abilities, price and key of who answers now.
With a provider and a model, both needed, it goes on with that model. Providers have short names, such as c (chutes), \
g (groq), o (openrouter), ge (gemini), a (anthropic); /providers lists all. No key is looked for until you ask.
With one word: provider/model, an alias of your configuration, or part of a name, from which you pick.

  /model c deepseek-ai/DeepSeek-V3-0324
  /model g llama-3.3-70b-versatile
  /model o meta-llama/llama-3.3-70b-instruct
  /model ge gemini-2.0-flash
  /model local/smollm2
  /model haiku""",
    ),
    Command(
        name="models",
        takes="[WORDS]",
        does="list models: abilities, prices, keys",
        run=models,
        options=model_options,
        more="Takes what `il models` takes.\n\n  /models vision --max-price 1\n  /models -p groq",
    ),
    Command(name="providers", does="list providers, and where their keys come from", run=providers),
    Command(
        name="key",
        takes="[PROVIDER]",
        does="set a provider's API key; it is typed hidden",
        run=key,
        options=provider_options,
        more="The key goes into the system's keychain, or into a file of mode 0600 where there is none.\n\n"
        "  /key openai\n  /key openai/team",
    ),
)
