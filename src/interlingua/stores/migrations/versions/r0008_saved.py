"""What remembered answers saved, apart from what was paid for; and answers of batches on their way to their file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds columns and a table; hours that were added up before keep their tokens, remembered ones among them."""
    for table in ("calls", "attempts"):
        op.add_column(table, sa.Column("saved", sa.BigInteger))
    for name in ("hits", "saved_input_tokens", "saved_output_tokens", "saved", "unknown_saved"):
        op.add_column("usage_hours", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "batch_answers",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant", "batch", "name")),
        sa.Column("line", sa.LargeBinary, nullable=False),
        sa.Column("written", sa.BigInteger, nullable=False),
    )
