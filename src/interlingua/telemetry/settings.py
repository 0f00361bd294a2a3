"""What telemetry can be told; gathered into the configuration by `config/schema.py`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


class TelemetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What operators see.

    Args:
        log_format: `auto` is text on a terminal, and JSON elsewhere.
        log_level: the least important that is told. Every call is `info`, or `warning` and `error` by how it ended.
        metrics: whether calls are counted for `/metrics`.
        traces: whether calls become spans, where an OpenTelemetry SDK is set up in this process.
    """

    log_format: LogFormat = "auto"
    log_level: LogLevel = "info"
    metrics: bool = True
    traces: bool = True
