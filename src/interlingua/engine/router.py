"""From a model's name to targets (contracts §9). In order: an alias of that name; a pattern that fits; `provider/…`;
a known model; a family of names; else an error with what may have been meant.

An alias's strategy says in which order its targets are asked (`engine/strategies.py`); its fallbacks, whom else an
error of a kind leads to.

Inside an alias, a target that begins with a provider is final, so an alias may bear the name of the model it leads
to. What `*` passes on: where it is a whole segment of the target (`anthropic/*`), the name as it was asked, without
a path that the pattern itself begins with; within a segment (`anthropic/claude-*`), what the pattern's `*` stood for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog, Model
from interlingua.engine.strategies import Entry, Strategy
from interlingua.engine.target import Target
from interlingua.errors import BY_CODE, ConfigError, ModelNotFound
from interlingua.providers.provider import Provider, find
from interlingua.types.traits import Traits


class WeightedTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target with its share of the calls.

    Args:
        target: a model name.
        weight: its share, against the others', for the strategies `weighted` and `sticky`.
    """

    target: str
    weight: Annotated[float, Meta(ge=0, le=1_000_000)] = 1.0


class ModelAlias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name of the user's for one or more models.

    Args:
        targets: model names, best first; or tables `{ target = "…", weight = 3 }`.
        strategy: who is asked first. `ordered`: as they stand. `weighted`: by chance, in the share of the weights.
            `sticky`: the same, but one conversation keeps its target. `latency`: whose first content came fastest of
            late. `cheapest`: whose price for this call is lowest. The others follow where one fails.
        fallbacks: model names to ask beyond the targets, by the code of the error that leads there.
    """

    targets: tuple[str | WeightedTarget, ...]
    strategy: Strategy = "ordered"
    fallbacks: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        for code in self.fallbacks:
            if code not in BY_CODE:
                near = get_close_matches(code, BY_CODE, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(BY_CODE))}"
                raise ValueError(f"fallbacks: {code!r} is no code of an error{meant}")

    @property
    def names(self) -> tuple[str, ...]:
        """The targets' names."""
        return tuple(one if isinstance(one, str) else one.target for one in self.targets)


Arrange = Callable[[Strategy, Sequence[Entry]], Sequence[Entry]]
"""Puts an alias's entries into the order in which they are asked."""


class Resolved(Struct, frozen=True):
    """What a name stands for.

    Args:
        targets: best first.
        fallbacks: by the code of the error that leads there.
        lasting: whether it stands for the same as long as the configuration does; it does not where an order was
            asked for, or where it mattered who has a credential.
    """

    targets: tuple[Target, ...]
    fallbacks: dict[str, tuple[str, ...]]
    lasting: bool


def resolve(
    name: str,
    *,
    catalog: Catalog,
    providers: Mapping[str, Provider],
    aliases: Mapping[str, ModelAlias],
    has_credential: Callable[[Provider], bool],
    default: str | None,
    dialect: str = "",
    arrange: Arrange | None = None,
    strategy: Strategy | None = None,
) -> Resolved:
    """What a name stands for.

    Args:
        name: what the caller wrote; empty asks for the default.
        catalog: facts about models.
        providers: hosts by id, in order of preference.
        aliases: configured names, some with a `*`.
        has_credential: whether a provider can be called.
        default: the configured default, a model name or alias.
        dialect: the client's; spoken upstream too where the host speaks it.
        arrange: carries out the aliases' strategies; without it targets come in the order of the configuration.
        strategy: replaces that of the alias that the name is.

    Raises:
        ModelNotFound: the name stands for nothing; suggestions are in the error.
        ConfigError: aliases lead in a circle, or the default stands for nothing.
    """
    route = _Route(catalog, providers, aliases, has_credential, dialect, arrange, strategy)
    if name:
        found = route.named(name)
    else:
        found = route.default(default) if default else [route.first_usable()]
    if len(found) > 1:
        found = list({target.name: target for target in found}.values())
    return Resolved(tuple(found), route.fallbacks, route.lasting)


