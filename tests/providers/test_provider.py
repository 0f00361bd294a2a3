from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from interlingua.catalog.catalog import load_catalog
from interlingua.errors import ConfigError
from interlingua.ports.context import PLAIN
from interlingua.providers.provider import Provider, define, find, load_registry
from interlingua.types.request import ChatRequest
from interlingua.types.traits import HostTraits

REGISTRY = load_registry()
TEXT = (files("interlingua.providers") / "registry.toml").read_text("utf-8")
DIALECTS = {"openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"}


def base(name: str) -> str:
    """The address that a provider's preferred endpoint asks."""
    provider = REGISTRY[name].with_settings({"resource": "res"}) if name == "azure" else REGISTRY[name]
    return provider.url(provider.dialects[0], "/x").removesuffix("/x")


def test_every_row_is_at_most_ten_lines() -> None:
    for block in TEXT.split("\n\n"):
        lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) <= 10, lines[0]


def test_the_order_of_the_rows_is_the_order_of_preference_and_ends_with_the_local_model() -> None:
    names = list(REGISTRY)
    assert names[0] == "openai"
    assert names[-1] == "local"
    assert names == list(tomllib.loads(TEXT))


@pytest.mark.parametrize("provider", REGISTRY.values(), ids=REGISTRY)
def test_a_row_is_sound(provider: Provider) -> None:
    assert provider.title
    assert set(provider.dialects) <= DIALECTS and provider.dialects
    assert provider.env or provider.auth.how == "none"
    for dialect in provider.dialects:
        provider.quirk_value(dialect)
        assert set(provider.host(dialect).refuses) <= set(ChatRequest.__struct_fields__)
    if provider.default_model:
        assert load_catalog().find(provider.id, provider.default_model) is not None
        row = load_catalog().find(provider.id, provider.default_model)
        assert row is not None and row.prices and not row.shutdown


def test_a_row_without_a_default_model_is_for_hosts_that_the_catalog_does_not_know() -> None:
    without = {name for name, provider in REGISTRY.items() if not provider.default_model}
    assert without == {"azure", "together", "fireworks", "perplexity", "ollama", "vllm", "lmstudio", "llamacpp-server"}
    assert not {model.provider for model in load_catalog().models} & without


def test_every_provider_of_the_catalog_has_a_row() -> None:
    assert {model.provider for model in load_catalog().models} <= set(REGISTRY)


def test_ids_and_aliases_name_one_provider_each() -> None:
    names = [name for provider in REGISTRY.values() for name in (provider.id, *provider.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "id"),
    [("c", "chutes"), ("g", "groq"), ("o", "openrouter"), ("ge", "google"), ("gemini", "google"), ("groq", "groq")],
)
def test_a_provider_is_found_by_id_and_short_form(name: str, id: str) -> None:
    found = find(name, REGISTRY)
    assert found is not None and found.id == id


def test_an_id_wins_over_the_alias_of_another() -> None:
    mine = define("g", {"base_url": "http://h/v1", "dialect": "openai_chat"})
    found = find("g", {**REGISTRY, "g": mine})
    assert found is mine
    assert find("nobody", REGISTRY) is None


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("openai", "https://api.openai.com/v1"),
        ("azure", "https://res.openai.azure.com/openai/v1"),
        ("anthropic", "https://api.anthropic.com/v1"),
        ("google", "https://generativelanguage.googleapis.com/v1beta"),
        ("xai", "https://api.x.ai/v1"),
        ("groq", "https://api.groq.com/openai/v1"),
        ("openrouter", "https://openrouter.ai/api/v1"),
        ("chutes", "https://llm.chutes.ai/v1"),
        ("mistral", "https://api.mistral.ai/v1"),
        ("deepseek", "https://api.deepseek.com"),
        ("moonshotai", "https://api.moonshot.ai/v1"),
        ("zai", "https://api.z.ai/api/paas/v4"),
        ("together", "https://api.together.xyz/v1"),
        ("fireworks", "https://api.fireworks.ai/inference/v1"),
        ("cerebras", "https://api.cerebras.ai/v1"),
        ("perplexity", "https://api.perplexity.ai"),
        ("ollama", "http://127.0.0.1:11434"),
        ("vllm", "http://127.0.0.1:8000/v1"),
        ("lmstudio", "http://127.0.0.1:1234/v1"),
        ("llamacpp-server", "http://127.0.0.1:8080/v1"),
        ("local", "local://"),
    ],
)
def test_requests_go_to_the_address_that_the_host_documents(name: str, address: str) -> None:
    assert base(name) == address


