"""Log lines on standard error: JSON for machines, plain lines for people. One line tells of one call.

Everything that is written passes `wire/redact`, with the secrets that this process knows: no credential reaches a
line, whatever field a client or a provider put it in. What clients and providers wrote cannot break a line in two or
move a terminal's cursor. The lines of calls do not go through `logging`, which would cost a call as much again as its
row of the ledger; all other lines do.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import IO, Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from interlingua.errors import BY_CODE
from interlingua.ports.store import LedgerRow
from interlingua.telemetry.settings import LogFormat, LogLevel
from interlingua.types.money import PICO_PER_USD
from interlingua.types.secret import Secret
from interlingua.wire.redact import redact

Style = Literal["json", "text"]

_LEVELS: dict[LogLevel, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_NAMES = {number: name for name, number in _LEVELS.items()} | {logging.CRITICAL: "error"}
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")
_REMEMBERED = 2048
"""Short texts whose redacted form is remembered: names of keys and models come again and again."""
_SHORT = 200


class FailedTry(Struct, frozen=True, gc=False):
    """A try before the last one, in a call's line."""

    target: str
    status: int | None
    error: str | None


class CallLine(Struct, frozen=True, gc=False):
    """A call's line in JSON; the fields are those of its row. What does not apply is left out, what is unknown null."""

    time: str
    level: str
    logger: str
    request_id: str
    tenant: str
    key: str
    dialect: str
    operation: str
    model: str
    stream: bool
    status: int
    error: str | UnsetType
    seconds: float
    losses: tuple[str, ...] | UnsetType = UNSET
    target: str | UnsetType = UNSET
    lane: str | UnsetType = UNSET
    attempts: int = 0
    first_seconds: float | UnsetType = UNSET
    finish: str | UnsetType = UNSET
    input_tokens: int | UnsetType | None = UNSET
    output_tokens: int | UnsetType | None = UNSET
    cost_usd: float | UnsetType | None = UNSET
    failed: tuple[FailedTry, ...] | UnsetType = UNSET


