"""Who talks and who works: what callers wish, and what they get.

Two choices are kept apart: the voice model talks, the task agent works. Wishes come from the job's metadata and then
from the participant; they are names and nothing else, and hold where the configuration's lists allow them. What is
absent or refused is the configuration's default. No wish ever carries a key or an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from interlingua.config.schema import VoiceSettings
from interlingua.engine.engine import Engine
from interlingua.engine.target import Target
from interlingua.errors import ConfigError, InterlinguaError, InvalidRequest, NotFound, PermissionDenied
from interlingua.providers.provider import Provider, find

NAMES = ("llm_model", "task_agent_provider", "task_agent_model")
"""The keys of metadata and attributes that are read; all others are somebody else's."""
_WILD = frozenset("*?[")
LONGEST = 200
"""Letters of a name; a longer text is none."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is in force.

    Args:
        llm_model: the voice model, as it was asked for.
        task_agent_provider, task_agent_model: the task agent.
        refused: why a wish was not followed, one sentence each, fit to be spoken.
    """

    llm_model: str
    task_agent_provider: str
    task_agent_model: str
    refused: tuple[str, ...] = ()

    @property
    def task_agent(self) -> str:
        """The task agent as `provider/model`."""
        return f"{self.task_agent_provider}/{self.task_agent_model}"


