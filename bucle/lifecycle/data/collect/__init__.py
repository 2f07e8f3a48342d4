"""Garbage: stored content that nothing refers to any more."""
