from __future__ import annotations

import pytest

from interlingua.errors import ConfigError
from interlingua.providers.provider import Provider, load_registry

AZURE = load_registry()["azure"]
PATH = "/chat/completions"


def url(provider: Provider, model: str = "my-gpt") -> str:
    return provider.url("openai_chat", PATH, model)


def test_a_resource_name_leads_to_the_v1_api() -> None:
    assert url(AZURE.with_settings({"resource": "contoso"})) == (
        "https://contoso.openai.azure.com/openai/v1/chat/completions"
    )


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://contoso.openai.azure.com",
        "https://contoso.openai.azure.com/",
        "https://contoso.openai.azure.com/openai",
        "https://contoso.openai.azure.com/openai/v1/",
    ],
)
def test_the_endpoint_of_the_environment_may_have_any_of_its_forms(endpoint: str) -> None:
    found = AZURE.with_environment({"AZURE_OPENAI_ENDPOINT": endpoint})
    assert url(found) == "https://contoso.openai.azure.com/openai/v1/chat/completions"


def test_a_dated_version_leads_to_the_deployment() -> None:
    environment = {"AZURE_OPENAI_ENDPOINT": "https://c.openai.azure.com/", "OPENAI_API_VERSION": "2025-04-01-preview"}
    assert url(AZURE.with_environment(environment)) == (
        "https://c.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2025-04-01-preview"
    )


def test_an_undated_version_stays_with_the_v1_api() -> None:
    found = AZURE.with_settings({"base_url": "https://c.services.ai.azure.com", "api_version": "preview"})
    assert url(found) == "https://c.services.ai.azure.com/openai/v1/chat/completions?api-version=preview"


def test_a_resource_in_the_configuration_wins_over_the_endpoint_of_the_environment() -> None:
    found = AZURE.with_environment({"AZURE_OPENAI_ENDPOINT": "https://env.openai.azure.com"})
    assert "//mine.openai" in url(found.with_settings({"resource": "mine"}))


def test_without_an_address_the_error_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="resource") as caught:
        url(AZURE)
    assert "AZURE_OPENAI_ENDPOINT" in caught.value.remedy


@pytest.mark.parametrize("resource", ["evil.example#", "a@b", "a/b", "a\\b", "a?b", "a b", "a.b", "%2e", "é"])
def test_a_resource_name_cannot_lead_elsewhere(resource: str) -> None:
    with pytest.raises(ConfigError, match="resource"):
        url(AZURE.with_settings({"resource": resource}))


@pytest.mark.parametrize("deployment", ["../x", "a/b", "a#b", "a?b", "a@b", "a\\b", ".."])
def test_a_deployment_name_cannot_lead_elsewhere(deployment: str) -> None:
    found = AZURE.with_settings({"resource": "c", "api_version": "2024-10-21"})
    with pytest.raises(ConfigError, match="cannot be used as model"):
        url(found, deployment)