def read_wishes(metadata: str, attributes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The wishes in a text of metadata and in attributes, which win.

    Args:
        metadata: JSON, or whatever else an application keeps there.
        attributes: LiveKit's; an empty one is none.
    """
    try:
        told = msgspec.json.decode(metadata or "{}")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        told = {}  # an application may keep there what it likes; then it wishes nothing of us
    found = {**(told if isinstance(told, dict) else {}), **(attributes or {})}
    return {name: found[name] for name in NAMES if isinstance(found.get(name), str) and found[name]}


class Chooser:
    """Decides on wishes.

    Args:
        settings: the defaults, and what is allowed.
        engine: knows models, providers and whether there is a key.

    Raises:
        ConfigError: the defaults cannot be used.
        ModelNotFound: the default voice model does not exist.
    """

    def __init__(self, settings: VoiceSettings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        name = settings.llm_model or ""
        self._default_model = name or engine.route(name)[0].name
        engine.route(self._default_model)
        self._default_provider, self._default_task_model = self._default_task_agent()

    def choose(self, *wishes: Mapping[str, str]) -> Chosen:
        """What is in force for wishes, of which later ones win."""
        wished: dict[str, str] = {}
        for one in wishes:
            if "task_agent_provider" in one:
                wished.pop("task_agent_model", None)  # it was a model of another provider
            wished.update(one)
        refused: list[str] = []
        model = self._default_model
        try:
            model = self._voice_model(wished.get("llm_model", ""))
        except InterlinguaError as error:
            refused.append(f"{error.message}, so {aloud(self._default_model)} talks.")
        provider, task_model = self._default_provider, self._default_task_model
        try:
            provider, task_model = self._task_agent(
                wished.get("task_agent_provider", ""), wished.get("task_agent_model", "")
            )
        except InterlinguaError as error:
            refused.append(f"{error.message}, so {aloud(task_model)} works.")
        return Chosen(model, provider, task_model, tuple(refused))

    def voice_models(self) -> tuple[str, ...]:
        """Those that callers may choose: of the aliases, the catalog, the providers' defaults, and what lists name."""
        named = (self._default_model, *self._engine.aliases, *self._settings.llm_models, *self._known())
        return tuple(
            name
            for name in dict.fromkeys(named)
            if not _WILD & set(name) and self.choose({"llm_model": name}).llm_model == name
        )

    def task_agents(self) -> tuple[tuple[str, str], ...]:
        """The same of those that work, as provider and model."""
        default = (self._default_provider, self._default_task_model)
        names = dict.fromkeys((*self._settings.task_agents, *self._known()))
        listed = (name for name in names if not _WILD & set(name) and _matches(self._settings.task_agents, name))
        pairs = (name.partition("/")[::2] for name in listed)
        found = (
            (chosen.task_agent_provider, chosen.task_agent_model)
            for provider, model in pairs
            if not (chosen := self.choose({"task_agent_provider": provider, "task_agent_model": model})).refused
        )
        return tuple(dict.fromkeys((default, *found)))

    def _known(self) -> Iterable[str]:
        for provider in self._engine.providers.values():
            if provider.default_model:
                yield f"{provider.id}/{provider.default_model}"
        for row in self._engine.catalog.models:
            yield row.name

    def _voice_model(self, wish: str) -> str:
        """Raises InterlinguaError, whose message can be spoken."""
        if not wish or wish == self._default_model:
            return self._default_model
        targets = self._targets(wish)
        patterns = self._settings.llm_models
        if not _matches(patterns, wish) and not all(_matches(patterns, target.name) for target in targets):
            raise PermissionDenied(f"{aloud(wish)} may not be chosen here")
        self._has_key(targets[0].provider)
        return wish

    def _task_agent(self, provider_wish: str, model_wish: str) -> tuple[str, str]:
        """Raises InterlinguaError, whose message can be spoken."""
        default = (self._default_provider, self._default_task_model)
        if not provider_wish and not model_wish:
            return default
        found = find(provider_wish or default[0], self._engine.providers)
        if found is None:
            raise NotFound(f"there is no provider called {aloud(provider_wish)}", what="provider")
        model = model_wish or (default[1] if found.id == default[0] else found.default_model)
        if (found.id, model) == default:
            return default
        if not model:
            raise InvalidRequest(f"{aloud(found.id)} has no default model")
        name = f"{found.id}/{model}"
        self._targets(name)
        if not _matches(self._settings.task_agents, name):
            raise PermissionDenied(f"{aloud(name)} may not be chosen for tasks here")
        self._has_key(found)
        return found.id, model

    def _targets(self, name: str) -> list[Target]:
        try:
            if len(name) > LONGEST:
                raise NotFound("too long", what="model")
            return self._engine.route(name)
        except InterlinguaError as error:
            raise NotFound(f"there is no model called {aloud(name)}", what="model") from error

    def _has_key(self, provider: Provider) -> None:
        if not self._engine.has_credential(provider):
            raise PermissionDenied(f"there is no key for {aloud(provider.id)} here")

    def _default_task_agent(self) -> tuple[str, str]:
        settings, providers = self._settings, self._engine.providers
        if settings.task_agent_provider:
            found = find(settings.task_agent_provider, providers)
        else:
            found = next((provider for provider in providers.values() if provider.task_agent), None)
        if found is None:
            raise ConfigError(
                f"voice.task_agent_provider: there is no provider called {settings.task_agent_provider!r}",
                remedy="Known are " + ", ".join(providers) + ".",
            )
        model = settings.task_agent_model or found.default_model
        if not model:
            raise ConfigError(
                f"voice.task_agent_model: {found.id} has no default model", remedy="Name one of its models."
            )
        return found.id, model


def offered(settings: VoiceSettings, engine: Engine) -> bytes:
    """What callers may choose, as pages list it: JSON.

    Args:
        settings: the defaults, and what is allowed.
        engine: knows models, providers and whether there is a key.

    Raises:
        ConfigError, ModelNotFound: as `Chooser`.
    """
    chooser = Chooser(settings, engine)
    chosen = chooser.choose()
    agents = [{"provider": provider, "model": model} for provider, model in chooser.task_agents()]
    return msgspec.json.encode(
        {
            **{name: getattr(chosen, name) for name in NAMES},
            "llm_models": chooser.voice_models(),
            "task_agents": agents,
            "agent_name": settings.agent_name,
        }
    )


def aloud(name: str) -> str:
    """A model's or provider's name as it can be said: its last part, in words, shortened."""
    last = "".join(letter for letter in name if letter.isprintable()).rstrip("/").rpartition("/")[2]
    return last[:60].replace("-", " ").replace("_", " ").strip() or "that"


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
