"""A measurement as it is kept."""

from __future__ import annotations

import msgspec

from interlingua.bench.kept import Plan, benchmark, new_id
from interlingua.bench.measure import Sample


def test_it_holds_what_was_asked_for_how_far_it_is_and_the_figures() -> None:
    """Costs as dollars, unknown ones as nothing; never a prompt."""
    plan = Plan(models=("a", "b"), prompts=2, runs=3, max_output_tokens=9)
    samples = [
        Sample(model="a", target="x/a", prompt=0, run=0, started=10, total=1.0, first=0.25, cost=2_000_000_000_000),
        Sample(model="b", target="x/b", prompt=0, run=0, started=10, total=2.0, error="overloaded", message="full"),
    ]
    found = benchmark("bench_1", plan, samples, 10, 99, "running")
    assert (found.id, found.started, found.state) == ("bench_1", 10, "running")
    value = found.value
    assert (value["calls"], value["done"], value["seen"], value["by"]) == (12, 2, 99, "il bench")
    assert (value["models"], value["prompts"], value["runs"], value["at_once"]) == (("a", "b"), 2, 3, 1)
    figures = value["figures"]
    assert isinstance(figures, list)
    first, second = (msgspec.convert(one, dict[str, object]) for one in figures)
    assert (first["first_p50"], first["cost"], first["failed"]) == (0.25, "2", 0)
    assert (second["cost"], second["errors"]) == (None, {"overloaded": 1})
    assert msgspec.json.decode(msgspec.json.encode(found)) is not None


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(100)}) == 100
