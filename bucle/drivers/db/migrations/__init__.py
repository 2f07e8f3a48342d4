"""Alembic's environment and revisions: additive, on both databases."""