def test_a_second_dialect_may_stand_at_another_path() -> None:
    assert REGISTRY["deepseek"].url("anthropic_messages", "/messages") == (
        "https://api.deepseek.com/anthropic/v1/messages"
    )
    assert REGISTRY["openrouter"].url("anthropic_messages", "/messages") == "https://openrouter.ai/api/v1/messages"


def test_a_dialect_that_a_host_does_not_speak_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="anthropic does not speak gemini"):
        REGISTRY["anthropic"].url("gemini", "/x")


def test_an_openai_compatible_host_is_one_row() -> None:
    row = tomllib.loads('[lab]\nbase_url = "http://127.0.0.1:9101/v1"\ndialect = "openai_chat"\n')["lab"]
    lab = define("lab", row)
    assert lab.url("openai_chat", "/chat/completions") == "http://127.0.0.1:9101/v1/chat/completions"
    assert lab.native("openai_chat")
    assert lab.quirk_value() is PLAIN
    assert lab.needs_credential
    assert not define("lab", {**row, "auth": {"optional": True}}).needs_credential


def test_a_host_may_speak_several_dialects_the_first_being_preferred() -> None:
    endpoints = {"openai_chat": "/v1", "anthropic_messages": {"path": "/anthropic/v1", "native": False}}
    lab = define("lab", {"base_url": "http://127.0.0.1:9101", "endpoints": endpoints})
    assert lab.dialects == ("openai_chat", "anthropic_messages")
    assert lab.url("openai_chat", "/x") == "http://127.0.0.1:9101/v1/x"
    assert lab.url("anthropic_messages", "/x") == "http://127.0.0.1:9101/anthropic/v1/x"
    assert not lab.native("anthropic_messages")


def test_a_base_address_that_already_ends_in_the_path_is_not_doubled() -> None:
    proxied = REGISTRY["anthropic"].with_settings({"base_url": "https://proxy.example/claude/v1/"})
    assert proxied.url("anthropic_messages", "/messages") == "https://proxy.example/claude/v1/messages"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"base_ulr": "http://h", "dialect": "openai_chat"}, r"providers\.lab\.base_ulr: unknown key; .* base_url"),
        ({"base_url": "http://h"}, "neither `dialect` nor `endpoints`"),
        ({"base_url": 5, "dialect": "openai_chat"}, r"providers\.lab\.base_url: Expected `str`, got `int`"),
        (
            {"base_url": "http://h", "endpoints": {"openai_chat": {"pth": "/v1"}}},
            r"providers\.lab\.endpoints.*unknown field `pth`",
        ),
        (
            {"base_url": "http://h", "dialect": "openai_chat", "traits": {"usge": "never"}},
            r"providers\.lab\.traits: .*`usge`",
        ),
        ({"base_url": "http://h", "dialect": "openai_chat", "traits": {"like": "me"}}, r"lab\.traits\.like"),
        ({"base_url": "http://h", "dialect": "openai_chat", "auth": "basic"}, r"providers\.lab\.auth\.how"),
        ({"base_url": "ftp://h", "dialect": "openai_chat"}, "not an address"),
        ({"base_url": "http://user:pw@h", "dialect": "openai_chat"}, "not an address"),
        ({"base_url": "http://h/?key=1", "dialect": "openai_chat"}, "not an address"),
        ({"base_url": "http://h", "endpoints": {"openai_chat": "v1"}}, r"endpoints\.openai_chat\.path"),
    ],
)
def test_a_wrong_row_is_a_configuration_error_that_names_the_key(row: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        define("lab", row)


def test_a_quirk_that_does_not_exist_is_a_configuration_error() -> None:
    lab = define("lab", {"base_url": "http://h", "dialect": "openai_chat", "quirk": "nope"})
    with pytest.raises(ConfigError, match="nope"):
        lab.quirk_value()


@pytest.mark.parametrize("name", ["", "Lab", "a/b", "a b", "-x"])
def test_a_name_that_cannot_stand_before_a_slash_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name is made of"):
        define(name, {"base_url": "http://h", "dialect": "openai_chat"})


def test_settings_change_a_known_host_and_keep_the_rest() -> None:
    changed = REGISTRY["mistral"].with_settings(
        {"base_url": "https://eu.example/v1", "headers": {"X-Team": "a"}, "traits": {"names": True}}
    )
    assert changed.url("openai_chat", "/x") == "https://eu.example/v1/x"
    assert ("x-team", "a") in changed.own_headers()
    assert changed.traits.names
    assert changed.traits.tool_call_ids == "alnum9"
    assert changed.quirk_value() is REGISTRY["mistral"].quirk_value()
    assert REGISTRY["mistral"].base_url == "https://api.mistral.ai/v1"


def test_settings_may_make_a_known_host_speak_one_other_dialect() -> None:
    changed = REGISTRY["openai"].with_settings({"base_url": "http://h/v1", "dialect": "anthropic_messages"})
    assert changed.dialects == ("anthropic_messages",)


def test_a_misspelt_setting_suggests_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"providers\.openai\.organisation: unknown key; did you mean organization"):
        REGISTRY["openai"].with_settings({"organisation": "org-1"})


