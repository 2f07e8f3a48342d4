"""A queue of rows that people label: who answers what, how far they agree, and what comes of it."""
