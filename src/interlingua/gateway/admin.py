"""What the administrator sees and changes: providers, the default, routes, virtual keys, settings, local models.

What is changed here lies in the store as an overlay under the configuration's file, and is in force when the answer
goes out; other workers take it over within seconds. What the file sets is read-only here (contracts §9).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Struct

from interlingua.config.overlay import CONTENT_KEYS, DEFAULT_MODEL, check, is_set
from interlingua.engine.engine import Engine
from interlingua.engine.operations import health
from interlingua.errors import BY_CODE, InterlinguaError, InvalidRequest, NotFound
from interlingua.gateway.asked import Asked, json_answer, nothing, tagged, time_of
from interlingua.gateway.credential_routes import checked
from interlingua.gateway.states import see, seen_of, state_of
from interlingua.ports.dialect import WireResponse
from interlingua.providers.provider import Provider, find
from interlingua.types.opaque import Json
from interlingua.types.secret import Credential

_OF_REQUESTS = frozenset(
    {"context_too_long", "content_filtered", "unsupported", "model_not_found", "credential_missing"}
    | {"authentication_failed", "permission_denied"}
)
"""Kinds of errors that are not the provider's fault, and that another model may yet do without."""


class Active(Struct, forbid_unknown_fields=True):
    """Who answers where nobody is named."""

    provider: str
    model: str = ""


class Trial(Struct, forbid_unknown_fields=True):
    """What a host is tried with: a key that is not kept, and a model that it must be possible to ask for."""

    secret: str = ""
    model: str = ""


class Setting(Struct, forbid_unknown_fields=True):
    """A value for a setting, and the version of the settings that it was chosen from."""

    value: Json
    version: int | None = None


async def providers(asked: Asked) -> WireResponse:
    """The hosts, and what is known of their state."""
    items = [_shown(asked, provider) for provider in asked.state.engine.providers.values()]
    return tagged(asked, {"items": items, "next": None})


def _shown(asked: Asked, provider: Provider) -> dict[str, Any]:
    state = asked.state
    credential = state.engine.credential(provider)
    seen = seen_of(state, provider)
    return {
        "id": provider.id,
        "name": provider.title or provider.id,
        "monogram": provider.id[:2],
        "dialects": provider.dialects,
        "base_url": "" if provider.in_process else provider.base_url,
        "default_model": provider.default_model,
        "needs_credential": provider.needs_credential,
        "state": state_of(state, provider),
        "source": credential.source if credential is not None else None,
        "tail": credential.secret.tail if credential is not None else None,
        "checked": time_of(int(seen.when * 1e6)) if seen is not None else None,
        "models": seen.health.models if seen is not None else None,
        "local": provider.in_process,
        "aliases": provider.aliases,
        "editable": not is_set(state.config_of_file, f"providers.{provider.id}.base_url"),
    }


async def tested(asked: Asked) -> WireResponse:
    """Whether a host can be called, tried now."""
    provider = find(asked.values[0], asked.state.engine.providers)
    if provider is None:
        raise NotFound(f"there is no provider {asked.values[0]!r}", what="provider")
    given = await asked.body(Trial)
    if given.model:
        asked.state.engine.route(f"{provider.id}/{given.model}")
    if given.secret:
        tried = Credential(checked(given.secret), source="the request", profile="tried")
        found = await health(asked.state.engine, provider, tried)
    else:
        found = await health(asked.state.engine, provider)
        see(asked.state, found)
    return json_answer(
        {
            "provider": found.provider,
            "state": found.state.replace("-", "_"),
            "seconds": found.seconds,
            "models": found.models,
            "error": {"message": found.error, "remedy": None} if found.error else None,
        }
    )


async def active(asked: Asked) -> WireResponse:
    """Who answers where nobody is named."""
    target = asked.state.engine.route("")[0]
    return json_answer(
        {
            "provider": target.provider.id,
            "model": target.model,
            "source": "file" if is_set(asked.state.config_of_file, DEFAULT_MODEL) else "overlay",
        }
    )


async def activated(asked: Asked) -> WireResponse:
    """Chooses who answers where nobody is named; an alias has no provider."""
    given = await asked.body(Active)
    provider = find(given.provider, asked.state.engine.providers)
    if provider is None and given.provider:
        raise NotFound(f"there is no provider {given.provider!r}", what="provider")
    model = given.model or (provider.default_model if provider is not None else "")
    if not model:
        raise InvalidRequest("model: which one?", path="model")
    name = f"{provider.id}/{model}" if provider is not None else model
    asked.state.engine.route(name)
    await _change(asked, {DEFAULT_MODEL: name})
    return await active(asked)


async def routes(asked: Asked) -> WireResponse:
    """The aliases, and how their targets fare; with the errors that fallbacks can be named for."""
    items = [_route(asked, name) for name in asked.state.config.models]
    return json_answer({"items": items, "next": None, "errors": _fallback_errors()})


def _fallback_errors() -> list[str]:
    """The codes of errors that a model may end a call with."""
    return sorted(code for code, kind in BY_CODE.items() if kind.fault == "provider" or code in _OF_REQUESTS)


def _route(asked: Asked, name: str) -> dict[str, Any]:
    state = asked.state
    alias = msgspec.to_builtins(state.config.models[name])
    from_file = is_set(state.config_of_file, f"models.{name}")
    targets = [one if isinstance(one, dict) else {"target": one} for one in alias["targets"]]
    return {
        "name": name,
        "targets": [{"target": one["target"], "weight": one.get("weight")} for one in targets],
        "strategy": alias["strategy"],
        "fallbacks": alias.get("fallbacks", {}),
        "source": "file" if from_file else "overlay",
        "editable": not from_file,
        "state": [{"target": target, "breaker": _breaker(state.engine, target)} for target in _all_targets(alias)],
    }


