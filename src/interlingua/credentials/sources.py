"""Where secrets come from: an explicit argument, then the configuration's references, then the environment.

Keys are only read when a provider is called or its state is shown. Contracts §5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from interlingua.errors import ConfigError
from interlingua.types.secret import Credential, Secret

ENVIRONMENT = "env:"
KEYCHAIN = "keychain:"


class CredentialSources:
    """Finds a provider's credential.

    Args:
        environment: names and values, normally the process environment.
        given: keys handed over by the program, by provider id; they win.
        references: the configuration's `api_keys` by provider id, such as `env:LAB_KEY`; they replace the
            provider's own environment names.

    Raises:
        ConfigError: a reference is of no known kind, or holds a key in plain text.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        given: Mapping[str, Secret] | None = None,
        references: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._environment = environment
        self._given = dict(given or {})
        self._names = {
            provider: tuple(_environment_name(provider, reference) for reference in found)
            for provider, found in (references or {}).items()
            if found
        }

    def find(self, provider: str, names: Sequence[str]) -> Credential | None:
        """The credential to use, or None; a variable that is set but empty counts as unset."""
        if provider in self._given:
            return Credential(self._given[provider], source="argument")
        for name in self._names.get(provider, names):
            value = self._environment.get(name, "").strip()
            if value:
                return Credential(Secret(value), source=name, name=name)
        return None

    def looked_in(self, provider: str, names: Sequence[str]) -> tuple[str, ...]:
        """The places that `find` looks in, for people."""
        return tuple(self._names.get(provider, names))


def _environment_name(provider: str, reference: str) -> str:
    where = f"providers.{provider}.api_keys"
    if reference.startswith(ENVIRONMENT) and len(reference) > len(ENVIRONMENT):
        return reference.removeprefix(ENVIRONMENT)
    if reference.startswith(KEYCHAIN):
        raise ConfigError(
            f"{where}: the keychain is not supported yet", remedy=f'Use an environment variable: "{ENVIRONMENT}NAME".'
        )
    raise ConfigError(
        f"{where}: an entry must name where the key is, and must not hold the key itself",
        remedy=f'Put the key into an environment variable and write "{ENVIRONMENT}NAME".',
    )
