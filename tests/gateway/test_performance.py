"""What `il bench` measured stands on the page of performance."""

from __future__ import annotations

import time
from pathlib import Path

from interlingua.bench.measure import Sample, ledger_rows
from interlingua.stores.opening import open_store
from interlingua.transport.scripted import ScriptedTransport
from interlingua.types.usage import Usage
from tests.gateway.pages_client import pages


async def test_measured_calls_are_reckoned_like_all_others(tmp_path: Path) -> None:
    """Time to the first token, speed, and failures."""
    now = time.time_ns() // 1000
    usage = Usage(input_tokens=5, output_tokens=100)
    samples = [
        Sample(model="m", target="one/m", prompt=0, run=run, started=now, total=1.5, first=0.5, usage=usage, cost=7)
        for run in range(3)
    ]
    failed = Sample(model="m", target="one/m", prompt=0, run=3, started=now, total=0.1, error="overloaded")
    async with pages(tmp_path, ScriptedTransport([])) as page:
        store = await open_store(page.app.state.config.store)
        await store.write(ledger_rows([*samples, failed]))
        await store.aclose()
        (found,) = (await page.get("/api/performance"))["items"]
        assert (found["model"], found["calls"], found["errors"]) == ("one/m", 4, 1)
        assert (found["first_p50"], found["tps_p50"]) == (0.5, 100.0)
