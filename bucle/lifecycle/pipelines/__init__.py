"""Room pipelines: steps and pipelines on plain functions, cached and resumable."""
