"""A host that serves models: where it is, how it is spoken to, what it is called. Rows of `registry.toml`, or of the
user's configuration, which are read by the same code.

A row may hold `{name}` placeholders in its base address and headers; their values are settings, which come from the
row, the environment or the configuration. Names that end up in an address are checked, so that no value can lead a
request, and the key with it, to another host (contracts §6.4).
"""

from __future__ import annotations

import difflib
import importlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from interlingua.errors import ConfigError
from interlingua.ports.context import PLAIN, Quirk
from interlingua.types.traits import HostTraits

LIKE: dict[str, HostTraits] = {
    "compatible": HostTraits(max_tokens_field="max_tokens", developer_role=False, file_parts=False, custom_tools=False),
    "vllm": HostTraits(
        developer_role=False,
        file_parts=False,
        video_parts=True,
        system_anywhere=False,
        thinking_switch="chat_template_kwargs",
        custom_tools=False,
    ),
}
"""What `traits.like` starts from: how most hosts differ from the maker of openai_chat, so that rows stay short."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACE = re.compile(r"\{(\w+)\}")
_ADDRESS = re.compile(r"(?:https?://[^\s@#?\\]+|local://)", re.IGNORECASE)
_MERGED = ("headers", "query", "settings", "deployments", "traits")


class Endpoint(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One dialect that a host speaks.

    Args:
        path: below the base address; or a whole address.
        native: whether a request of this dialect may be passed on as it stands; None: if nothing differs from the
            plain dialect.
        traits: how it differs from the plain dialect; None takes the provider's.
        quirk: module in `providers/quirks` for what traits cannot say; None takes the provider's, empty is none.
        forward: request headers of the client that are passed on, in lower case (contracts §6.5).
        betas: values of the client's `anthropic-beta` header that are passed on; `*` is all.
    """

    path: str = ""
    native: bool | None = None
    traits: HostTraits | None = None
    quirk: str | None = None
    forward: tuple[str, ...] = ()
    betas: str | tuple[str, ...] = ()


