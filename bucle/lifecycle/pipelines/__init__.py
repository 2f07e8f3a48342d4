"""Room pipelines: steps and pipelines of plain functions, run once, resumed, never stale."""

from bucle.lifecycle.pipelines.define import Pipeline, Step, pipeline, step

__all__ = ["Pipeline", "Step", "pipeline", "step"]
