"""From a configuration to an engine."""

from __future__ import annotations

from typing import Any

import pytest

from interlingua.config.build import build_engine
from interlingua.config.schema import Config
from interlingua.engine.router import ModelAlias
from interlingua.errors import ConfigError
from interlingua.types.secret import Secret


def test_without_any_key_the_local_model_is_the_default() -> None:
    """The product works before anyone has a key."""
    (target,) = build_engine(Config(), environment={}).route("")
    assert target.name == "local/smollm2"


def test_a_key_in_the_environment_makes_its_provider_the_default() -> None:
    """In the order of the registry."""
    (target,) = build_engine(Config(), environment={"ANTHROPIC_API_KEY": "x"}).route("")
    assert target.provider.id == "anthropic"


def test_the_configured_default_wins() -> None:
    """Whatever keys there are."""
    config = Config(default_model="fast", models={"fast": ModelAlias(targets=("groq/llama-3.1-8b-instant",))})
    (target,) = build_engine(config, environment={"ANTHROPIC_API_KEY": "x"}).route("")
    assert target.name == "groq/llama-3.1-8b-instant"


def test_the_file_wins_over_the_environment_for_an_address() -> None:
    """The environment of the providers' own SDKs is read first."""
    environment = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_ORG_ID": "org-1"}
    engine = build_engine(Config(), environment=environment)
    assert engine.providers["openai"].url("openai_chat", "/x") == "http://127.0.0.1:1/v1/x"
    assert ("openai-organization", "org-1") in engine.providers["openai"].own_headers()
    config = Config(providers={"openai": {"base_url": "http://127.0.0.1:2/v1"}})
    engine = build_engine(config, environment=environment)
    assert engine.providers["openai"].url("openai_chat", "/x") == "http://127.0.0.1:2/v1/x"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"base_url": "http://127.0.0.1:1"}, "neither `dialect` nor `endpoints`"),
        ({"base_url": "http://127.0.0.1:1", "dialect": "openai_caht"}, "unknown dialect 'openai_caht'"),
        ({"base_url": "127.0.0.1", "dialect": "openai_chat"}, "is not an address"),
        ({"base_url": "http://u:p@h", "dialect": "openai_chat"}, "is not an address"),
        ({"base_url": "http://h", "dialect": "openai_chat", "api_keys": "sk-1"}, "expected a list"),
        ({"base_url": "http://h", "dialect": "openai_chat", "api_keys": ["sk-1"]}, "must not hold the key"),
        ({"base_ulr": "http://h", "dialect": "openai_chat"}, "did you mean base_url"),
    ],
)
def test_a_mistake_in_a_providers_table_is_named(table: dict[str, Any], says: str) -> None:
    """With the path of the key."""
    with pytest.raises(ConfigError, match=says) as caught:
        build_engine(Config(providers={"lab": table}), environment={})
    assert "providers.lab" in caught.value.message


def test_a_host_of_the_users_own_with_a_key_needs_it() -> None:
    """And one without does not."""
    table = {"base_url": "http://h", "dialect": "openai_chat"}
    engine = build_engine(Config(providers={"lab": table, "team": {**table, "api_keys": ["env:K"]}}), environment={})
    assert engine.has_credential(engine.providers["lab"])
    assert not engine.has_credential(engine.providers["team"])


def test_a_key_that_is_handed_over_wins() -> None:
    """Explicit is better."""
    engine = build_engine(Config(), environment={"OPENAI_API_KEY": "a"}, given={"openai": Secret("b")})
    found = engine.credential(engine.providers["openai"])
    assert found is not None
    assert found.secret.reveal() == "b"
