"""The tables. Money and times are integers (pico-dollars, microseconds); every row but `meta` has its tenant.

A call's last attempt stands in the call's own row, the attempts before it in `attempts`: nearly every call has one
attempt, and so costs one row. Both tables together hold every attempt once, so that sums over them are exact.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()

_ATTEMPT = (
    *(("target", Text), ("target_dialect", Text), ("lane", Text)),
    *(("attempt_started", BigInteger), ("attempt_duration", BigInteger), ("attempt_first", BigInteger)),
    *(("attempt_status", Integer), ("attempt_error", Text), ("finish", Text)),
    *(("input_tokens", BigInteger), ("output_tokens", BigInteger), ("cache_read", BigInteger)),
    *(("cache_creation", BigInteger), ("reasoning", BigInteger), ("usage_rest", Text)),
    *(("cost", BigInteger), ("price_source", Text), ("price_since", Text), ("service_tier", Text)),
    ("saved", BigInteger),
    ("attempt_head", BigInteger),
)


def _attempt_columns() -> list[Column[object]]:
    """What both tables say of an attempt, in the order of `rows.attempt_values`."""
    return [Column(name, kind, nullable=True) for name, kind in _ATTEMPT]


calls = Table(
    "calls",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("request_id", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("key_name", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=True),
    Column("losses", Text, nullable=True),
    Column("tags", Text, nullable=True),
    Column("attempts", Integer, nullable=False),
    *_attempt_columns(),
    Column("decisions", Text, nullable=True),
    Index("calls_by_request", "request_id", "tenant", unique=True),
    Index("calls_by_tenant", "tenant", "id"),
    Index("calls_by_start", "started"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    *_attempt_columns(),
)

virtual_keys = Table(
    "virtual_keys",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tail", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("rpm", BigInteger, nullable=True),
    Column("tpm", BigInteger, nullable=True),
    Column("concurrency", BigInteger, nullable=True),
    Column("budget", Text, nullable=True),
    Column("expires", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("revoked", BigInteger, nullable=True),
)
Index(
    "virtual_keys_in_use",
    virtual_keys.c.name,
    unique=True,
    sqlite_where=virtual_keys.c.revoked.is_(None),
    postgresql_where=virtual_keys.c.revoked.is_(None),
)

budgets = Table(
    "budgets",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("kind", "name", "period")),
    *(Column(name, BigInteger, nullable=False) for name in ("spent", "estimated", "calls", "unpriced", "tokens")),
)
"""What each period of each budget has cost."""

budget_leases = Table(
    "budget_leases",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("kind", "name", "period", "worker")),
    *(Column(name, BigInteger, nullable=False) for name in ("amount", "renewed")),
)
"""What workers hold of budgets, and when they were last heard of."""

meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False))
"""Counters of the store itself; `keys_version` is one higher after every change of a key."""

conversations = Table(
    "conversations",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("title_terms", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("leaf", Text, nullable=True),
    Column("settings", Text, nullable=False),
    Index("conversations_by_update", "tenant", "updated", "id"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("conversation", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("parent", Text, nullable=True),
    Column("content", Text, nullable=False),
    Column("answer", Text, nullable=True),
    Column("created", BigInteger, nullable=False),
    Index("messages_by_id", "tenant", "conversation", "id", unique=True),
)
"""Beside it stands `message_terms`, which no table of SQLAlchemy describes: its rows have the numbers of messages."""

settings_overlay = Table(
    "settings_overlay",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=True),
    Column("who", Text, nullable=False),
    Column("changed", BigInteger, nullable=False),
)

stored_responses = Table(
    "stored_responses",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("stored_responses_by_end", "until"),
)

batch_answers = Table(
    "batch_answers",
    metadata,
    *(Column(name, Text, primary_key=True) for name in ("tenant", "batch", "name")),
    Column("line", LargeBinary, nullable=False),
    Column("written", BigInteger, nullable=False),
)
"""Answers whose calls are in the ledger, until they are in the file of their batch too."""
call_contents = Table(
    "call_contents",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("created", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("call_contents_by_age", "created", "bytes"),
)
"""What was asked and answered, of calls whose content may be kept (`contents.py`)."""

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("started", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("value", Text, nullable=False),
    Index("benchmarks_by_start", "tenant", "started"),
)
"""Measurements of models, and how far they are."""

USAGE_COUNTS = (
    *("calls", "failed", "attempts", "input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning"),
    *("cost", "unknown_cost", "unknown_usage", "duration"),
    *("hits", "saved_input_tokens", "saved_output_tokens", "saved", "unknown_saved"),
)
usage_hours = Table(
    "usage_hours",
    metadata,
    Column("hour", BigInteger, primary_key=True),
    Column("tenant", Text, primary_key=True),
    Column("key_name", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in USAGE_COUNTS),
)
"""What the rows of `calls` and `attempts` that were deleted came to."""
