"""What a person is told of a provider's credential; its secret is never shown but for a masked tail."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.catalog import weights
from interlingua.cli.pull import folder_of
from interlingua.cli.session import Session
from interlingua.errors import LocalFileError
from interlingua.providers.provider import Provider


class CredentialState(Struct, frozen=True, kw_only=True):
    """Whether a provider can be called.

    Args:
        state: `present`, `missing`, or `not needed` where nothing is known of whether it can be reached.
        source: where the credential was found, such as an environment name; None where there is none.
        tail: its last characters, masked.
        looked_in: where it was looked for.
        missing: what is missing, in a word or two.
    """

    state: Literal["present", "missing", "not needed"]
    source: str | None = None
    tail: str | None = None
    looked_in: tuple[str, ...] = ()
    missing: str = ""

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return self.state != "missing"

    @property
    def short(self) -> str:
        """For tables of models: `ready (GEMINI_API_KEY)`, `no key`, …"""
        if self.state != "present":
            return self.missing or "no key needed"
        return f"ready ({self.source})" if self.source else "ready"

    @property
    def medium(self) -> str:
        """For tables of providers: with the masked tail, or what to set."""
        variable = next((place for place in self.looked_in if place.isidentifier()), "")
        return f"no key (set {variable})" if self.missing and variable else self.long

    @property
    def long(self) -> str:
        """With the masked tail, or everywhere it was looked for."""
        if self.source:
            return f"{self.tail}, from {self.source}"
        return f"{self.missing}: {' or '.join(self.looked_in)}" if self.missing and self.looked_in else self.short


def credential_state(current: Session, provider: Provider) -> CredentialState:
    """The state of a provider's credential; of a model in this process, whether its file is here."""
    if provider.in_process:
        return _local_state(current, provider)
    engine = current.engine
    found = engine.credential(provider)
    names = engine.credentials.looked_in(provider.id, provider.env)
    looked_in = tuple(sorted(names, key=lambda name: name in provider.auth.bearer_env))  # keys are what people have
    if found is not None:
        return CredentialState(state="present", source=found.source, tail=found.secret.tail, looked_in=looked_in)
    if not provider.needs_credential:
        return CredentialState(state="not needed", looked_in=looked_in)
    return CredentialState(state="missing", missing="no key", looked_in=looked_in)


def _local_state(current: Session, provider: Provider) -> CredentialState:
    try:
        weights.find(provider.default_model, folder_of(current))
    except LocalFileError:
        return CredentialState(state="missing", missing=f"il pull {provider.default_model}")
    return CredentialState(state="present")
