"""Room registry: model packages, versions, gates, aliases and decisions."""
