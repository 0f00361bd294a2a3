"""How the engine asks for a provider's secret without knowing where secrets live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interlingua.types.secret import Credential


class Finder(Protocol):
    """Finds a provider's one credential."""

    def find(self, provider: str, names: Sequence[str]) -> Credential | None:
        """The credential to use for a provider, or None.

        Args:
            provider: provider id.
            names: environment names that may hold it, best first.

        Raises:
            ConfigError: the configuration asks for a source that does not exist.
        """
        ...

    def looked_in(self, provider: str, names: Sequence[str]) -> tuple[str, ...]:
        """The places that `find` looks in, for people."""
        ...


class Credentials(Finder, Protocol):
    """Finds credentials where a provider may have several."""

    def every(self, provider: str, names: Sequence[str]) -> tuple[Credential, ...]:
        """All credentials that are there, in the order of the configuration; arguments as `find`."""
        ...
