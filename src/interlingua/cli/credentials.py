"""`il credentials`: keys of providers, kept in the system's keychain, or in a file of mode 0600 where there is none."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Sequence

import click
from msgspec import Struct

from interlingua.cli.names import complete_providers
from interlingua.cli.session import Session, session
from interlingua.cli.table import Column, table
from interlingua.client.client import AsyncClient
from interlingua.config.load import default_user_folder
from interlingua.credentials.vault import DEFAULT, Vault, full_name, open_vault
from interlingua.engine.operations import Health, State
from interlingua.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    CredentialMissing,
    InterlinguaError,
    InvalidRequest,
    NotFound,
    RateLimited,
)
from interlingua.providers.provider import Provider, find
from interlingua.types.secret import Secret

_COLUMNS = (
    Column("credential"),
    Column("key", keep=4),
    Column("from", keep=3),
    Column("used", keep=2),
    Column("state", keep=5),
    Column("models", right=True, keep=1),
)
_ERRORS: dict[State, type[InterlinguaError]] = {
    "missing": CredentialMissing,
    "invalid": AuthenticationFailed,
    "rate-limited": RateLimited,
    "unreachable": ConnectionFailed,
}


class Row(Struct, frozen=True, kw_only=True):
    """One credential as it is listed.

    Args:
        name: `provider/profile`.
        tail: its masked end.
        source: where it lies.
        used: whether calls use it as things are.
        state: what is known of it.
        models: how many models the provider serves, where it was asked.
        error: why it cannot be used.
    """

    name: str
    tail: str
    source: str
    used: bool
    state: State = "present"
    models: int | None = None
    error: str | None = None


@click.group("credentials", short_help="Keep keys of providers.")
def command() -> None:
    """Keep keys of providers: in the system's keychain, or in a file of mode 0600 where there is none.

    A credential is called PROVIDER/PROFILE; openai is short for openai/default. Keys are never options of a command:
    they are typed hidden, or piped in.

    \b
    il credentials set openai
    il credentials set openai/team < key.txt
    il credentials list
    """


@command.command("set", short_help="Keep a key.")
@click.argument("name", metavar="PROVIDER[/PROFILE]", shell_complete=complete_providers)
@click.option("--test", "test_it", is_flag=True, help="Try it first, and keep it only if the provider takes it.")
@click.pass_context
def set_(context: click.Context, name: str, test_it: bool) -> None:
    """Keep a key. It is typed hidden, or read from standard input."""
    current = session(context)
    provider, whole = _named(current, name)
    secret = _typed(current, f"Key for {whole}")
    if test_it:
        _tried(current, provider, secret)
    _keep(current, whole, secret)


@command.command("rotate", short_help="Put a new key in the place of one.")
@click.argument("name", metavar="PROVIDER[/PROFILE]", shell_complete=complete_providers)
@click.pass_context
def rotate(context: click.Context, name: str) -> None:
    """Put a new key in the place of an old one, once the provider takes it. Until then the old one stays."""
    current = session(context)
    provider, whole = _named(current, name)
    if whole not in _vault().names():
        raise NotFound(f"no credential {whole} is kept", what="credential", remedy=f"il credentials set {whole}")
    secret = _typed(current, f"New key for {whole}")
    _tried(current, provider, secret)
    _keep(current, whole, secret)
    current.err.line("the old key is gone from here; end it in the provider's console too")


@command.command("delete", short_help="Take a key away.")
@click.argument("name", metavar="PROVIDER[/PROFILE]", shell_complete=complete_providers)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def delete(context: click.Context, name: str, yes: bool) -> None:
    """Take a key away from here. At the provider it stays good."""
    current = session(context)
    _, whole = _named(current, name)
    vault = _vault()
    if whole not in vault.names():
        raise NotFound(f"no credential {whole} is kept", what="credential", remedy="il credentials list")
    if not yes and not click.confirm(f"Take {whole} away?", err=True):
        raise click.Abort
    place = vault.delete(whole)
    current.err.line(f"{whole} is gone from the {_place(place)}")


@command.command("list", short_help="List keys, and where they come from.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List keys, masked, with where they come from and whether calls use them. None is tried; see `test`."""
    current = session(context)
    _show(current, list(_rows(current)), as_json=as_json)


