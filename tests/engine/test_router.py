from __future__ import annotations

from typing import Any

import pytest

from interlingua.catalog.catalog import load_catalog
from interlingua.engine.router import ModelAlias, resolve
from interlingua.engine.target import Target
from interlingua.errors import ConfigError, ModelNotFound
from interlingua.providers.provider import define, load_registry

PROVIDERS = {
    **load_registry(),
    "lab": define("lab", {"base_url": "http://lab/v1", "dialect": "openai_chat", "families": ["lab-"]}),
}


def targets(
    name: str,
    *,
    keys: tuple[str, ...] = (),
    aliases: dict[str, list[str]] | None = None,
    default: str | None = None,
    **more: Any,
) -> list[Target]:
    found = resolve(
        name,
        catalog=load_catalog(),
        providers=more.pop("providers", PROVIDERS),
        aliases={alias: ModelAlias(targets=tuple(to)) for alias, to in (aliases or {}).items()},
        has_credential=lambda provider: provider.id in keys,
        default=default,
        **more,
    )
    return list(found.targets)


def names(name: str, **more: Any) -> list[str]:
    return [target.name for target in targets(name, **more)]


def test_an_alias_leads_to_its_targets_in_order() -> None:
    aliases = {"fast": ["groq/llama-3.3-70b-versatile", "lab/small"]}
    assert names("fast", aliases=aliases) == ["groq/llama-3.3-70b-versatile", "lab/small"]


def test_an_alias_wins_over_a_model_of_that_name_and_may_lead_to_it() -> None:
    aliases = {"gpt-6-luna": ["openai/gpt-6-luna", "openrouter/openai/gpt-6-luna"], "openai/gpt-6-sol": ["lab/x"]}
    assert names("gpt-6-luna", aliases=aliases) == ["openai/gpt-6-luna", "openrouter/openai/gpt-6-luna"]
    assert names("openai/gpt-6-sol", aliases=aliases) == ["lab/x"]


def test_aliases_may_lead_to_aliases_and_a_target_named_twice_is_tried_once() -> None:
    aliases = {"best": ["fast", "lab/b", "lab/a"], "fast": ["lab/a"]}
    assert names("best", aliases=aliases) == ["lab/a", "lab/b"]


@pytest.mark.parametrize("aliases", [{"a": ["b"], "b": ["a"]}, {"a": ["a"]}, {"a": ["lab/x", "b"], "b": ["a"]}])
def test_aliases_in_a_circle_are_a_configuration_error_that_shows_it(aliases: dict[str, list[str]]) -> None:
    with pytest.raises(ConfigError, match="circle: a → "):
        names("a", aliases=aliases)


def test_an_alias_without_targets_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="no targets"):
        names("a", aliases={"a": []})


@pytest.mark.parametrize(
    ("pattern", "target", "asked", "got"),
    [
        ("claude-*", "anthropic/*", "claude-haiku-9", "anthropic/claude-haiku-9"),
        ("claude-*", "anthropic/claude-*", "claude-haiku-9", "anthropic/claude-haiku-9"),
        ("claude-*", "openrouter/anthropic/claude-*", "claude-x", "openrouter/anthropic/claude-x"),
        ("claude-*", "groq/openai/gpt-oss-120b", "claude-x", "groq/openai/gpt-oss-120b"),
        ("fast/*", "groq/*", "fast/llama", "groq/llama"),
        ("*", "lab/*", "anything", "lab/anything"),
        ("*-mini", "lab/small-*", "gpt-mini", "lab/small-gpt"),
        ("*", "gpt-6-luna", "anything", "openai/gpt-6-luna"),
    ],
)
def test_a_pattern_passes_on_what_fits(pattern: str, target: str, asked: str, got: str) -> None:
    assert names(asked, aliases={pattern: [target]}) == [got]


def test_an_exact_alias_wins_over_a_pattern_and_a_longer_pattern_over_a_shorter() -> None:
    aliases = {"*": ["lab/any"], "claude-*": ["lab/claude"], "claude-opus": ["lab/opus"]}
    assert names("claude-opus", aliases=aliases) == ["lab/opus"]
    assert names("claude-haiku", aliases=aliases) == ["lab/claude"]
    assert names("gpt", aliases=aliases) == ["lab/any"]


def test_a_pattern_may_catch_names_that_begin_with_a_provider() -> None:
    assert names("openai/gpt-6-sol", aliases={"openai/*": ["lab/*"]}) == ["lab/gpt-6-sol"]


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("anthropic/claude-haiku-5-5", "anthropic/claude-haiku-5-5"),
        ("g/llama-3.3-70b-versatile", "groq/llama-3.3-70b-versatile"),
        ("o/anthropic/claude-opus-5.5", "openrouter/anthropic/claude-opus-5.5"),
        ("c/Qwen/Qwen3.8-27B-TEE", "chutes/Qwen/Qwen3.8-27B-TEE"),
        ("gemini/gemini-3.8-flash", "google/gemini-3.8-flash"),
        ("ollama/llama3.2:1b", "ollama/llama3.2:1b"),
    ],
)
def test_the_first_segment_names_the_provider_and_the_rest_may_hold_slashes(asked: str, got: str) -> None:
    assert names(asked) == [got]


def test_a_model_that_the_catalog_does_not_know_is_passed_on_with_everything_unknown() -> None:
    (target,) = targets("openai/gpt-99")
    assert target.row is None
    assert target.traits.context is None


