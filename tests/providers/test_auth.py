from __future__ import annotations

import pytest

from interlingua.errors import ConfigError, CredentialMissing
from interlingua.providers.auth import auth_headers
from interlingua.providers.provider import load_registry
from interlingua.types.secret import Credential, Secret

KEY = "sk-canary-0123456789"


def credential(name: str = "", text: str = KEY) -> Credential:
    return Credential(Secret(text), source=name or "argument", name=name)


@pytest.mark.parametrize(
    ("provider", "name", "header"),
    [
        ("openai", "OPENAI_API_KEY", ("authorization", f"Bearer {KEY}")),
        ("anthropic", "ANTHROPIC_API_KEY", ("x-api-key", KEY)),
        ("anthropic", "ANTHROPIC_AUTH_TOKEN", ("authorization", f"Bearer {KEY}")),
        ("google", "GEMINI_API_KEY", ("x-goog-api-key", KEY)),
        ("azure", "AZURE_OPENAI_API_KEY", ("api-key", KEY)),
        ("azure", "AZURE_OPENAI_AD_TOKEN", ("authorization", f"Bearer {KEY}")),
        ("azure", "", ("api-key", KEY)),
        ("ollama", "OLLAMA_API_KEY", ("authorization", f"Bearer {KEY}")),
    ],
)
def test_each_host_gets_its_credential_in_its_own_header(provider: str, name: str, header: tuple[str, str]) -> None:
    headers = auth_headers(load_registry()[provider], credential(name))
    assert headers[-1] == header
    assert sum(KEY in value for _, value in headers) == 1


def test_a_host_that_needs_a_credential_is_not_called_without() -> None:
    with pytest.raises(CredentialMissing) as caught:
        auth_headers(load_registry()["groq"], None)
    assert caught.value.looked_in == ("GROQ_API_KEY",)


@pytest.mark.parametrize("provider", ["vllm", "local"])
def test_a_host_that_needs_none_gets_none(provider: str) -> None:
    assert auth_headers(load_registry()[provider], None) == ()


def test_the_model_in_this_process_never_gets_a_credential() -> None:
    assert auth_headers(load_registry()["local"], credential()) == ()


@pytest.mark.parametrize("text", ["sk-canary\r\nx-evil: 1", "sk-canary\n", " sk-canary", "sk-canary-é", "sk\x00canary"])
def test_a_credential_that_would_break_a_header_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        auth_headers(load_registry()["openai"], credential("OPENAI_API_KEY", text))
    assert "canary" not in str(caught.value) + caught.value.remedy
    assert "OPENAI_API_KEY" in str(caught.value)


def test_the_providers_own_headers_come_along() -> None:
    headers = auth_headers(load_registry()["openrouter"], credential())
    assert dict(headers)["x-title"] == "Interlingua"
