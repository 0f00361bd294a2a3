"""Contents of calls, benchmarks, and when answers' heads came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Creates the tables; of calls from before nothing of this is known."""
    op.create_table(
        "call_contents",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("call_contents_by_age", "call_contents", ["created", "bytes"])
    op.create_table(
        "benchmarks",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("benchmarks_by_start", "benchmarks", ["tenant", "started"])
    for table in ("calls", "attempts"):
        op.add_column(table, sa.Column("attempt_head", sa.BigInteger))
