"""Newer prices are fetched on demand, from a fixed list of hosts, and change nothing that they cannot prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.catalog.catalog import Catalog, load_catalog
from interlingua.catalog.overlay import Overlay, overlay_path, present_catalog
from interlingua.catalog.price_lists import GENAI_PRICES, MODELS_DEV, parse
from interlingua.catalog.pricing import price_at, row_of_day
from interlingua.catalog.refresh import Refreshed, fetch, refreshed, save
from interlingua.errors import ConnectionFailed, UpstreamError
from interlingua.transport.scripted import Script, ScriptedTransport
from tests.cli.runs import run

TODAY = "2026-11-25"
PROVIDERS = {model.provider for model in load_catalog().models}


def models_dev(**changed: dict[str, Any]) -> dict[str, Any]:
    """What models.dev would say: our own figures, but for some of OpenAI's."""
    found: dict[str, Any] = {}
    for model in load_catalog().models:
        row = row_of_day(model.prices, TODAY)
        if row is None or row.input is None or row.output is None or model.provider == "local":
            continue
        rates = {name: float(rate) for name in ("input", "output") if (rate := getattr(row, name)) is not None}
        entry = found.setdefault(model.provider, {"id": model.provider, "models": {}})
        entry["models"][model.id] = {"id": model.id, "cost": rates, "limit": {"context": 1000, "output": 100}}
    for id, cost in changed.items():
        entry = {
            "id": id,
            "limit": {"context": 1000, "output": 100},
            "modalities": {"input": ["text"], "output": ["text"]},
        }
        found["openai"]["models"][id.replace("_", "-")] = {**entry, "tool_call": True, "cost": cost}
    return found


