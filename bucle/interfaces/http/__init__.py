"""The web framework, wrapped once: what doors and pages need of HTTP, and nothing more."""
