"""How sensitive columns are, how that follows them into what is derived, and who sees values."""
