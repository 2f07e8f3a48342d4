"""Rows that a commit set apart: counted, inspected, and committed once they are corrected."""