def _all_targets(alias: dict[str, Any]) -> list[str]:
    """The names that an alias leads to, those of fallbacks too, each once."""
    named = [one if isinstance(one, str) else one["target"] for one in alias["targets"]]
    return list(dict.fromkeys([*named, *(name for names in alias.get("fallbacks", {}).values() for name in names)]))


def _breaker(engine: Engine, name: str) -> str:
    """How a target fares: `closed`, `open` (it rests), `half_open` (one call may try it), or `unknown` where it leads
    nowhere."""
    try:
        targets = [target.name for target in engine.route(name)]
    except InterlinguaError:
        return "unknown"
    resting = [one for one in targets if engine.breaker.open(one) is not None]
    if len(resting) == len(targets):
        return "open"
    return "half_open" if any(engine.breaker.half_open(one) is not None for one in targets) else "closed"


async def routed(asked: Asked) -> WireResponse:
    """Makes or changes an alias."""
    name = asked.values[0]
    value = await asked.body(dict[str, Json])
    await _change(asked, {f"models.{name}": _without_nothing(value)})
    return json_answer(_route(asked, name))


def _without_nothing(alias: dict[str, Json]) -> dict[str, Json]:
    """An alias with its targets as short as they can be said."""
    targets = alias.get("targets")
    short: list[Json] = []
    for one in targets if isinstance(targets, list) else []:
        plain = isinstance(one, dict) and set(one) == {"target"}
        short.append(one["target"] if plain and isinstance(one, dict) else one)
    found: dict[str, Json] = {**alias, "targets": short}
    return {name: value for name, value in found.items() if value not in ({}, None)}


async def unrouted(asked: Asked) -> WireResponse:
    """Takes an alias away."""
    await _take_out(asked, f"models.{asked.values[0]}")
    return nothing()


async def settings(asked: Asked) -> WireResponse:
    """What can be set here, and what it is."""
    overlay = await asked.state.overlay.read()
    config, base = asked.state.config, asked.state.config_of_file
    values: dict[str, Json] = {DEFAULT_MODEL: config.default_model}
    values[CONTENT_KEYS] = list(config.ledger.content.keys)
    values |= {f"models.{name}": msgspec.to_builtins(alias) for name, alias in config.models.items()}
    values |= {name: value for name, value in overlay.values.items() if name not in values}
    items = []
    for name, value in values.items():
        fixed = is_set(base, name)
        source = "file" if fixed else "overlay" if name in overlay.values else "default"
        items.append({"path": name, "value": value, "source": source, "editable": not fixed})
    return json_answer({"version": overlay.version, "items": items})


async def changed(asked: Asked) -> WireResponse:
    """Sets one."""
    given = await asked.body(Setting)
    await _change(asked, {asked.values[0]: given.value}, version=given.version)
    return await settings(asked)


async def unset(asked: Asked) -> WireResponse:
    """Takes one back."""
    await _take_out(asked, asked.values[0])
    return await settings(asked)


async def exported(asked: Asked) -> WireResponse:
    """The overlay as TOML, to be put into the configuration's file."""
    overlay = await asked.state.overlay.read()
    text = "\n".join(_toml(overlay.values)) + "\n"
    headers = (
        ("content-type", "application/toml"),
        ("content-disposition", 'attachment; filename="interlingua.toml"'),
        ("cache-control", "no-store"),
    )
    return WireResponse(headers=headers, body=text.encode())


def _toml(values: dict[str, Json]) -> list[str]:
    top, tables = [], []
    for name, value in sorted(values.items()):
        if name == DEFAULT_MODEL:
            top.append(f"{name} = {_toml_value(value)}")
        elif name.startswith("models.") and isinstance(value, dict):
            tables.append(f"\n[models.{_toml_value(name.removeprefix('models.'))}]")
            tables += [f"{key} = {_toml_value(inner)}" for key, inner in value.items()]
        elif name == CONTENT_KEYS:
            tables.append(f"\n[ledger.content]\nkeys = {_toml_value(value)}")
        elif name.startswith("providers."):
            tables.append(f"\n[providers.{_toml_value(name.removeprefix('providers.').removesuffix('.base_url'))}]")
            tables.append(f"base_url = {_toml_value(value)}")
    return [*top, *tables]


def _toml_value(value: Json) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml_value(key)} = {_toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    return msgspec.json.encode(value).decode()


async def _change(asked: Asked, changes: dict[str, Json], *, version: int | None = None) -> None:
    """Sets settings; they are tried before they are kept, and in force before the answer goes out."""
    for name, value in changes.items():
        check(asked.state.config_of_file, name, value)
    await asked.state.reconfigure({**(await asked.state.overlay.read()).values, **changes}, keep=False)
    await asked.state.overlay.change(changes, asked.principal.key or "administrator", version=version)
    await asked.state.reconfigure()


async def _take_out(asked: Asked, name: str) -> None:
    overlay = await asked.state.overlay.read()
    if name not in overlay.values:
        check(asked.state.config_of_file, name, overlay.values.get(name))
        raise NotFound(f"{name} is not set here", what="setting")
    await asked.state.overlay.change({name: UNSET}, asked.principal.key or "administrator")
    await asked.state.reconfigure()
