"""The steps from one schema to the next, for Alembic; `migrate.py` runs them."""