def test_headers_with_a_placeholder_are_sent_once_it_has_a_value() -> None:
    openai = REGISTRY["openai"]
    assert openai.own_headers() == ()
    named = openai.with_environment({"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": ""})
    assert named.own_headers() == (("openai-organization", "org-1"),)
    assert named.with_settings({"organization": "org-2", "project": "p"}).own_headers() == (
        ("openai-organization", "org-2"),
        ("openai-project", "p"),
    )


def test_openrouter_is_told_who_calls() -> None:
    assert REGISTRY["openrouter"].own_headers() == (("x-title", "Interlingua"),)
    mine = REGISTRY["openrouter"].with_settings({"app_name": "Mine", "site_url": "https://mine.example"})
    assert dict(mine.own_headers()) == {"x-title": "Mine", "http-referer": "https://mine.example"}


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "é"])
def test_a_value_that_would_break_a_header_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="a header cannot hold"):
        REGISTRY["openai"].with_settings({"organization": value}).own_headers()


def test_the_environment_gives_the_base_address_where_the_sdk_reads_one() -> None:
    moved = REGISTRY["anthropic"].with_environment({"ANTHROPIC_BASE_URL": "https://proxy.example"})
    assert moved.url("anthropic_messages", "/messages") == "https://proxy.example/v1/messages"
    assert REGISTRY["anthropic"].with_environment({"ANTHROPIC_BASE_URL": " "}) is REGISTRY["anthropic"]


def test_an_address_in_the_environment_that_is_none_is_an_error_that_names_the_variable() -> None:
    with pytest.raises(ConfigError, match=r"VLLM_BASE_URL: 'box:8000/v1' is not an address"):
        REGISTRY["vllm"].with_environment({"VLLM_BASE_URL": "box:8000/v1"})


def test_the_configuration_wins_over_the_environment() -> None:
    moved = REGISTRY["openai"].with_environment({"OPENAI_BASE_URL": "https://env.example/v1"})
    assert moved.with_settings({"base_url": "https://file.example/v1"}).base_url == "https://file.example/v1"


def test_query_parameters_follow_those_of_the_dialect() -> None:
    lab = define("lab", {"base_url": "http://h", "dialect": "gemini", "query": {"v": "2"}})
    assert lab.url("gemini", "/m:stream?alt=sse") == "http://h/m:stream?alt=sse&v=2"


def test_traits_of_an_endpoint_replace_those_of_the_provider() -> None:
    deepseek = REGISTRY["deepseek"]
    assert deepseek.host("openai_chat").reasoning_required
    assert deepseek.host("anthropic_messages") == HostTraits()
    assert deepseek.native("anthropic_messages")
    assert not deepseek.native("openai_chat")


@pytest.mark.parametrize(
    ("name", "native"),
    [("openai", True), ("anthropic", True), ("google", True), ("vllm", True), ("groq", False), ("local", False)],
)
def test_a_preferred_endpoint_is_native_where_nothing_must_be_changed(name: str, native: bool) -> None:
    assert REGISTRY[name].native(REGISTRY[name].dialects[0]) is native


def test_only_hosts_that_refuse_strangers_need_a_credential() -> None:
    free = {name for name, provider in REGISTRY.items() if not provider.needs_credential}
    assert free == {"ollama", "vllm", "lmstudio", "llamacpp-server", "local"}
    assert [name for name, provider in REGISTRY.items() if provider.in_process] == ["local"]


def test_environment_names_are_those_of_the_sdks_in_their_order() -> None:
    assert REGISTRY["google"].env == ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    assert REGISTRY["anthropic"].env == ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    assert REGISTRY["azure"].env == ("AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_API_KEY")


def test_a_key_in_an_address_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError, match="is not an address") as caught:
        define("lab", {"base_url": "https://lab.example/v1?key=sk-canary-1234567890", "dialect": "openai_chat"})
    assert "canary" not in caught.value.message + caught.value.remedy
