"""Floor 0: plain values that every other floor may use, and that touch nothing."""
