"""What callers wish, and what they get."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlingua.client.client import AsyncClient
from interlingua.config.schema import Config, VoiceSettings
from interlingua.engine.router import ModelAlias
from interlingua.errors import ConfigError, ModelNotFound
from interlingua.voice.choices import NAMES, Chooser, aloud, offered, read_wishes
from tests.voice.sessions import CONFIG, LAB

SETTINGS = VoiceSettings(
    llm_model="lab/m", llm_models=("fast", "far/*", "chutes/*"), task_agent_provider="lab", task_agents=("far/*",)
)
ALIASES = {"fast": ModelAlias(targets=("lab/x", "far/y")), "mixed": ModelAlias(targets=("far/y", "lab/x"))}
ENGINE = AsyncClient(
    config=replace(CONFIG, models=ALIASES, providers={**CONFIG.providers, "bare": {**LAB, "default_model": ""}})
).engine


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_metadata_is_read_without_failing(text: str) -> None:
    """It is written by whoever made the token, and by the participant afterwards."""
    assert set(read_wishes(text, {"llm_model": text})) <= set(NAMES)


@given(st.text(max_size=300))
def test_any_wish_is_followed_or_refused(name: str) -> None:
    """And what is refused can be said: no control characters, not too long."""
    chosen = Chooser(SETTINGS, ENGINE).choose(
        {"llm_model": name, "task_agent_provider": name, "task_agent_model": name}
    )
    assert chosen.llm_model in ("lab/m", name)
    assert all(reason.isprintable() and len(reason) < 250 for reason in chosen.refused)


@pytest.mark.parametrize(
    ("wish", "got"),
    [
        ("far/anything", "far/anything"),
        ("fast", "fast"),
        ("mixed", "lab/m"),  # one of its targets is not allowed
        ("lab/other", "lab/m"),
        ("nobody/x", "lab/m"),
        ("chutes/some-model", "lab/m"),  # allowed, but there is no key
    ],
)
def test_a_voice_model_is_followed_where_the_list_and_a_key_allow_it(wish: str, got: str) -> None:
    """By the name that was asked for, or by all that it leads to."""
    chosen = Chooser(SETTINGS, ENGINE).choose({"llm_model": wish})
    assert chosen.llm_model == got
    assert bool(chosen.refused) is (wish != got)


@pytest.mark.parametrize(
    ("wishes", "got"),
    [
        ({}, "lab/m"),
        ({"task_agent_provider": "far"}, "far/m"),
        ({"task_agent_provider": "far", "task_agent_model": "deep"}, "far/deep"),
        ({"task_agent_provider": "lab"}, "lab/m"),
        ({"task_agent_model": "other"}, "lab/m"),
        ({"task_agent_provider": "bare"}, "lab/m"),
        ({"task_agent_provider": "https://evil.example/v1"}, "lab/m"),
    ],
)
def test_a_task_agent_is_followed_where_the_list_allows_it(wishes: dict[str, str], got: str) -> None:
    """A provider without a model is its default model; never an address."""
    assert Chooser(SETTINGS, ENGINE).choose(wishes).task_agent == got


def test_a_participants_provider_does_not_inherit_the_jobs_model() -> None:
    """It was a model of another provider."""
    job = {"task_agent_provider": "lab", "task_agent_model": "huge"}
    assert Chooser(SETTINGS, ENGINE).choose(job, {"task_agent_provider": "far"}).task_agent == "far/m"


def test_defaults_that_cannot_be_are_told_at_start() -> None:
    """Not in the first call."""
    with pytest.raises(ModelNotFound):
        Chooser(replace(SETTINGS, llm_model="nobody/x"), ENGINE)
    with pytest.raises(ConfigError, match=r"voice\.task_agent_provider"):
        Chooser(replace(SETTINGS, task_agent_provider="nobody"), ENGINE)


def test_without_settings_the_voice_model_is_the_default_and_tasks_go_where_task_agents_go() -> None:
    """The first seed's defaults."""
    chosen = Chooser(VoiceSettings(), AsyncClient(config=Config()).engine).choose()
    assert chosen.llm_model == "local/smollm2"
    assert chosen.task_agent_provider == "chutes"


def test_what_is_offered_is_what_would_be_followed() -> None:
    """Aliases, models of the catalog, defaults of hosts of one's own, and what the lists themselves name."""
    settings = replace(SETTINGS, llm_models=("fast", "far/*", "lab/named", "gone/x"), task_agents=("far/*", "lab/deep"))
    told = msgspec.json.decode(offered(settings, ENGINE))
    assert told["llm_models"] == ["lab/m", "fast", "lab/named", "far/m"]
    assert told["task_agents"] == [
        {"provider": "lab", "model": "m"},
        {"provider": "lab", "model": "deep"},
        {"provider": "far", "model": "m"},
    ]
    assert (told["llm_model"], told["task_agent_provider"], told["task_agent_model"]) == ("lab/m", "lab", "m")
    chooser = Chooser(settings, ENGINE)
    for name in told["llm_models"]:
        assert chooser.choose({"llm_model": name}).llm_model == name
    for one in told["task_agents"]:
        wish = {"task_agent_provider": one["provider"], "task_agent_model": one["model"]}
        assert chooser.choose(wish).task_agent == f"{one['provider']}/{one['model']}"


def test_of_the_catalog_only_models_are_offered_that_there_is_a_key_for() -> None:
    """Nobody chooses what cannot answer."""
    engine = AsyncClient(config=CONFIG, api_keys={"groq": "k"}).engine
    told = msgspec.json.decode(offered(replace(SETTINGS, llm_models=("groq/*", "anthropic/*")), engine))
    assert len(told["llm_models"]) > 1
    assert {name.partition("/")[0] for name in told["llm_models"]} == {"lab", "groq"}


def test_names_are_said_in_words() -> None:
    """A voice should not read slashes."""
    assert aloud("openrouter/openai/gpt-6-sol") == "gpt 6 sol"
    assert aloud("\n/") == "that"
