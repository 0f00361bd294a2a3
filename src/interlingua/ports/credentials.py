"""How the engine asks for a provider's secret without knowing where secrets live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interlingua.types.secret import Credential


class Credentials(Protocol):
    """Finds credentials."""

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
