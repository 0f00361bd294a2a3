"""The ledger of calls and attempts, and virtual keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables. What a released step creates is never changed: the next step changes it."""
    op.create_table(
        "calls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("request_id", "tenant", "key_name", "conversation")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("started", "duration")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("dialect", "operation")),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("error", "losses")),
        sa.Column("attempts", sa.Integer, nullable=False),
        *_attempt(),
    )
    op.create_index("calls_by_request", "calls", ["request_id", "tenant"], unique=True)
    op.create_index("calls_by_tenant", "calls", ["tenant", "id"])
    op.create_table(
        "attempts",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        *_attempt(),
    )
    op.create_table(
        "virtual_keys",
        sa.Column("digest", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "tail", "tenant", "models")),
        *(sa.Column(name, sa.BigInteger) for name in ("rpm", "tpm", "concurrency")),
        sa.Column("budget", sa.Text),
        sa.Column("expires", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
    )
    in_use = sa.text("revoked IS NULL")
    op.create_index(
        "virtual_keys_in_use", "virtual_keys", ["name"], unique=True, sqlite_where=in_use, postgresql_where=in_use
    )
    meta = op.create_table(
        "meta", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.BigInteger, nullable=False)
    )
    op.bulk_insert(meta, [{"name": "keys_version", "value": 0}])


def _attempt() -> list[sa.Column[Any]]:
    texts, numbers = ("target", "target_dialect", "lane"), ("started", "duration", "first")
    counts = ("input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning")
    return [
        *(sa.Column(name, sa.Text) for name in texts),
        *(sa.Column(f"attempt_{name}", sa.BigInteger) for name in numbers),
        sa.Column("attempt_status", sa.Integer),
        *(sa.Column(name, sa.Text) for name in ("attempt_error", "finish")),
        *(sa.Column(name, sa.BigInteger) for name in counts),
        sa.Column("usage_rest", sa.Text),
        sa.Column("cost", sa.BigInteger),
        *(sa.Column(name, sa.Text) for name in ("price_source", "price_since", "service_tier")),
    ]