def genai_prices(**prices: Any) -> list[dict[str, Any]]:
    """What genai-prices would say of OpenAI's models; enough of the others to be believed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model in load_catalog().models:
        row = row_of_day(model.prices, TODAY)
        if row is not None and row.input and row.output and model.provider in ("anthropic", "google", "groq"):
            known = {"input_mtok": float(row.input), "output_mtok": float(row.output)}
            found.setdefault(model.provider, []).append({"id": model.id, "prices": known})
    found["openai"] = [{"id": id.replace("_", "-"), "prices": price} for id, price in prices.items()]
    return [{"id": provider, "models": models} for provider, models in found.items()]


async def refresh(genai: Any, dev: Any, catalog: Catalog | None = None) -> Refreshed:
    """From both lists."""
    transport = ScriptedTransport([Script.json(genai), Script.json(dev)])
    return await refreshed(transport, catalog or load_catalog(), PROVIDERS, TODAY)


def told(found: Refreshed) -> dict[str, tuple[str, str, str]]:
    return {one.model: (one.what, one.before, one.after) for one in found.changes}


async def test_lists_that_say_what_we_know_change_nothing() -> None:
    found = await refresh(genai_prices(), models_dev())
    assert [one for one in found.changes if one.what != "left"] == []
    assert found.overlay.models == ()
    assert set(found.overlay.hashes) == {GENAI_PRICES.url, MODELS_DEV.url}


async def test_a_changed_price_holds_from_today_and_names_its_source(tmp_path: Path) -> None:
    """What calls cost before stays as it was."""
    new = {"input_mtok": 3, "output_mtok": 12, "cache_read_mtok": 1.5}
    found = await refresh(genai_prices(gpt_4o=new), models_dev(gpt_4o={"input": 3, "output": 12}))
    assert told(found) == {"openai/gpt-4o": ("price", "2.5/10", "3/12")} | {
        name: value for name, value in told(found).items() if value[0] == "left"
    }
    save(found.overlay, tmp_path / "catalog.json")
    catalog = present_catalog(tmp_path / "catalog.json")
    model = catalog.find("openai", "gpt-4o")
    assert model is not None
    before = price_at(model, prompt_tokens=1, when=1_795_500_000.0)  # 2026-11-24
    after = price_at(model, prompt_tokens=1, when=1_795_651_200.0)  # 2026-11-26
    assert before is not None and after is not None
    assert (before.input, before.source) == (2_500_000, "DLG")
    assert (after.input, after.cache_read, after.source, after.since) == (3_000_000, 1_500_000, "g", TODAY)
    assert catalog.sources["g"] == f"genai-prices {TODAY}"
    assert model.traits == load_catalog().find("openai", "gpt-4o").traits  # type: ignore[union-attr]  # it is there


async def test_two_of_three_hold_and_ours_is_one_of_them() -> None:
    found = await refresh(genai_prices(gpt_4o={"input_mtok": 9, "output_mtok": 9}), models_dev())
    assert "openai/gpt-4o" not in told(found)


async def test_a_new_model_is_known_with_all_that_is_told_of_it() -> None:
    found = await refresh(genai_prices(), models_dev(gpt_9={"input": 3, "output": 12, "input_audio": 30}))
    assert told(found)["openai/gpt-9"] == ("new", "", "3/12")
    (model,) = (one for one in found.overlay.models if one.id == "gpt-9")
    assert (model.traits.context, model.traits.tools, model.prices[0].input_audio) == (1000, True, "30")
    assert model.sources == "m"


@pytest.mark.parametrize(
    ("name", "price", "why"),
    [
        ("gpt_4o", {"input": 50, "output": 10}, "mistake"),
        ("gpt_6_sol", {"input": 3, "output": 12}, "tiers"),
    ],
)
async def test_what_a_list_cannot_prove_is_left_alone_and_told(name: str, price: dict[str, float], why: str) -> None:
    genai = {f"{key}_mtok": value for key, value in price.items()}
    found = await refresh(genai_prices(**{name: genai}), models_dev(**{name: price}))
    (change,) = (one for one in found.changes if one.model == f"openai/{name.replace('_', '-')}")
    assert (change.what, why in change.why) == ("left", True)
    assert change.model not in {model.name for model in found.overlay.models}


async def test_a_price_that_also_hangs_on_the_hour_is_left_alone() -> None:
    dev = models_dev()
    dev["deepseek"]["models"]["deepseek-flash"]["cost"] = {"input": 0.3, "output": 1.2}
    found = await refresh(genai_prices(), dev)
    assert {one.model: one.why for one in found.changes}["deepseek/deepseek-flash"] == "its price depends on the hour"


async def test_one_list_that_fails_is_said_and_the_other_used() -> None:
    transport = ScriptedTransport([Script.text("down", 503), Script.json(models_dev(gpt_9={"input": 3, "output": 12}))])
    found = await refreshed(transport, load_catalog(), PROVIDERS, TODAY)
    assert "openai/gpt-9" in told(found)
    assert len(found.unread) == 1 and "503" in found.unread[0]


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"openai": {"models": {"gpt-9": {"cost": {"input": 1}}}}}'])
async def test_what_is_no_list_changes_nothing(body: str) -> None:
    transport = ScriptedTransport([Script.text(body), Script.text(body)])
    with pytest.raises(UpstreamError):
        await refreshed(transport, load_catalog(), PROVIDERS, TODAY)


async def test_a_list_that_hardly_knows_our_models_is_taken_to_be_broken() -> None:
    few = {"openai": models_dev()["openai"] | {"models": {"gpt-4o": {"cost": {"input": 1, "output": 1}}}}}
    transport = ScriptedTransport([Script.json([]), Script.json(few)])
    with pytest.raises(UpstreamError):
        await refreshed(transport, load_catalog(), PROVIDERS, TODAY)


@pytest.mark.parametrize(
    "where",
    [
        "http://models.dev/api.json",
        "https://evil.example/api.json",
        "https://models.dev:8443/api.json",
        "https://user@models.dev/x",
        "https://models.dev.evil.example/",
        "file:///etc/passwd",
    ],
)
async def test_redirects_lead_only_to_hosts_of_the_list(where: str) -> None:
    transport = ScriptedTransport([Script(status=302, headers=(("location", where),), chunks=())])
    with pytest.raises(UpstreamError, match="not one of our sources"):
        await fetch(transport, MODELS_DEV)
    assert len(transport.requests) == 1


async def test_redirects_within_the_list_are_followed_but_not_without_end() -> None:
    script = Script(status=301, headers=(("location", "/elsewhere.json"),), chunks=())
    transport = ScriptedTransport([script, Script.text("x")])
    assert await fetch(transport, MODELS_DEV) == b"x"
    assert transport.requests[1].url == "https://models.dev/elsewhere.json"
    with pytest.raises(UpstreamError, match="without end"):
        await fetch(ScriptedTransport([script] * 9), MODELS_DEV)


async def test_a_list_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlingua.catalog.refresh.MOST_BYTES", 10)
    with pytest.raises(UpstreamError, match="more than 10"):
        await fetch(ScriptedTransport([Script.text("x" * 11)]), MODELS_DEV)


def test_tiers_and_dates_are_read_in_both_formats() -> None:
    stepped = {"input_mtok": {"base": 1, "tiers": [{"start": 200_000, "price": 2}]}, "output_mtok": 5}
    dated: list[dict[str, Any]] = [{"prices": {"input_mtok": 1, "output_mtok": 2}}]
    dated += [
        {"constraint": {"start_date": day}, "prices": {"input_mtok": 3, "output_mtok": 4}} for day in ("2026-11-01",)
    ]
    later = [*dated, {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 9, "output_mtok": 9}}]
    hours = [{"constraint": {"start_time": "01:00:00"}, "prices": {"input_mtok": 1, "output_mtok": 1}}]
    models = [{"id": name, "prices": price} for name, price in {"s": stepped, "d": later, "h": hours}.items()]
    found = parse(GENAI_PRICES, json.dumps([{"id": "x-ai", "models": models}]).encode(), TODAY)
    assert found["xai", "s"].tiers == ((200_000, {"input": "2", "output": "5"}),)
    assert found["xai", "d"].rates == {"input": "3", "output": "4"}
    assert ("xai", "h") not in found
    over = {"cost": {"input": 1, "output": 2, "context_over_200k": {"input": 2, "output": 4}}}
    found = parse(MODELS_DEV, json.dumps({"google": {"models": {"g": over}}}).encode(), TODAY)
    assert found["google", "g"].tiers == ((200_000, {"input": "2", "output": "4"}),)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "models", "cost", "prices", "input", "output", "tiers", "limit"]), inner
        )
    ),
    max_leaves=20,
)


@given(VALUES)
def test_no_list_however_odd_raises_anything_else(value: Any) -> None:
    body = json.dumps({"openai": value}).encode()
    for source, text in ((MODELS_DEV, body), (GENAI_PRICES, b"[" + body[11:-1] + b"]")):
        try:
            found = parse(source, text, TODAY)
        except UpstreamError:
            continue
        assert all(listed.rates for listed in found.values())


def test_an_overlay_that_cannot_be_used_or_is_older_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    assert present_catalog(path) is load_catalog()
    path.write_text("{")
    assert present_catalog(path) is load_catalog()
    save(Overlay(as_of="2020-01-01", sources={}, hashes={}, models=()), path)
    assert present_catalog(path) is load_catalog()


def test_the_command_shows_what_changes_and_keeps_it() -> None:
    """And `il catalog show` tells who says so."""
    new = {"input": 3, "output": 12}
    scripts = [
        Script.json(genai_prices(gpt_4o={"input_mtok": 3, "output_mtok": 12})),
        Script.json(models_dev(gpt_4o=new)),
    ]
    dry = run("catalog", "refresh", "--dry-run", transport=ScriptedTransport(list(scripts)))
    assert dry.exit_code == 0, dry.output
    assert "nothing was written" in dry.stderr and not overlay_path().exists()
    done = run("catalog", "refresh", transport=ScriptedTransport(list(scripts)))
    assert done.exit_code == 0, done.output
    assert "openai/gpt-4o" in done.stdout and "2.5/10" in done.stdout
    shown = run("catalog", "show", "gpt-4o").stdout
    assert "genai-prices" in shown and "models.dev 2026-09-30" in shown
    assert "not today" in shown


def test_without_a_network_the_last_good_file_stays() -> None:
    save(Overlay(as_of="2099-01-01", sources={}, hashes={}, models=()), overlay_path())
    before = overlay_path().read_bytes()
    done = run("catalog", "refresh", transport=ScriptedTransport([Script.refused(), Script.refused()]))
    assert done.exit_code == ConnectionFailed.exit_code
    assert overlay_path().read_bytes() == before


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            "claude-haiku-5-5",
            ("over 100,000 tokens", "0.2 cache write for 1h", "batch × 0.5", "us × 1.1"),
        ),
        ("deepseek-flash", ("01:00–04:00", "Monday", "holidays")),
        ("gemini-4-argon", ("from 26-12-01", "(not today)")),
    ],
)
def test_a_models_price_is_shown_with_all_its_conditions(model: str, words: tuple[str, ...]) -> None:
    shown = run("catalog", "show", model).stdout
    for word in words:
        assert word in shown, shown


def test_an_unknown_model_is_said_to_be_unknown() -> None:
    done = run("catalog", "show", "claude-haiku-5-6")
    assert done.exit_code == 64
    assert "claude-haiku-5-5" in done.stderr
