"""What Alembic runs to migrate: over the connection that it was handed, within the transaction that is open there."""

from __future__ import annotations

from alembic import context

from interlingua.stores.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
