"""Secrets: where they come from."""
