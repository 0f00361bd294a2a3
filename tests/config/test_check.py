"""What is wrong with a configuration that can be built."""

from __future__ import annotations

from interlingua.config.build import build_engine
from interlingua.config.check import unready, unusable
from interlingua.config.schema import Config
from interlingua.engine.router import ModelAlias


def alias(*targets: str) -> ModelAlias:
    return ModelAlias(targets=targets)


def problems(config: Config) -> list[str]:
    return list(unusable(config, build_engine(config, environment={})))


def test_names_that_stand_for_no_model_are_told_with_what_to_do() -> None:
    (said,) = problems(Config(models={"fast": alias("gptt-6-sol")}))
    assert said.startswith("models.fast: there is no model called 'gptt-6-sol'")
    assert "Did you mean" in said


def test_circles_and_unknown_defaults_are_told() -> None:
    found = problems(Config(default_model="nothing", models={"a": alias("b"), "b": alias("a")}))
    assert found[0].startswith("default_model: there is no model called 'nothing'")
    assert all("lead in a circle" in said for said in found[1:])
    assert len(found) == 3


def test_patterns_and_good_names_are_nothing_to_tell() -> None:
    fine = {"fast": alias("openai/gpt-6-sol", "lab/x"), "claude-*": alias("anthropic/*")}
    lab = {"base_url": "http://127.0.0.1:1/v1", "dialect": "openai_chat"}
    assert problems(Config(default_model="fast", models=fine, providers={"lab": lab})) == []


def test_a_key_that_is_not_there_yet_is_told() -> None:
    lab = {"base_url": "http://127.0.0.1:1/v1", "dialect": "openai_chat", "api_keys": ["env:LAB_KEY"]}
    config = Config(providers={"lab": lab})
    assert list(unready(config, build_engine(config, environment={}))) == ["providers.lab.api_keys: LAB_KEY is not set"]
    assert list(unready(config, build_engine(config, environment={"LAB_KEY": "x"}))) == []
