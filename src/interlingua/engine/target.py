"""Where one attempt goes: a host, a model there, and the dialect that is spoken."""

from __future__ import annotations

from msgspec import Struct

from interlingua.catalog.catalog import Model
from interlingua.ports.context import Quirk
from interlingua.providers.provider import Provider
from interlingua.types.traits import HostTraits, Traits


class Target(Struct, frozen=True, kw_only=True):
    """What a model name was resolved to.

    Args:
        provider: the host.
        model: the model's name there, as it goes into the request.
        dialect: what is spoken.
        traits: what the model can do; all unknown where the catalog does not know it.
        row: the catalog's row, or None. `row.shutdown` tells when it ends or ended.
    """

    provider: Provider
    model: str
    dialect: str
    traits: Traits = Traits()
    row: Model | None = None

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider.id}/{self.model}"

    @property
    def host(self) -> HostTraits:
        """How the host's flavour of the dialect differs from the plain one."""
        return self.provider.host(self.dialect)

    @property
    def quirk(self) -> Quirk:
        """What the host does differently beyond that."""
        return self.provider.quirk_value(self.dialect)

    def url(self, path: str) -> str:
        """The address for a path that the dialect rendered."""
        return self.provider.url(self.dialect, path, self.model)