def test_a_bare_name_goes_to_the_provider_that_has_a_credential() -> None:
    assert names("openai/gpt-oss-120b", providers={k: v for k, v in PROVIDERS.items() if k != "openai"}) == [
        "groq/openai/gpt-oss-120b"
    ]
    without_openai = {k: v for k, v in PROVIDERS.items() if k != "openai"}
    assert names("openai/gpt-oss-120b", providers=without_openai, keys=("openrouter",)) == [
        "openrouter/openai/gpt-oss-120b"
    ]


def test_a_known_bare_name_keeps_its_spelling_and_finds_its_row() -> None:
    (target,) = targets("gpt-4o-2024-08-06")
    assert target.name == "openai/gpt-4o-2024-08-06"
    assert target.row is not None and target.row.id == "gpt-4o"


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("claude-opus-9", "anthropic/claude-opus-9"),
        ("gpt-9", "openai/gpt-9"),
        ("gemini-9-pro", "google/gemini-9-pro"),
        ("grok-9", "xai/grok-9"),
        ("kimi-k9", "moonshotai/kimi-k9"),
        ("lab-x", "lab/lab-x"),
    ],
)
def test_an_unknown_name_of_a_known_family_is_passed_on(asked: str, got: str) -> None:
    (target,) = targets(asked)
    assert target.name == got
    assert target.row is None


@pytest.mark.parametrize("asked", ["no-such-model", "nowhere/no-such-model", "/", "openai/", "*"])
def test_a_name_that_stands_for_nothing_is_not_found(asked: str) -> None:
    with pytest.raises(ModelNotFound):
        targets(asked)


def test_what_may_have_been_meant_is_suggested_aliases_first() -> None:
    with pytest.raises(ModelNotFound) as caught:
        targets("opnai/gpt-6-luna", aliases={"opnai/gpt-6-lunar": ["lab/x"]})
    assert caught.value.suggestions[:2] == ("opnai/gpt-6-lunar", "openai/gpt-6-luna")


def test_a_name_that_an_alias_leads_to_in_vain_is_shown_with_its_way() -> None:
    with pytest.raises(ModelNotFound, match=r"'nonsense' \(through fast\)"):
        targets("fast", aliases={"fast": ["nonsense"]})


def test_without_a_name_the_configured_default_is_used() -> None:
    assert names("", default="fast", aliases={"fast": ["lab/x"]}, keys=("openai",)) == ["lab/x"]


@pytest.mark.parametrize(
    ("keys", "got"),
    [
        (("openai", "anthropic"), "openai/gpt-6-luna"),
        (("groq", "anthropic"), "anthropic/claude-haiku-5-5"),
        (("together", "mistral"), "mistral/mistral-small-latest"),
        (("together",), "local/smollm2"),
        ((), "local/smollm2"),
    ],
)
def test_without_a_default_the_first_provider_that_can_be_called_is_used(keys: tuple[str, ...], got: str) -> None:
    assert names("", keys=keys) == [got]


def test_a_users_own_host_is_preferred_to_the_model_in_this_process() -> None:
    own = define("own", {"base_url": "http://h/v1", "dialect": "openai_chat", "auth": "none", "default_model": "m"})
    assert names("", providers={**PROVIDERS, "own": own}) == ["own/m"]


def test_the_clients_dialect_is_spoken_where_the_host_speaks_it() -> None:
    assert targets("deepseek/deepseek-flash")[0].dialect == "openai_chat"
    assert targets("deepseek/deepseek-flash", dialect="anthropic_messages")[0].dialect == "anthropic_messages"
    assert targets("groq/llama-3.1-8b-instant", dialect="anthropic_messages")[0].dialect == "openai_chat"


def test_a_target_knows_its_hosts_flavour_of_the_dialect_it_speaks() -> None:
    (chat,) = targets("deepseek/deepseek-flash")
    (messages,) = targets("deepseek/deepseek-flash", dialect="anthropic_messages")
    assert chat.host.reasoning_required and not messages.host.reasoning_required
    assert messages.url("/messages") == "https://api.deepseek.com/anthropic/v1/messages"


def test_a_deployment_is_looked_up_by_the_model_behind_it() -> None:
    azure = PROVIDERS["azure"].with_settings(
        {"resource": "r", "deployments": {"prod": "gpt-6-luna", "claude": "anthropic/claude-opus-5-5"}}
    )
    providers = {**PROVIDERS, "azure": azure}
    (prod,) = targets("azure/prod", providers=providers)
    (claude,) = targets("azure/claude", providers=providers)
    (plain,) = targets("azure/gpt-6-sol", providers=providers)
    assert (prod.model, prod.row and prod.row.id) == ("prod", "gpt-6-luna")
    assert claude.row is not None and claude.row.name == "anthropic/claude-opus-5-5"
    assert plain.row is not None and plain.traits.tools_with_reasoning is False


def test_a_retired_model_is_still_resolved_and_its_end_is_seen() -> None:
    (target,) = targets("deepseek/deepseek-chat")
    assert target.row is not None and target.row.shutdown == "2026-07-24"


def test_a_row_may_say_that_its_models_accept_each_others_reasoning() -> None:
    providers = {**PROVIDERS, "lab": PROVIDERS["lab"].with_settings({"reasoning_portable": "lab"})}
    assert targets("lab/x", providers=providers)[0].traits.reasoning_portable == "lab"


def test_a_default_that_stands_for_nothing_is_a_configuration_error() -> None:
    """Nobody typed that name just now."""
    with pytest.raises(ConfigError, match=r"default_model: .*'nosuch'"):
        targets("", default="nosuch")