class Auth(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a host wants its credential.

    Args:
        how: `bearer` is `Authorization: Bearer …`; others are the name of the header; `none` needs no credential.
        optional: whether it also answers without one.
        bearer_env: environment names whose value goes as a bearer token whatever `how` says.
    """

    how: Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "none"] = "bearer"
    optional: bool = False
    bearer_env: tuple[str, ...] = ()


class Provider(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A host.

    Args:
        id: its name in `provider/model`.
        title: for people.
        base_url: address without a slash at the end; may hold placeholders.
        endpoints: what it speaks, by dialect id, preferred first. In a row, a text stands for an endpoint with that
            path, and `dialect = "…"` for a single endpoint at the base address.
        aliases: short forms of the id.
        families: beginnings of model names that are taken to be this host's.
        default_model: what to use where no model is named.
        task_agent: whether task agents use it where no provider is named.
        env: environment names of the credential, best first, as the provider's own SDK reads them.
        base_url_env: environment name of the base address.
        auth: how it wants the credential; a text in a row stands for `how`.
        headers: sent with every request; left out where a placeholder has no value. Names in lower case.
        query: parameters of every request.
        settings: values of placeholders.
        settings_env: their environment names.
        address: module of this package whose `address` reads the host's own forms of address.
        catalog: provider id under which the catalog knows this host's models; empty is its own.
        deployments: this host's names of models, to the catalog's.
        traits: how it differs from the plain dialect; in a row, `like` names what to start from (`LIKE`).
        quirk: as for an endpoint.
        reasoning_portable: group of models that accept each other's reasoning state; empty is none.
    """

    id: str
    title: str = ""
    base_url: str = ""
    endpoints: dict[str, Endpoint] = {}
    aliases: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    default_model: str = ""
    task_agent: bool = False
    env: tuple[str, ...] = ()
    base_url_env: str = ""
    auth: Auth = Auth()
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    settings: dict[str, str] = {}
    settings_env: dict[str, str] = {}
    address: str = ""
    catalog: str = ""
    deployments: dict[str, str] = {}
    traits: HostTraits = HostTraits()
    quirk: str = ""
    reasoning_portable: str = ""

    @property
    def needs_credential(self) -> bool:
        """Whether it refuses calls without a credential."""
        return self.auth.how != "none" and not self.auth.optional

    @property
    def in_process(self) -> bool:
        """Whether it is no host at all, but a model in this process."""
        return self.base_url.startswith("local:")

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects that it speaks, preferred first."""
        return tuple(self.endpoints)

    def host(self, dialect: str) -> HostTraits:
        """How its flavour of a dialect differs from the plain one."""
        traits = self._endpoint(dialect).traits
        return self.traits if traits is None else traits

    def quirk_value(self, dialect: str = "") -> Quirk:
        """What it does differently beyond traits.

        Args:
            dialect: which of its dialects; empty is the preferred one.

        Raises:
            ConfigError: the row names a quirk that does not exist.
        """
        endpoint = self._endpoint(dialect or next(iter(self.endpoints)))
        name = self.quirk if endpoint.quirk is None else endpoint.quirk
        return _quirk(name) if name else PLAIN

    def native(self, dialect: str) -> bool:
        """Whether a request of this dialect may be passed on as it stands."""
        endpoint = self._endpoint(dialect)
        if endpoint.native is not None:
            return endpoint.native
        return self.host(dialect) == HostTraits() and self.quirk_value(dialect) is PLAIN

    def url(self, dialect: str, path: str, model: str = "") -> str:
        """The address of a request.

        Args:
            dialect: what is spoken.
            path: as the dialect renders it: begins with `/`, may hold a query.
            model: the model's name at this host, for hosts that have it in the address.

        Raises:
            ConfigError: it does not speak the dialect, or a placeholder has no value or one that is not allowed.
        """
        endpoint = self._endpoint(dialect)
        base, query = self.base_url, self.query
        if self.address:
            base, added = _address_reader(self.address)(base, self.settings)
            query = {**query, **added}
        if _ADDRESS.match(endpoint.path):
            base = endpoint.path
        base = base if base.endswith("://") else base.rstrip("/")
        if endpoint.path and not base.endswith(endpoint.path):
            base += endpoint.path
        url = self._filled(base, model) + path
        parameters = "&".join(f"{name}={value}" for name, value in query.items())
        return f"{url}{'&' if '?' in path else '?'}{parameters}" if parameters else url

    def own_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of every request, without authentication.

        Raises:
            ConfigError: a value cannot stand in a header.
        """
        found = []
        for name, template in self.headers.items():
            places = {place: self.settings.get(place, "") for place in _PLACE.findall(template)}
            if all(places.values()):
                value = _PLACE.sub(lambda match, places=places: places[match[1]], template)  # type: ignore[misc]  # bound early on purpose
                if not (value.isascii() and value.isprintable()):
                    raise ConfigError(f"providers.{self.id}.headers.{name}: a header cannot hold this value")
                found.append((name.lower(), value))
        return tuple(found)

    def with_settings(self, table: Mapping[str, Any]) -> Provider:
        """The provider as a table of the configuration changes it.

        Args:
            table: fields of `Provider` by name, which replace what the row says (headers, query, traits and the like
                are laid over it); also values of placeholders, such as `organization`, `resource` or `api_version`.

        Raises:
            ConfigError: a key is unknown or a value is not allowed; the message holds the path.
        """
        row: dict[str, Any] = {key: value for key, value in _builtins(self).items() if key != "id"}
        changes = dict(table)
        original = load_registry().get(self.id, self)
        known = self._placeholders() | original._placeholders()
        settings = {key: changes.pop(key) for key in tuple(changes) if key in known}
        if settings:
            changes["settings"] = {**changes.get("settings", {}), **settings}
        if any(f"{{{key}}}" in original.base_url for key in settings):
            # A part of the address was named: it wins over a whole one from the environment.
            changes.setdefault("base_url", original.base_url)
        if "dialect" in changes:
            row.pop("endpoints")
        for key, value in changes.items():
            merged = key in _MERGED and isinstance(value, Mapping)
            row[key] = {**row.get(key, {}), **value} if merged else value
        return define(self.id, row, more=known)

    def with_environment(self, environment: Mapping[str, str]) -> Provider:
        """The provider as environment variables change it; one that is set but empty counts as unset.

        Raises:
            ConfigError: a value is not allowed.
        """
        found: dict[str, Any] = {
            name: environment[variable].strip()
            for name, variable in {**self.settings_env, "base_url": self.base_url_env}.items()
            if environment.get(variable, "").strip()
        }
        if "base_url" in found and self.address:
            found["base_url"] = _address_reader(self.address)(found["base_url"], {})[0]
        if "base_url" in found and not _ADDRESS.fullmatch(found["base_url"]):
            from interlingua.wire.redact import redact_url  # its patterns take their time, and only errors need them

            raise ConfigError(
                f"{self.base_url_env}: {redact_url(environment[self.base_url_env])!r} is not an address",
                remedy="Write http:// or https://, host and path; or unset the variable.",
            )
        return self.with_settings(found) if found else self

    def _endpoint(self, dialect: str) -> Endpoint:
        try:
            return self.endpoints[dialect]
        except KeyError:
            raise ConfigError(
                f"{self.id} does not speak {dialect}", remedy=f"It speaks {', '.join(self.endpoints) or 'nothing'}."
            ) from None

    def _placeholders(self) -> frozenset[str]:
        texts = (self.base_url, *self.headers.values())
        places = {place for text in texts for place in _PLACE.findall(text)}
        return frozenset({*places, *self.settings, *self.settings_env}) - {"model"}

    def _filled(self, base: str, model: str) -> str:
        def value(match: re.Match[str]) -> str:
            place = match[1]
            text = model if place == "model" else self.settings.get(place, "")
            if not text:
                sources = [f"providers.{self.id}.{place}", self.settings_env.get(place, ""), self.base_url_env]
                raise ConfigError(
                    f"{self.id} needs {place!r} for its address",
                    remedy="Set " + " or ".join(filter(None, sources)) + ".",
                )
            if not (_MODEL if place == "model" else _LABEL).fullmatch(text):
                raise ConfigError(
                    f"providers.{self.id}: {text!r} cannot be used as {place} in an address",
                    remedy="Letters, digits, - and _ only.",
                )
            return text

        return _PLACE.sub(value, base)


def define(id: str, row: Mapping[str, Any], *, more: frozenset[str] = frozenset()) -> Provider:
    """The provider that a table describes.

    Args:
        id: its name: lower-case letters, digits, `-`, `_` and `.`.
        row: fields of `Provider`, with the short forms told there.
        more: keys to suggest beyond the fields, for misspelt ones.

    Raises:
        ConfigError: a key is unknown, missing or of the wrong type; the message holds the path.
    """
    where = f"providers.{id}"
    if not _ID.fullmatch(id):
        raise ConfigError(f"{where}: a provider's name is made of lower-case letters, digits, -, _ and .")
    fields = dict(row)
    names = [*Provider.__struct_fields__[1:], "dialect", *sorted(more)]
    for key in fields:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            raise ConfigError(f"{where}.{key}: unknown key" + (f"; did you mean {near[0]}?" if near else ""))
    fields["endpoints"] = _endpoints(where, fields.pop("dialect", None), fields.get("endpoints", {}))
    if isinstance(fields.get("auth"), str):
        fields["auth"] = {"how": fields["auth"]}
    if "traits" in fields:
        fields["traits"] = _traits(f"{where}.traits", fields["traits"])
    try:
        provider = msgspec.convert({**fields, "id": id}, Provider)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise ConfigError(f"{where}{path.rstrip('`')}: {message}") from error
    addresses = {"base_url": provider.base_url} | {
        f"endpoints.{dialect}.path": endpoint.path
        for dialect, endpoint in provider.endpoints.items()
        if endpoint.path and not endpoint.path.startswith("/")
    }
    for key, address in addresses.items():
        if not _ADDRESS.fullmatch(address):
            from interlingua.wire.redact import redact_url

            raise ConfigError(
                f"{where}.{key}: {redact_url(address)!r} is not an address",
                remedy="Write http:// or https://, host and path; no user, query or fragment.",
            )
    return provider


@cache
def load_registry() -> dict[str, Provider]:
    """The hosts that come with the package, by id, in order of preference; read once. Copy before changing."""
    text = Path(__file__).with_name("registry.toml").read_text("utf-8")
    return {id: define(id, row) for id, row in tomllib.loads(text).items()}


def find(name: str, providers: Mapping[str, Provider]) -> Provider | None:
    """The provider of that id or alias, or None; ids win over aliases."""
    return providers.get(name) or next((found for found in providers.values() if name in found.aliases), None)


def _endpoints(where: str, dialect: Any, endpoints: Any) -> Any:
    if not isinstance(endpoints, Mapping) or not isinstance(dialect, str | None):
        return endpoints
    if dialect is not None:
        endpoints = {dialect: endpoints.get(dialect, {}), **endpoints}
    if not endpoints:
        raise ConfigError(
            f"{where}: says neither `dialect` nor `endpoints`",
            remedy='For a host that speaks like OpenAI: dialect = "openai_chat"',
        )
    found: dict[str, Any] = {}
    for name, value in endpoints.items():
        found[name] = {"path": value} if isinstance(value, str) else value
        if isinstance(value, Mapping) and "traits" in value:
            found[name] = {**value, "traits": _traits(f"{where}.endpoints.{name}.traits", value["traits"])}
    return found


def _traits(where: str, traits: Any) -> Any:
    if not isinstance(traits, Mapping) or "like" not in traits:
        return traits
    like = traits["like"]
    if like not in LIKE:
        raise ConfigError(f"{where}.like: unknown: {like!r}", remedy=f"Known: {', '.join(LIKE)}")
    return {**_builtins(LIKE[like]), **{key: value for key, value in traits.items() if key != "like"}}


def _builtins(value: Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def _address_reader(name: str) -> Any:
    return importlib.import_module(f"interlingua.providers.{name}").address


_ADDED: dict[str, Quirk] = {}
"""Quirks that came with plugins; a row of the configuration cannot bring one, because that would be code."""


def add_quirk(name: str, quirk: Quirk) -> str:
    """Makes a quirk known that comes with a plugin; its name, for a row."""
    _ADDED[name] = quirk
    return name


def _quirk(name: str) -> Quirk:
    return _ADDED[name] if name in _ADDED else _own_quirk(name)


@cache
def _own_quirk(name: str) -> Quirk:
    try:
        found = importlib.import_module(f"interlingua.providers.quirks.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"there is no quirk called {name!r}") from error
    quirk: Quirk = found.QUIRK
    return quirk
