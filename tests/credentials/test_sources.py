"""Where secrets come from."""

from __future__ import annotations

import pytest

from interlingua.credentials.sources import CredentialSources
from interlingua.errors import ConfigError
from interlingua.types.secret import Secret

NAMES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")


def test_the_environment_is_read_in_the_order_of_the_providers_own_sdk() -> None:
    """The first that is set wins."""
    sources = CredentialSources({"ANTHROPIC_AUTH_TOKEN": "second", "ANTHROPIC_API_KEY": "first"})
    found = sources.find("anthropic", NAMES)
    assert found is not None
    assert (found.secret.reveal(), found.source) == ("first", "ANTHROPIC_API_KEY")


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_unset(empty: str) -> None:
    """Compose files set empty variables all the time."""
    sources = CredentialSources({"ANTHROPIC_API_KEY": empty, "ANTHROPIC_AUTH_TOKEN": "token"})
    found = sources.find("anthropic", NAMES)
    assert found is not None
    assert found.name == "ANTHROPIC_AUTH_TOKEN"


def test_an_explicit_argument_wins() -> None:
    """Contracts §5."""
    sources = CredentialSources({"ANTHROPIC_API_KEY": "x"}, given={"anthropic": Secret("mine")})
    found = sources.find("anthropic", NAMES)
    assert found is not None
    assert (found.secret.reveal(), found.source) == ("mine", "argument")


def test_references_of_the_configuration_replace_the_usual_names() -> None:
    """Who says where a key is means only there."""
    sources = CredentialSources({"ANTHROPIC_API_KEY": "x"}, references={"anthropic": ["env:TEAM_KEY"]})
    assert sources.find("anthropic", NAMES) is None
    assert sources.looked_in("anthropic", NAMES) == ("TEAM_KEY",)


def test_a_key_in_plain_text_is_refused_without_repeating_it() -> None:
    """A configuration file gets shared; an error message gets pasted."""
    with pytest.raises(ConfigError, match=r"providers\.lab\.api_keys") as caught:
        CredentialSources({}, references={"lab": ["sk-live-123456"]})
    assert "sk-live" not in caught.value.message + caught.value.remedy


def test_a_credential_shows_its_tail_only() -> None:
    """Also in a traceback's locals."""
    found = CredentialSources({"K": "sk-aaaaaaaaaaaa9fQ2"}).find("lab", ("K",))
    assert repr(found) == "Credential(…9fQ2, from K)"
