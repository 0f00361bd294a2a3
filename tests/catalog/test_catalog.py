from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from interlingua.catalog.catalog import Catalog, Model, load_catalog
from interlingua.types.traits import Traits

CATALOG = load_catalog()
TEXT = (files("interlingua.catalog") / "models.json").read_text("utf-8")


def test_every_model_of_the_fact_sheet_and_the_local_one_are_there() -> None:
    assert len(CATALOG.models) == 141
    assert len({model.name for model in CATALOG.models}) == 141


def test_the_catalog_is_read_once() -> None:
    assert load_catalog() is CATALOG


def test_no_figure_of_money_is_a_float() -> None:
    def floats(value: object, path: str = "") -> list[str]:
        if isinstance(value, dict):
            return [hit for key, child in value.items() for hit in floats(child, f"{path}.{key}")]
        if isinstance(value, list):
            return [hit for child in value for hit in floats(child, path)]
        return [path] if isinstance(value, float) else []

    assert floats(json.loads(TEXT)) == []


def test_rows_use_only_traits_that_exist() -> None:
    known = set(Traits.__struct_fields__)
    for row in json.loads(TEXT)["models"]:
        assert set(row["traits"]) <= known, row["id"]


def test_one_model_stands_on_one_line() -> None:
    lines = [line for line in TEXT.splitlines() if line.startswith('{"provider"')]
    assert len(lines) == len(CATALOG.models)


def test_every_price_and_every_row_names_sources_that_are_explained_with_a_day() -> None:
    for model in CATALOG.models:
        assert model.sources, model.name
        assert set(model.sources) <= set(CATALOG.sources), model.name
        for row in model.prices:
            assert row.source, model.name
            assert set(row.source) <= set(CATALOG.sources), model.name
        for rule in model.rules:
            assert set(rule.source) <= set(CATALOG.sources), model.name
    assert all(re.search(r"\d{4}-\d{2}-\d{2}", source) for source in CATALOG.sources.values())


def test_dates_are_days_or_months() -> None:
    for model in CATALOG.models:
        for date in (model.released, model.shutdown):
            assert re.fullmatch(r"(\d{4}-\d{2}(-\d{2})?)?", date), model.name


def test_dated_price_rows_follow_each_other_without_overlap() -> None:
    for model in CATALOG.models:
        for earlier, later in zip(model.prices, model.prices[1:], strict=False):
            assert earlier.until < later.from_, model.name
        for row in model.prices:
            assert list(row.tiers) == sorted(row.tiers, key=lambda tier: tier.above), model.name


def test_a_model_is_found_by_id_and_by_alias() -> None:
    assert CATALOG.find("openai", "gpt-5.6") is CATALOG.find("openai", "gpt-5.6-sol")
    assert CATALOG.find("openai", "gpt-6-luna") is not None
    assert CATALOG.find("groq", "gpt-6-luna") is None


def test_a_bare_name_finds_the_rows_of_all_providers() -> None:
    assert [model.provider for model in CATALOG.known("openai/gpt-oss-120b")] == ["groq", "openrouter"]
    assert CATALOG.known("nothing") == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("claude-opus-5.5", "anthropic/claude-opus-5-5"),
        ("Claude-Haiku-5-5-20261007", "anthropic/claude-haiku-5-5"),
        ("gpt6-luna", "openai/gpt-6-luna"),
        ("gtp-6-sol", "openai/gpt-6-sol"),
        ("openai/claude-opus-5-5", "anthropic/claude-opus-5-5"),
        ("haiku", "anthropic/claude-haiku-5-5"),
        ("llama3.3", "groq/llama-3.3-70b-versatile"),
        ("GEMINI 3.8 flash", "google/gemini-3.8-flash"),
        ("gpt-oss-20b", "groq/openai/gpt-oss-20b"),
    ],
)
def test_a_misspelt_name_suggests_what_was_meant_first(written: str, meant: str) -> None:
    assert CATALOG.suggest(written)[0] == meant


@pytest.mark.parametrize("written", ["", "zzzzzzzz", "é🙂"])
def test_a_name_like_no_other_suggests_nothing(written: str) -> None:
    assert CATALOG.suggest(written) == ()


