"""In which order an alias's targets are asked."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlingua.config.build import build_engine
from interlingua.config.load import load_config
from interlingua.config.schema import Config
from interlingua.engine.route import Asking
from interlingua.engine.router import ModelAlias, WeightedTarget
from interlingua.engine.strategies import MEMORY, Latencies, Size, Strategy
from interlingua.errors import ConfigError
from interlingua.ports.transport import HttpRequest
from interlingua.transport.scripted import Script
from tests.engine.hosts_scripted import BROKEN, Hosts, answer, ask, stream


def order(hosts: Hosts, asking: Asking | None = None, name: str = "all") -> list[str]:
    return [target.provider.id for target in hosts.engine.plan(name, asking=asking or Asking()).targets]


def three(strategy: Strategy, weights: tuple[float, ...] = (1, 1, 1)) -> Hosts:
    targets = tuple(WeightedTarget(target=f"{h}/m", weight=w) for h, w in zip("abc", weights, strict=True))
    models = {"all": ModelAlias(targets=targets, strategy=strategy)}
    return Hosts({"a": answer(), "b": answer(), "c": answer()}, models=models)


def chances(hosts: Hosts, count: int = 1009) -> None:
    chance = random.Random(7)
    hosts.clock.chances = [chance.random() for _ in range(count)]


def test_weighted_shares_calls_by_weight() -> None:
    """Six, three and one in ten; who weighs nothing comes last."""
    hosts = three("weighted", (6, 3, 1))
    chances(hosts)
    first = Counter(order(hosts)[0] for _ in range(3000))
    assert first["a"] / 3000 == pytest.approx(0.6, abs=0.06)
    assert first["b"] / 3000 == pytest.approx(0.3, abs=0.06)
    hosts = three("weighted", (1, 0, 1))
    chances(hosts)
    assert {order(hosts)[-1] for _ in range(100)} == {"b"}


def test_sticky_keeps_a_conversation_where_it_is() -> None:
    """And shares conversations by weight."""
    hosts = three("sticky", (6, 3, 1))
    chances(hosts)
    found = {i: order(hosts, Asking(conversation=f"conversation {i}")) for i in range(1000)}
    assert all(order(hosts, Asking(conversation=f"conversation {i}")) == found[i] for i in range(1000))
    assert Counter(one[0] for one in found.values())["a"] / 1000 == pytest.approx(0.6, abs=0.06)


async def test_latency_asks_who_was_fastest_of_late_and_measures_the_others() -> None:
    """A slow answer counts at once; a failure counts as a slow one; what is old is forgotten."""
    models = {"all": ModelAlias(targets=("a/m", "b/m"), strategy="latency")}
    hosts = Hosts({"a": stream(), "b": stream()}, models=models)

    async def call(host: str, seconds: float) -> None:
        def slowly(request: HttpRequest) -> Script:
            hosts.clock.now += seconds
            return stream()

        hosts.rules[host] = slowly
        assert order(hosts)[0] == host
        async for _ in hosts.engine.stream(ask()):
            pass

    await call("a", 2.0)
    await call("b", 0.5)
    await call("b", 0.4)
    await call("b", 5.0)
    assert order(hosts) == ["a", "b"]
    hosts.clock.now += 1000
    hosts.rules["a"] = BROKEN
    async for _ in hosts.engine.stream(ask()):
        pass
    assert order(hosts) == ["b", "a"]


@given(samples=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=20))
def test_a_measured_time_lies_between_nothing_and_the_slowest(samples: list[tuple[float, float]]) -> None:
    """A peak counts in full; then it fades."""
    latencies, now = Latencies(), 0.0
    for seconds, passed in samples:
        now += passed
        latencies.add("a", seconds, now)
        assert latencies.of("a", now) >= seconds - 1e-9
        assert latencies.of("a", now) <= max(one for one, _ in samples) + 1e-9
    assert latencies.of("a", now + 50 * MEMORY) < 1e-6
    assert latencies.of("nobody", now) == 0


def test_cheapest_reckons_with_the_calls_own_size() -> None:
    """Cheap prompts win a long prompt, cheap answers a short one; an unknown price is not a low one."""
    targets = ("lab/unknown", "openai/gpt-6-sol", "openai/gpt-6-luna")
    config = Config(
        providers={"lab": {"base_url": "http://lab/v1", "dialect": "openai_chat"}},
        models={"all": ModelAlias(targets=targets, strategy="cheapest")},
    )
    engine = build_engine(config, environment={})
    route = engine.plan("all", asking=Asking(size=lambda: Size(10_000, 1000)))
    assert [target.name for target in route.targets][-1] == "lab/unknown"
    assert route.why["lab/unknown"] == "its price is unknown"
    costs = [float(route.why[target.name].split()[1]) for target in route.targets[:-1]]
    assert costs == sorted(costs)
    assert costs[0] > 0


def test_an_alias_within_an_alias_stays_together_in_its_own_order() -> None:
    """Each level has its strategy; a header changes the outermost."""
    models = {
        "inner": ModelAlias(targets=("a/m", "b/m"), strategy="weighted"),
        "all": ModelAlias(targets=("c/m", "inner")),
    }
    hosts = Hosts({"a": answer(), "b": answer(), "c": answer()}, models=models)
    chances(hosts)
    assert {tuple(order(hosts)) for _ in range(50)} == {("c", "a", "b"), ("c", "b", "a")}
    assert ("a", "b", "c") in {tuple(order(hosts, Asking(strategy="weighted"))) for _ in range(50)}


def test_why_a_target_came_first_is_told() -> None:
    """For every strategy that decides anything."""
    whys: dict[Strategy, Callable[[str], bool]] = {
        "weighted": lambda why: "weight" in why,
        "sticky": lambda why: "conversation" in why,
        "latency": lambda why: "not measured" in why,
        "cheapest": lambda why: "price" in why,
    }
    for strategy, fits in whys.items():
        route = three(strategy).engine.plan("all", asking=Asking(conversation="x"))
        assert all(fits(route.why[target.name]) for target in route.targets)
    assert three("ordered").engine.plan("all").why == {}


def test_a_fallback_for_no_error_of_ours_is_refused_with_what_may_be_meant(tmp_path: Path) -> None:
    """A misspelt rule is one that never holds."""
    file = tmp_path / "il.toml"
    file.write_text('[models.fast]\ntargets = ["a/m"]\n[models.fast.fallbacks]\ncontent_filter = ["b/m"]\n')
    with pytest.raises(ConfigError, match=r"content_filter.*did you mean 'content_filtered'"):
        load_config(file, environment={})
    file.write_text('[models.fast]\ntargets = ["lab/a", { target = "lab/b", weight = 3 }]\nstrategy = "weighted"\n')
    assert load_config(file, environment={}).models["fast"].names == ("lab/a", "lab/b")