@command.command("test", short_help="Try keys.")
@click.argument("names", metavar="[PROVIDER[/PROFILE]]...", nargs=-1, shell_complete=complete_providers)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def test(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Try keys with the providers' lists of models, which cost nothing; all that there are, if none is named."""
    current = session(context)
    rows = list(_rows(current))
    if names:
        wanted = [_named(current, name) for name in names]
        rows = [one for provider, whole in wanted for one in _of(rows, provider, whole, names)]
    elif not rows:
        raise CredentialMissing("there are no keys to try", remedy="il credentials set PROVIDER")
    tried = asyncio.run(_try_all(current, rows))
    _show(current, tried, as_json=as_json)
    worst = next((one for one in tried if one.state in _ERRORS), None)
    if worst is not None:
        context.exit(_ERRORS[worst.state].exit_code)


@command.command("import-env", short_help="Keep keys that are in the environment.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def import_env(context: click.Context, yes: bool) -> None:
    """Keep the keys that the environment holds, so that it need not hold them any more."""
    current = session(context)
    vault = _vault()
    kept = vault.names()
    found: dict[str, tuple[str, Secret]] = {}
    for provider in current.engine.providers.values():
        for name in provider.env:
            value = os.environ.get(name, "").strip()
            # A token that goes in another header than the provider's keys do only works under its own name.
            if value and name not in provider.auth.bearer_env and provider.id not in found:
                found[provider.id] = (name, Secret(value))
    fresh = {id: one for id, one in found.items() if f"{id}/{DEFAULT}" not in kept}
    for id, (name, secret) in found.items():
        state = "" if id in fresh else "  (kept already, stays as it is)"
        current.err.line(f"  {id}/{DEFAULT}  {secret.tail}  from {name}{state}")
    if not fresh:
        current.err.line("nothing to keep: the environment holds no key of a provider that is not kept already")
        return
    count = f"{len(fresh)} key{'' if len(fresh) == 1 else 's'}"
    if not yes and not click.confirm(f"Keep {count}?", default=True, err=True):
        raise click.Abort
    for id, (_, secret) in fresh.items():
        _keep(current, f"{id}/{DEFAULT}", secret, alone=False)
    current.err.line(
        "now take them out of your shell's start-up files: " + ", ".join(name for name, _ in fresh.values())
    )


def _vault() -> Vault:
    return open_vault(os.environ, default_user_folder())


def _named(current: Session, name: str) -> tuple[Provider, str]:
    """The provider, and the credential's whole name, short names of providers resolved."""
    first, slash, profile = name.partition("/")
    provider = find(first, current.engine.providers)
    if provider is None:
        import difflib

        near = difflib.get_close_matches(first, current.engine.providers, n=2)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "List what there is with `il providers`."
        raise NotFound(f"there is no provider called {first!r}", what="provider", remedy=remedy)
    if provider.auth.how == "none":
        raise InvalidRequest(f"{provider.id} takes no key", remedy="Just use it.")
    return provider, full_name(provider.id + slash + profile)


def _typed(current: Session, question: str) -> Secret:
    """A key, typed hidden or piped in.

    Raises:
        InvalidRequest: it cannot be one.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        text = str(
            click.prompt(question + " (it does not show)", hide_input=True, default="", show_default=False, err=True)
        )
    else:
        text = sys.stdin.read(100_000) if sys.stdin is not None else ""
    text = text.strip()
    if not text:
        raise InvalidRequest("no key was given; nothing is changed", path="key", remedy="Type or pipe in the key.")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidRequest(
            "this is no key: it holds spaces, line ends or letters that keys do not have; nothing is changed",
            path="key",
            remedy="Copy it again, the key alone.",
        )
    return Secret(text)


def _keep(current: Session, name: str, secret: Secret, *, alone: bool = True) -> None:
    place, reason = _vault().set(name, secret)
    current.err.line(f"{name} {secret.tail} is kept in the {_place(place)}")
    if place == "file":
        path = _vault().path
        current.err.line(
            current.err.paint("note:", "yellow") + f" no keychain: {reason}; so it lies in {path} (mode 0600)"
        )
    for line in _overruled(current, name) if alone else ():
        current.err.line(current.err.paint("note:", "yellow") + f" {line}")


def _overruled(current: Session, name: str) -> Iterable[str]:
    """Why a credential that was just kept is not the one that is used."""
    provider = current.engine.providers[name.partition("/")[0]]
    used = current.engine.credential(provider)
    profile = name.partition("/")[2]
    if used is None or used.profile != profile or used.name:
        source = used.source if used is not None else "nothing"
        yield f'calls use {source}; providers.{provider.id}.api_keys = ["keychain:{name}"] makes them use this one'


def _place(place: str) -> str:
    return "keychain" if place == "keychain" else "credentials file"


def _rows(current: Session) -> Iterable[Row]:
    """All credentials: those that are kept, and those that the environment or the configuration brings."""
    vault = _vault()
    engine = current.engine
    places = vault.names()
    for name, place in places.items():
        provider = engine.providers.get(name.partition("/")[0])
        used = engine.credential(provider) if provider is not None else None
        found = vault.get(name, place)
        yield Row(
            name=name,
            tail=found.secret.tail if found is not None else "",
            source=_place(place),
            used=used is not None and not used.name and f"{name.partition('/')[0]}/{used.profile}" == name,
            state="present" if found is not None else "missing",
            error=None if found is not None else f"the keychain cannot be used: {vault.trouble}",
        )
    for provider in engine.providers.values():
        used = engine.credential(provider)
        if used is not None and used.name:
            yield Row(name=provider.id, tail=used.secret.tail, source=used.source, used=True)


def _of(rows: Sequence[Row], provider: Provider, whole: str, names: Sequence[str]) -> list[Row]:
    found = [one for one in rows if one.name == whole]
    if not found and whole.endswith(f"/{DEFAULT}"):
        found = [one for one in rows if one.used and one.name.partition("/")[0] == provider.id]
    return found or [
        Row(name=whole, tail="", source="", used=False, state="missing", error="no such credential is kept")
    ]


async def _try_all(current: Session, rows: Sequence[Row]) -> list[Row]:
    return list(await asyncio.gather(*(_try(current, one) for one in rows)))


async def _try(current: Session, row: Row) -> Row:
    if row.state == "missing":
        return row
    provider = row.name.partition("/")[0]
    if "/" in row.name:
        kept = _vault().get(row.name)
        assert kept is not None, "it was listed as present"
        health = await _health(current, provider, kept.secret)
    else:
        async with AsyncClient(config=current.config, transport=current.transport) as client:
            health = await client.health(provider)
    return Row(
        name=row.name,
        tail=row.tail,
        source=row.source,
        used=row.used,
        state=health.state,
        models=health.models,
        error=health.error,
    )


async def _health(current: Session, provider: str, secret: Secret) -> Health:
    keys = {provider: secret.reveal()}
    async with AsyncClient(config=current.config, transport=current.transport, api_keys=keys) as client:
        return await client.health(provider)


def _tried(current: Session, provider: Provider, secret: Secret) -> None:
    """Sees that the provider takes a key.

    Raises:
        InterlinguaError: it does not, or cannot be asked; nothing is changed.
    """
    health = asyncio.run(_health(current, provider.id, secret))
    error = _ERRORS.get(health.state)
    if error is not None:
        raise error(f"{health.error}; nothing is changed", provider=provider.id)
    count = "" if health.models is None else f": {health.models:,} models"
    current.err.line(f"{provider.id} takes it{count}")


def _show(current: Session, rows: Sequence[Row], *, as_json: bool) -> None:
    out = current.out
    if as_json:
        found = [
            {
                "credential": one.name,
                "tail": one.tail or None,
                "source": one.source or None,
                "used": one.used,
                "state": one.state,
                "models": one.models,
                "error": one.error,
            }
            for one in rows
        ]
        out.line(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not rows:
        current.err.line(
            "no keys; il credentials set PROVIDER keeps one, il credentials import-env takes those of the shell"
        )
        return
    body = [
        (
            one.name,
            one.tail,
            one.source,
            "yes" if one.used else "",
            one.state,
            "" if one.models is None else f"{one.models:,}",
        )
        for one in rows
    ]
    for line in table(out, _COLUMNS, body):
        out.line(line)
    for one in rows:
        if one.error:
            for line in current.err.hanging(f" {one.name}: ", one.error):
                current.err.line(line)