class _Route:
    def __init__(
        self,
        catalog: Catalog,
        providers: Mapping[str, Provider],
        aliases: Mapping[str, ModelAlias],
        has_credential: Callable[[Provider], bool],
        dialect: str,
        arrange: Arrange | None,
        strategy: Strategy | None,
    ) -> None:
        self._catalog = catalog
        self._providers = providers
        self._aliases = aliases
        self._patterns = sorted((key for key in aliases if "*" in key), key=len, reverse=True)
        self._has_credential = has_credential
        self._dialect = dialect
        self._arrange = arrange
        self._strategy = strategy
        self.fallbacks: dict[str, tuple[str, ...]] = {}
        """Those of the aliases on the way, the outermost alias's before others'."""
        self.lasting = True

    def named(self, name: str, trail: tuple[str, ...] = ()) -> list[Target]:
        """The targets of a name; `trail` holds the aliases that led to it."""
        provider, model = self._split(name)
        final = provider is not None and bool(trail)
        if not final:
            alias = self._alias(name, trail)
            if alias is not None:
                return self._through(alias, name, trail)
        if provider is not None:
            return [self._target(provider, model)]
        found = self._known(name) or self._family(name)
        if found is None:
            raise self._unknown(name, trail)
        return [found]

    def default(self, name: str) -> list[Target]:
        """The targets of the configured default."""
        try:
            return self.named(name)
        except ModelNotFound as error:
            raise ConfigError(f"default_model: {error.message}", remedy=error.remedy) from error

    def first_usable(self) -> Target:
        """Where to go when nobody named a model: the first host that can be called and has a default."""
        rows = [row for row in self._providers.values() if row.default_model]
        rows.sort(key=lambda row: row.in_process)
        for row in rows:
            if self._usable(row):
                return self._target(row, row.default_model)
        raise ModelNotFound("no model was named, and no provider can be called", remedy="Set a provider's API key.")

    def _split(self, name: str) -> tuple[Provider | None, str]:
        first, slash, model = name.partition("/")
        return (find(first, self._providers) if slash and model else None), model

    def _alias(self, name: str, trail: tuple[str, ...]) -> str | None:
        if name in self._aliases and "*" not in name:
            if name in trail:
                raise ConfigError(
                    f"models.{name}: aliases lead in a circle: {' → '.join((*trail, name))}",
                    remedy="Name a target as provider/model: such a target is final.",
                )
            return name
        # A pattern that led here is done: `*` may lead to a plain name, which it would fit again.
        return next((key for key in self._patterns if key not in trail and _star(key, name) is not None), None)

    def _through(self, alias: str, name: str, trail: tuple[str, ...]) -> list[Target]:
        said = self._aliases[alias]
        for code, names in said.fallbacks.items():
            self.fallbacks.setdefault(code, tuple(_passed_on(alias, name, target) for target in names))
        within = (*trail, alias)
        strategy = said.strategy if trail or self._strategy is None else self._strategy
        found = [self.named(_passed_on(alias, name, one), within) for one in said.names]
        if not found:
            raise ConfigError(f"models.{alias}: has no targets")
        if self._arrange is not None and strategy != "ordered" and len(found) > 1:
            weights = (1.0 if isinstance(one, str) else one.weight for one in said.targets)
            self.lasting = False
            entries = [Entry(tuple(each), weight) for each, weight in zip(found, weights, strict=True)]
            return [target for entry in self._arrange(strategy, entries) for target in entry.targets]
        return [target for each in found for target in each]

    def _known(self, name: str) -> Target | None:
        hosts = [
            (self._providers[row.provider], row) for row in self._catalog.known(name) if row.provider in self._providers
        ]
        order = {id: place for place, id in enumerate(self._providers)}
        hosts.sort(key=lambda host: (not self._usable(host[0]), order[host[0].id]))
        return self._target(hosts[0][0], name) if hosts else None

    def _family(self, name: str) -> Target | None:
        hosts = [row for row in self._providers.values() if name.startswith(row.families)]
        hosts.sort(key=lambda row: not self._usable(row))
        return self._target(hosts[0], name) if hosts else None

    def _usable(self, provider: Provider) -> bool:
        self.lasting = False
        return not provider.needs_credential or self._has_credential(provider)

    def _target(self, provider: Provider, model: str) -> Target:
        row = self._row(provider, model)
        traits = row.traits if row is not None else Traits()
        if provider.reasoning_portable:
            traits = replace(traits, reasoning_portable=provider.reasoning_portable)
        spoken = self._dialect if self._dialect in provider.endpoints else provider.dialects[0]
        return Target(provider=provider, model=model, dialect=spoken, traits=traits, row=row)

    def _row(self, provider: Provider, model: str) -> Model | None:
        """The catalog's row; a deployment's name is looked up by the model behind it, which may be another maker's."""
        behind = provider.deployments.get(model, model)
        row = self._catalog.find(provider.catalog or provider.id, behind)
        if row is None and model in provider.deployments:
            maker, slash, rest = behind.partition("/")
            row = self._catalog.find(maker, rest) if slash else None
        return row

    def _unknown(self, name: str, trail: tuple[str, ...]) -> ModelNotFound:
        suggestions = get_close_matches(name, [key for key in self._aliases if "*" not in key], n=1)
        suggestions += [near for near in self._catalog.suggest(name) if near.partition("/")[0] in self._providers]
        through = f" (through {' → '.join(trail)})" if trail else ""
        return ModelNotFound(f"there is no model called {name!r}{through}", suggestions=suggestions[:3])


def _star(pattern: str, name: str) -> str | None:
    """What the `*` of a pattern stands for in a name, or None where it does not fit."""
    before, _, after = pattern.partition("*")
    if len(name) < len(before) + len(after) or not (name.startswith(before) and name.endswith(after)):
        return None
    return name[len(before) : len(name) - len(after)]


def _passed_on(pattern: str, name: str, target: str) -> str:
    star = _star(pattern, name) if "*" in pattern else None
    if star is None or "*" not in target:
        return target
    whole = name.removeprefix(pattern.partition("*")[0].rpartition("/")[0] + "/") if "/" in pattern else name
    return "/".join(whole if part == "*" else part.replace("*", star) for part in target.split("/"))
