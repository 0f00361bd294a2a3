"""Measurements of models, on both kinds of database."""

from __future__ import annotations

from msgspec.structs import replace

from interlingua.ports.benchmarks import Benchmark
from interlingua.stores.sql import SqlStore

ONE = Benchmark(id="bench_1", started=10, state="running", value={"done": 0, "figures": []})


async def test_a_measurement_is_written_read_and_listed_newest_first(store: SqlStore) -> None:
    """Each tenant's its own."""
    assert await store.benchmarks.put("acme", ONE) == "running"
    later = replace(ONE, id="bench_2", started=20, state="done")
    assert await store.benchmarks.put("acme", later) == "done"
    assert await store.benchmarks.list("acme") == (later, ONE)
    assert await store.benchmarks.list("acme", 1) == (later,)
    assert await store.benchmarks.list("other") == ()
    assert await store.benchmarks.read("other", "bench_1") is None
    assert await store.benchmarks.put("acme", replace(ONE, value={"done": 3})) == "running"
    assert await store.benchmarks.read("acme", "bench_1") == replace(ONE, value={"done": 3})
    assert not await store.benchmarks.delete("other", "bench_1")
    assert await store.benchmarks.delete("acme", "bench_1")
    assert await store.benchmarks.read("acme", "bench_1") is None


async def test_one_that_is_to_stop_stays_so_until_it_has(store: SqlStore) -> None:
    """Whoever runs it may be another process, and hears of it when it notes how far it is."""
    await store.benchmarks.put("acme", ONE)
    assert not await store.benchmarks.stop("other", "bench_1")
    assert await store.benchmarks.stop("acme", "bench_1")
    assert await store.benchmarks.put("acme", replace(ONE, value={"done": 1})) == "stopping"
    assert await store.benchmarks.put("acme", replace(ONE, state="stopped")) == "stopped"
    assert not await store.benchmarks.stop("acme", "bench_1")
