"""Room pipelines: steps and pipelines of plain functions, run once, resumed, never stale."""

from bucle.lifecycle.pipelines.context import StepContext, current
from bucle.lifecycle.pipelines.define import Pipeline, Step, pipeline, step
from bucle.lifecycle.pipelines.read import get_pipeline_run, list_pipeline_runs, load_output
from bucle.lifecycle.pipelines.records import PipelineQuery, PipelineRun, StepRun
from bucle.lifecycle.pipelines.run import resume_pipeline, run_pipeline

__all__ = [
    "Pipeline",
    "PipelineQuery",
    "PipelineRun",
    "Step",
    "StepContext",
    "StepRun",
    "current",
    "get_pipeline_run",
    "list_pipeline_runs",
    "load_output",
    "pipeline",
    "resume_pipeline",
    "run_pipeline",
    "step",
]