class Logs:
    """Writes log lines.

    Args:
        stream: where to; standard error.
        style: `json` or `text`.
        level: the least important that is told.
        secrets: texts that must not survive.
    """

    def __init__(self, stream: IO[str], style: Style, level: LogLevel = "info", secrets: Iterable[Secret] = ()) -> None:
        self.style = style
        self.level = _LEVELS[level]
        self._stream = stream
        self._secrets: tuple[Secret, ...] = ()
        self._encoder = msgspec.json.Encoder()
        self._second = (0, "")
        self._clean = self._redact
        self.know(secrets)

    def know(self, secrets: Iterable[Secret]) -> None:
        """Takes over which secrets there are."""
        self._secrets = tuple(secrets)
        # A new memory each time: what was clean without a secret may not be with it.
        self._clean = lru_cache(maxsize=_REMEMBERED)(self._redact)

    def clean(self, text: str) -> str:
        """`text` on one line and without credentials."""
        return self._clean(text) if len(text) <= _SHORT else self._redact(text)

    def observe(self, row: LedgerRow) -> None:
        """Writes the line of a call that is over."""
        level = call_level(row)
        if level < self.level:
            return
        if self.style == "json":
            self._write(self._encoder.encode(self._call(row, level)).decode())
        else:
            self._write(self._sentence(row, level))

    def message(self, level: int, logger: str, text: str, trace: str = "", when: float | None = None) -> None:
        """Writes any other line.

        Args:
            level: as in `logging`.
            logger: who says it.
            text: what is said.
            trace: where in the source it arose, over several lines.
            when: seconds since 1970; now by default.
        """
        moment = datetime.now(UTC) if when is None else datetime.fromtimestamp(when, UTC)
        word = _NAMES.get(level, "info" if level < logging.WARNING else "error")
        if self.style == "json":
            stamp = self._stamp(int(moment.timestamp() * 1e6))
            line: dict[str, Any] = {"time": stamp, "level": word, "logger": logger, "message": self.clean(text)}
            if trace:
                line["trace"] = redact(trace, self._secrets)
            self._write(self._encoder.encode(line).decode())
        else:
            self._write(f"{_clock(moment)} {word:<7} {self.clean(text)}")
            if trace:
                self._write("\n".join(f"  {part}" for part in redact(trace, self._secrets).rstrip().splitlines()))

    def _call(self, row: LedgerRow, level: int) -> CallLine:
        clean = self.clean
        lost = tuple(clean(loss.field) for loss in row.losses) if row.losses else UNSET
        head = (
            self._stamp(row.started + row.duration),
            _NAMES[level],
            "interlingua.calls",
            row.request_id,
            clean(row.tenant),
            clean(row.key),
            row.dialect,
            row.operation,
            clean(row.model),
            row.stream,
            row.status,
            UNSET if row.error is None else row.error,
            row.duration / 1e6,
            lost,
        )
        if not row.attempts:
            return CallLine(*head)
        last, cost = row.attempts[-1], row.cost
        usage = last.usage
        return CallLine(
            *head,
            clean(last.target),
            last.lane,
            len(row.attempts),
            UNSET if last.first is None else last.first / 1e6,
            UNSET if last.finish is None else last.finish,
            UNSET if usage is None else usage.input_tokens,
            UNSET if usage is None else usage.output_tokens,
            None if cost is None else cost / PICO_PER_USD,
            tuple(FailedTry(clean(one.target), one.status, one.error) for one in row.attempts[:-1]) or UNSET,
        )

    def _stamp(self, micros: int) -> str:
        second, rest = divmod(micros, 1_000_000)
        if second != self._second[0]:
            self._second = second, f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._second[1]}.{rest // 1000:03d}Z"

    def _sentence(self, row: LedgerRow, level: int) -> str:
        clean = self.clean
        moment = datetime.fromtimestamp((row.started + row.duration) / 1e6, UTC)
        words = [_clock(moment), f"{_NAMES[level]:<7}", str(row.status), row.dialect, clean(row.model) or "-"]
        if row.attempts:
            last = row.attempts[-1]
            words.append(f"→ {clean(last.target)}")
            if len(row.attempts) > 1:
                words.append(f"({len(row.attempts)} attempts)")
        words.append(f"{row.duration / 1e6:.2f} s")
        if row.attempts:
            usage = row.attempts[-1].usage
            if usage is not None:
                words.append(f"{_count(usage.input_tokens)} in {_count(usage.output_tokens)} out")
                cost = row.cost
                words.append("cost unknown" if cost is None else f"${cost / PICO_PER_USD:.6f}")
        if row.error is not None:
            words.append(row.error)
        return " ".join([*words, clean(row.key or row.tenant), row.request_id])

    def _redact(self, text: str) -> str:
        return redact(text, self._secrets).translate(_CONTROLS)

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except UnicodeEncodeError:
            encoding = getattr(self._stream, "encoding", None) or "ascii"
            self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            return  # nobody reads any more, or the disk is full: that must not end the calls


class Handler(logging.Handler):
    """Brings what is said through `logging` into the same lines.

    Args:
        logs: where to.
        traces: whether an exception is told with where in the source it arose.
    """

    def __init__(self, logs: Logs, *, traces: bool) -> None:
        super().__init__(logs.level)
        self._logs = logs
        self._traces = traces

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line."""
        try:
            text, trace = record.getMessage(), ""
        except (TypeError, ValueError):
            text, trace = str(record.msg), ""  # the caller's arguments do not fit its text
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text = f"{text.splitlines()[0] if text else ''}: {type(error).__name__}: {error}{_place(error)}"
            trace = "".join(traceback.format_exception(error)) if self._traces else ""
        self._logs.message(record.levelno, record.name, text, trace, record.created)


def call_level(row: LedgerRow) -> int:
    """How important a call is: `error` where the fault is ours, `warning` where it is a provider's or a limit was
    reached, else `info`: what a client did wrong is no trouble of the operator's."""
    if row.error is None:
        return logging.INFO
    fault = BY_CODE[row.error].fault if row.error in BY_CODE else "gateway"
    if fault == "gateway" and row.status >= 500:
        return logging.ERROR
    return logging.INFO if fault == "caller" else logging.WARNING


def style_of(wanted: LogFormat, stream: IO[str]) -> Style:
    """The style that is meant: `auto` is text on a terminal."""
    if wanted != "auto":
        return wanted
    return "text" if not stream.closed and stream.isatty() else "json"


def open_logs(
    wanted: LogFormat, level: LogLevel, secrets: Iterable[Secret] = (), stream: IO[str] | None = None
) -> Logs:
    """The log lines of this process; everything that is said through `logging` goes into them from here on.

    Args:
        wanted: the format.
        level: the least important that is told; `debug` also tells where in the source errors arose.
        secrets: texts that must not survive.
        stream: standard error by default.
    """
    stream = stream or sys.stderr or io.StringIO()
    logs = Logs(stream, style_of(wanted, stream), level, secrets)
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, Handler)]:
        root.removeHandler(handler)
    root.addHandler(Handler(logs, traces=level == "debug"))
    # Libraries tell their inner life at `debug`; that is ours to ask for, not theirs to tell.
    root.setLevel(max(logs.level, logging.INFO))
    logging.getLogger("interlingua").setLevel(logs.level)
    logging.getLogger("uvicorn.error").setLevel(max(logs.level, logging.WARNING))
    return logs


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
