"""Turns a credential into headers; never into an address."""

from __future__ import annotations

from interlingua.errors import ConfigError, CredentialMissing
from interlingua.providers.provider import Provider
from interlingua.types.secret import Credential


def auth_headers(provider: Provider, credential: Credential | None) -> tuple[tuple[str, str], ...]:
    """The provider's own headers and its authentication; names in lower case.

    Args:
        provider: the host.
        credential: its credential; None where it needs none.

    Raises:
        CredentialMissing: it needs one.
        ConfigError: the credential cannot stand in a header.
    """
    own = provider.own_headers()
    if provider.auth.how == "none":
        return own
    if credential is None or not credential.secret.reveal():
        if not provider.needs_credential:
            return own
        raise CredentialMissing(f"no credential for {provider.id}", looked_in=provider.env, provider=provider.id)
    text = credential.secret.reveal()
    if not (text.isascii() and text.isprintable()) or text != text.strip():
        raise ConfigError(
            f"the credential of {provider.id} (from {credential.source}) holds characters that no header can carry",
            remedy="Copy it again, without line breaks, spaces or quotation marks.",
            provider=provider.id,
        )
    if provider.auth.how == "bearer" or credential.name in provider.auth.bearer_env:
        return (*own, ("authorization", f"Bearer {text}"))
    return (*own, (provider.auth.how, text))
