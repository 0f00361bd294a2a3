"""From a model's name to targets (contracts §9). In order: an alias of that name; a pattern that fits; `provider/…`;
a known model; a family of names; else an error with what may have been meant.

Inside an alias, a target that begins with a provider is final, so an alias may bear the name of the model it leads
to. What `*` passes on: where it is a whole segment of the target (`anthropic/*`), the name as it was asked, without
a path that the pattern itself begins with; within a segment (`anthropic/claude-*`), what the pattern's `*` stood for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from interlingua.catalog.catalog import Catalog, Model
from interlingua.engine.target import Target
from interlingua.errors import ConfigError, ModelNotFound
from interlingua.providers.provider import Provider, find
from interlingua.types.traits import Traits


class ModelAlias(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name of the user's for one or more models.

    Args:
        targets: model names, best first.
        strategy: how one is picked; `ordered` tries them in turn.
    """

    targets: tuple[str, ...]
    strategy: Literal["ordered"] = "ordered"


class HasTargets(Protocol):
    """Anything that leads to model names."""

    @property
    def targets(self) -> Iterable[str]:
        """Model names, best first."""
        ...


def resolve(
    name: str,
    *,
    catalog: Catalog,
    providers: Mapping[str, Provider],
    aliases: Mapping[str, HasTargets],
    has_credential: Callable[[Provider], bool],
    default: str | None,
    dialect: str = "",
) -> list[Target]:
    """The targets that a name stands for, best first.

    Args:
        name: what the caller wrote; empty asks for the default.
        catalog: facts about models.
        providers: hosts by id, in order of preference.
        aliases: configured names, some with a `*`.
        has_credential: whether a provider can be called.
        default: the configured default, a model name or alias.
        dialect: the client's; spoken upstream too where the host speaks it.

    Raises:
        ModelNotFound: the name stands for nothing; suggestions are in the error.
        ConfigError: aliases lead in a circle, or the default stands for nothing.
    """
    route = _Route(catalog, providers, aliases, has_credential, dialect)
    if name:
        found = route.named(name)
    else:
        found = route.default(default) if default else [route.first_usable()]
    return list({target.name: target for target in found}.values())


class _Route:
    def __init__(
        self,
        catalog: Catalog,
        providers: Mapping[str, Provider],
        aliases: Mapping[str, HasTargets],
        has_credential: Callable[[Provider], bool],
        dialect: str,
    ) -> None:
        self._catalog = catalog
        self._providers = providers
        self._aliases = aliases
        self._patterns = sorted((key for key in aliases if "*" in key), key=len, reverse=True)
        self._has_credential = has_credential
        self._dialect = dialect

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
        found = []
        for target in self._aliases[alias].targets:
            found += self.named(_passed_on(alias, name, target), (*trail, alias))
        if not found:
            raise ConfigError(f"models.{alias}: has no targets")
        return found

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
