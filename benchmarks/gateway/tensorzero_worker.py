"""Runs TensorZero's gateway, which its Python package carries, and prints where: `tensorzero_worker.py CONFIG`."""

from __future__ import annotations

import sys
import threading
from typing import Any

import tensorzero

start: Any = tensorzero._start_http_gateway
gateway = start(config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False)
print("address", gateway.base_url, flush=True)
threading.Event().wait()
