"""Why the attempts of a call went where they went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("calls", sa.Column("decisions", sa.Text))
