"""The ledger added up by the hour, and an index to find its rows by time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

COUNTS = (
    *("calls", "failed", "attempts", "input_tokens", "output_tokens", "cache_read", "cache_creation", "reasoning"),
    *("cost", "unknown_cost", "unknown_usage", "duration"),
)


def upgrade() -> None:
    """Creates both."""
    op.create_table(
        "usage_hours",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "key_name", "target")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in COUNTS),
    )
    op.create_index("calls_by_start", "calls", ["started"])
