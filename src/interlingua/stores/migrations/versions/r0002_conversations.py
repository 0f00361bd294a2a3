"""Conversations, their messages, and what is looked for in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the tables. What a released step creates is never changed: the next step changes it."""
    op.create_table(
        "conversations",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("title", "title_terms", "folder")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("pinned", "archived")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created", "updated")),
        sa.Column("leaf", sa.Text),
        sa.Column("settings", sa.Text, nullable=False),
    )
    op.create_index("conversations_by_update", "conversations", ["tenant", "updated", "id"])
    op.create_table(
        "messages",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("tenant", "conversation", "id")),
        sa.Column("parent", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("messages_by_id", "messages", ["tenant", "conversation", "id"], unique=True)
    if op.get_bind().dialect.name == "sqlite":
        # Terms come folded and in words (`stores/terms.py`); the tokenizer must leave them whole, marks included.
        op.execute(
            "CREATE VIRTUAL TABLE message_terms USING fts5(terms, detail=none, columnsize=0, "
            """tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* Co'")"""
        )
    else:
        op.execute("CREATE TABLE message_terms (message BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX message_terms_by_term ON message_terms USING gin (terms)")
