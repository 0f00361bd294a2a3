"""Where secrets come from: an explicit argument, then the keychain, then the environment, then the 0600 file.

What the configuration refers to replaces the last three. Keys are only read when a provider is called or its state is
shown. Contracts §5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interlingua.credentials.vault import DEFAULT, Kept, Vault, full_name
from interlingua.errors import ConfigError, InvalidRequest
from interlingua.types.secret import Credential, Secret

ENVIRONMENT = "env:"
KEYCHAIN = "keychain:"


class CredentialSources:
    """Finds a provider's credential.

    Args:
        environment: names and values, normally the process environment.
        given: keys handed over by the program, by provider id; they win.
        references: the configuration's `api_keys` by provider id, such as `env:LAB_KEY` or `keychain:lab/team`; they
            replace all other places.
        vault: what was set with `il credentials`; None is nothing.

    Raises:
        ConfigError: a reference is of no known kind, or holds a key in plain text.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        given: Mapping[str, Secret] | None = None,
        references: Mapping[str, Sequence[str]] | None = None,
        vault: Vault | None = None,
    ) -> None:
        self._environment = environment
        self._given = dict(given or {})
        self._vault = vault
        self._seen: dict[str, tuple[str, Credential]] = {}
        self._references = {
            provider: tuple(_checked(provider, reference) for reference in found)
            for provider, found in (references or {}).items()
            if found
        }

    def find(self, provider: str, names: Sequence[str]) -> Credential | None:
        """The credential to use, or None; a variable that is set but empty counts as unset.

        Raises:
            ConfigError: the file of credentials is damaged, or may be read by others.
            LocalFileError: it cannot be read.
        """
        if provider in self._given:
            return Credential(self._given[provider], source="argument")
        if provider in self._references:
            found = (self._referred(reference) for reference in self._references[provider])
            return next((one for one in found if one is not None), None)
        return self._kept(provider, "keychain") or self._in_environment(names) or self._kept(provider, "file")

    def looked_in(self, provider: str, names: Sequence[str]) -> tuple[str, ...]:
        """The places that `find` looks in, for people; of a keychain that cannot be used also why."""
        if provider in self._references:
            return tuple(self._told(reference) for reference in self._references[provider])
        if self._vault is None:
            return tuple(names)
        places = [self._told(KEYCHAIN + name) for name in self._vault.profiles(provider, "keychain")[:1]]
        return (*(places or [f"keychain ({provider}/{DEFAULT})"]), *names, "credentials file")

    def _in_environment(self, names: Sequence[str]) -> Credential | None:
        """The same object as long as the variable stays the same, so that others can keep what they made of it."""
        for name in names:
            value = self._environment.get(name, "")
            seen = self._seen.get(name)
            if seen is not None and seen[0] == value:
                return seen[1]
            if text := value.strip():
                found = Credential(Secret(text), source=name, name=name)
                self._seen[name] = value, found
                return found
        return None

    def _kept(self, provider: str, place: str) -> Credential | None:
        if self._vault is None:
            return None
        for name in self._vault.profiles(provider, "keychain" if place == "keychain" else "file"):
            found = self._vault.get(name, "keychain" if place == "keychain" else "file")
            return None if found is None else _credential(found)
        return None

    def _referred(self, reference: str) -> Credential | None:
        if reference.startswith(ENVIRONMENT):
            return self._in_environment((reference.removeprefix(ENVIRONMENT),))
        if self._vault is None:
            return None
        found = self._vault.get(reference.removeprefix(KEYCHAIN))
        return None if found is None else _credential(found)

    def _told(self, reference: str) -> str:
        if reference.startswith(ENVIRONMENT):
            return reference.removeprefix(ENVIRONMENT)
        name = reference.removeprefix(KEYCHAIN)
        if self._vault is not None and self._vault.get(name) is None and self._vault.trouble:
            return f"keychain ({name}: {self._vault.trouble})"
        return f"keychain ({name})"


def _credential(kept: Kept) -> Credential:
    profile = kept.name.partition("/")[2]
    source = kept.place if profile == DEFAULT else f"{kept.place} ({kept.name})"
    if kept.place == "file":
        source = source.replace("file", "credentials file", 1)
    return Credential(kept.secret, source=source, profile=profile)


def _checked(provider: str, reference: str) -> str:
    where = f"providers.{provider}.api_keys"
    if reference.startswith(ENVIRONMENT) and len(reference) > len(ENVIRONMENT):
        return reference
    if reference.startswith(KEYCHAIN):
        try:
            return KEYCHAIN + full_name(reference.removeprefix(KEYCHAIN))
        except InvalidRequest as error:
            raise ConfigError(f"{where}: {error.message}", remedy=error.remedy) from error
    raise ConfigError(
        f"{where}: an entry must name where the key is, and must not hold the key itself",
        remedy=f'il credentials set {provider}, and write "{KEYCHAIN}{provider}"; for a variable "{ENVIRONMENT}NAME".',
    )
