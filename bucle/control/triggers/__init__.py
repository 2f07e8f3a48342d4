"""Room triggers: what makes pipelines run, and what control remembers between rounds."""
