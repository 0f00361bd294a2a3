"""All benchmarks, one after the other."""

from __future__ import annotations

from benchmarks import import_time, in_process, translate

for module in (import_time, translate, in_process):
    print(f"\n== {(module.__doc__ or '').splitlines()[0]}")
    module.report()
