"""The web framework, wrapped once: the only place that imports it."""
