"""The whole of `interlingua.toml` as values; unknown keys are errors. Contracts §9."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from interlingua.engine.router import ModelAlias
from interlingua.engine.settings import LossSettings, RetrySettings
from interlingua.ports.transport import Timeouts
from interlingua.transport.local_model import LocalSettings
from interlingua.types.opaque import Json


class LocalSection(LocalSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The in-process model.

    Args:
        folder: where GGUF files are kept; None is the platform's cache folder.
    """

    folder: str | None = None


class HttpSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way to the network, beyond what the environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE).

    Args:
        ca_file: certificates of authorities to trust, PEM.
        client_certificate, client_key: what we show a server that asks for it, PEM.
        proxy: an address that wins over the environment's.
        max_body: largest decompressed answer, in bytes.
    """

    ca_file: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    max_body: int = 64 * 1024 * 1024


class DisplaySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people see.

    Args:
        colour: `auto` follows the terminal and NO_COLOR.
        usage: whether `il ask` ends with a line of tokens, speed and cost.
    """

    colour: Literal["auto", "always", "never"] = "auto"
    usage: bool = True


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration.

    Args:
        default_model: a model name or alias for calls that name none.
        providers: what differs for known hosts, and whole hosts of the user's own, by id; checked when built.
        models: aliases, by name or pattern.
        retry, losses, timeouts, http, local, display: as named.
    """

    default_model: str | None = None
    providers: dict[str, dict[str, Json]] = {}
    models: dict[str, ModelAlias] = {}
    retry: RetrySettings = RetrySettings()
    losses: LossSettings = LossSettings()
    timeouts: Timeouts = Timeouts()
    http: HttpSettings = HttpSettings()
    local: LocalSection = LocalSection()
    display: DisplaySettings = DisplaySettings()


UNTRUSTED: frozenset[str] = frozenset({"default_model", "models", "display"})
"""All that a file found in the working directory may set: it came with somebody's repository (contracts §6.9)."""
