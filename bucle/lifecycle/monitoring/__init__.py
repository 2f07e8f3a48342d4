"""Room monitoring: windows over what was served, and their verdicts."""
