"""Deletion requests: whose rows, where they are, what was done, and the proof."""
