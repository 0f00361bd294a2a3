"""All benchmarks, one after the other."""

from __future__ import annotations

from benchmarks import bench_translate, import_time, in_process
from benchmarks.gateway import run as gateway

for module in (import_time, bench_translate, in_process):
    print(f"\n== {(module.__doc__ or '').splitlines()[0]}")
    module.report()

print(f"\n== {(gateway.__doc__ or '').splitlines()[0]}")
gateway.report_quick()
