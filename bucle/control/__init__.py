"""Floor 4: everything that happens without being asked."""
