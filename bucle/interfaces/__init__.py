"""Floor 5: the doors, all of which lead to the same operation table."""