def test_retired_models_are_not_suggested() -> None:
    assert "deepseek/deepseek-chat" not in CATALOG.suggest("deepseek-chat")
    row = CATALOG.find("deepseek", "deepseek-chat")
    assert row is not None and row.retired("2026-11-20") and not row.retired("2026-07-23")


def test_a_search_combines_its_filters() -> None:
    found = CATALOG.search("flash", input="audio", tools=True, provider="google", max_input_price="0.3")
    assert [model.id for model in found] == [
        "gemini-3.5-flash-lite",
        "gemini-3.1-flash-lite",
        "gemini-2.5-flash",
        "gemini-2.5-flash-lite",
    ]
    assert all((model.traits.context or 0) >= 1_000_000 for model in CATALOG.search(min_context=1_000_000))
    assert CATALOG.search("GPT astra", provider="openai")[0].id == "gpt-6-astra"


def test_an_unknown_price_fits_no_limit() -> None:
    assert "gemini-4-hydrogen" not in {model.id for model in CATALOG.search(max_input_price="1000000")}


def test_alternatives_can_do_it_are_of_several_providers_and_are_not_about_to_end() -> None:
    found = CATALOG.alternatives(input="audio")
    assert 1 < len(found) <= 3
    providers = [name.partition("/")[0] for name in found]
    assert len(set(providers)) == len(providers)
    for name in found:
        provider, _, model = name.partition("/")
        row = CATALOG.find(provider, model)
        assert row is not None and "audio" in row.traits.input and not row.shutdown


def test_alternatives_of_a_given_provider_come_first() -> None:
    assert CATALOG.alternatives(tools=True, provider="groq")[0].startswith("groq/")


def test_the_local_model_is_free_and_has_defaults_for_what_nobody_set() -> None:
    row = CATALOG.find("local", "smollm2")
    assert row is not None
    assert row.defaults.system == "You are a helpful assistant. Answer briefly and correctly."
    assert row.defaults.temperature == 0
    assert (row.traits.context, row.traits.input, row.traits.tools) == (8192, ("text",), True)


@pytest.mark.parametrize(
    ("name", "forms", "off", "forced", "bound"),
    [
        ("claude-haiku-4-5", ("enabled", "disabled"), True, True, False),
        ("claude-sonnet-4-6", ("enabled", "adaptive", "disabled"), True, True, False),
        ("claude-opus-4-8", ("adaptive", "disabled"), True, True, False),
        ("claude-haiku-5-5", ("adaptive", "disabled"), True, True, True),
        ("claude-sonnet-5-5", ("adaptive", "between_tools"), False, False, True),
        ("claude-opus-5-5", ("adaptive",), False, False, True),
        ("claude-fable-5", ("adaptive",), False, True, False),
        ("claude-fable-5-2", ("adaptive",), False, False, True),
    ],
)
def test_claude_rows_say_what_the_models_accept(
    name: str, forms: tuple[str, ...], off: bool, forced: bool, bound: bool
) -> None:
    row = CATALOG.find("anthropic", name)
    assert row is not None
    traits = row.traits
    assert traits.thinking == forms
    assert (traits.reasoning_off, traits.forced_tool_choice, traits.prefix_bound) == (off, forced, bound)


def test_openai_rows_tell_where_tools_and_reasoning_exclude_each_other() -> None:
    excluded = {model.id for model in CATALOG.of("openai") if model.traits.tools_with_reasoning is False}
    assert {"gpt-5.4", "gpt-5.4-mini", "gpt-5.5", "gpt-5.6-luna", "gpt-6-luna", "gpt-6.1-terra"} <= excluded
    assert not excluded & {"gpt-5.3-codex", "gpt-5.2", "gpt-5", "gpt-4.1", "o3"}


def test_gemini_rows_ask_for_thought_signatures_from_the_third_generation_on() -> None:
    for model in CATALOG.of("google"):
        if model.id.startswith("gemini-"):
            assert model.traits.thought_signatures is (not model.id.startswith("gemini-2")), model.id


def test_a_catalog_can_be_made_of_a_few_rows() -> None:
    mine = Catalog([Model(provider="lab", id="small", aliases=("tiny",))])
    assert mine.known("tiny") == [mine.find("lab", "small")]
    assert mine.suggest("smal") == ("lab/small",)
