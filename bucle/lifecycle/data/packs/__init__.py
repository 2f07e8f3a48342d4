"""Packs: where the contents of a project lie that are no contents of their own."""
