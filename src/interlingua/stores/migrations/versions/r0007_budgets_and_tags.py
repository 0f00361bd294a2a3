"""Budgets with the leases of workers, and tags of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Creates the tables; calls from before have no tags."""
    op.create_table(
        "budgets",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "name", "period")),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("spent", "estimated", "calls", "unpriced", "tokens")
        ),
    )
    op.create_table(
        "budget_leases",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "name", "period", "worker")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("amount", "renewed")),
    )
    op.add_column("calls", sa.Column("tags", sa.Text))
