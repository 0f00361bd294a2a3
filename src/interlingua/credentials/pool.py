"""Several credentials of one provider: how they are configured, and which one a call gets. Pure but for the sources.

A call's credential follows from its conversation and the weights alone (rendezvous hashing): every process picks the
same one without telling the others, and when one rests, only its own conversations move. Contracts §2.6, §5.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from interlingua.errors import ConfigError
from interlingua.ports.credentials import Finder
from interlingua.types.opaque import Json
from interlingua.types.secret import Credential

ONE = 'api_keys = ["env:NAME"], or [{ ref = "env:NAME", weight = 3, account = "team" }]'


class KeyReference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `api_keys`.

    Args:
        ref: where the key is, such as `env:NAME` or `keychain:openai/team`.
        weight: its share of the calls, against the others'; 0 is used only when all others rest.
        account: whose it is; keys of one account get each other's reasoning state back. Default: each its own.
    """

    ref: str
    weight: Annotated[float, Meta(ge=0, le=1_000_000)] = 1.0
    account: str = ""


def parse_keys(provider: str, value: Json) -> tuple[KeyReference, ...]:
    """A provider's `api_keys`.

    Args:
        provider: its id, for the error.
        value: a list of texts and tables, as the configuration holds it.

    Raises:
        ConfigError: it is none, or names one place twice. What stands there is not repeated: it may be a key.
    """
    where = f"providers.{provider}.api_keys"
    if not isinstance(value, list):
        raise ConfigError(f"{where}: expected a list", remedy=ONE)
    found = []
    for place, one in enumerate(value):
        if not isinstance(one, str | dict):
            raise ConfigError(f"{where}[{place}]: expected a text or a table", remedy=ONE)
        try:
            found.append(KeyReference(ref=one) if isinstance(one, str) else msgspec.convert(one, KeyReference))
        except msgspec.ValidationError as error:
            raise ConfigError(f"{where}[{place}]: {_without_values(str(error))}", remedy=ONE) from None
    if len({one.ref for one in found}) < len(found):
        raise ConfigError(f"{where}: names one place twice", remedy="Give it a weight instead.")
    return tuple(found)


class CredentialPools:
    """Finds all of a provider's credentials.

    Args:
        sources: finds a provider's one credential, where there is one; also what was handed over by the program.
        pools: for each provider with several, its references and what finds each.
        given: providers whose credential was handed over: it alone is used.
    """

    def __init__(
        self,
        sources: Finder,
        pools: Mapping[str, Sequence[tuple[KeyReference, Finder]]],
        given: Collection[str] = (),
    ) -> None:
        self._sources = sources
        self._made: dict[str, tuple[tuple[Credential | None, ...], tuple[Credential, ...]]] = {}
        self._pools = {provider: tuple(each) for provider, each in pools.items() if provider not in given}

    def find(self, provider: str, names: Sequence[str]) -> Credential | None:
        """The first credential, or None."""
        if provider not in self._pools:
            return self._sources.find(provider, names)
        return next(iter(self.every(provider, names)), None)

    def every(self, provider: str, names: Sequence[str]) -> tuple[Credential, ...]:
        """All credentials that are there, in the order of the configuration."""
        pool = self._pools.get(provider)
        if pool is None:
            found = self._sources.find(provider, names)
            return () if found is None else (found,)
        there = tuple(finder.find(provider, ()) for _, finder in pool)
        made = self._made.get(provider)
        if made is None or any(one is not other for one, other in zip(made[0], there, strict=True)):
            made = self._made[provider] = (
                there,
                tuple(_of_pool(one, its) for one, (its, _) in zip(there, pool, strict=True) if one is not None),
            )
        return made[1]

    def looked_in(self, provider: str, names: Sequence[str]) -> tuple[str, ...]:
        """The places that are looked in, for people."""
        pool = self._pools.get(provider)
        if pool is None:
            return self._sources.looked_in(provider, names)
        return tuple(place for _, finder in pool for place in finder.looked_in(provider, ()))


def _of_pool(found: Credential, its: KeyReference) -> Credential:
    return Credential(
        found.secret, source=found.source, name=found.name, profile=its.ref, account=its.account, weight=its.weight
    )


def chosen(credentials: Sequence[Credential], conversation: str, accounts: Sequence[str] = ()) -> Credential:
    """The credential of a call, among those that may be used.

    Args:
        credentials: at least one.
        conversation: calls of one conversation get the same one for as long as it may be used.
        accounts: whose reasoning state the conversation holds, latest last: such a credential goes first.
    """
    for account in reversed(accounts):
        same = [one for one in credentials if one.account == account]
        if same:
            credentials = same
            break
    if len(credentials) == 1:
        return credentials[0]
    return max(credentials, key=lambda one: rendezvous(conversation, one.profile, one.weight))


def rendezvous(conversation: str, name: str, weight: float) -> float:
    """How much a name is a conversation's: the highest among several wins, each in the share of its weight."""
    digest = hashlib.sha256(f"{conversation}\0{name}".encode("utf-8", "surrogatepass")).digest()
    share = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 2)
    return weight / -math.log(share)


def _without_values(message: str) -> str:
    return message.replace(" - at `$.", " at `").replace("Object contains unknown field", "unknown key")
