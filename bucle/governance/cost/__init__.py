"""Room cost: CPU seconds, wall time, memory and money of everything that ran."""
