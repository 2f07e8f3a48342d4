"""Room tracking: runs, with everything that they depend on and everything that they left."""

from bucle.lifecycle.tracking.ambient import Ambient, ambient_run, within
from bucle.lifecycle.tracking.capture import (
    capture_environment,
    capture_host,
    plant_seeds,
    this_environment,
)
from bucle.lifecycle.tracking.code import capture_code, code_state, project_folder
from bucle.lifecycle.tracking.finish import finish_run, may_be_alive, sweep
from bucle.lifecycle.tracking.link import add_input, add_output
from bucle.lifecycle.tracking.log import (
    log_artifact,
    log_metrics,
    log_params,
    log_points,
    metric_points,
    set_tags,
)
from bucle.lifecycle.tracking.read import (
    compare,
    find_run,
    get_run,
    list_artifacts,
    list_metrics,
    list_runs,
    metric_history,
)
from bucle.lifecycle.tracking.records import (
    Artifact,
    CodeState,
    Comparison,
    Difference,
    Environment,
    Host,
    MetricHistory,
    MetricPoints,
    MetricSummary,
    Run,
    RunQuery,
    RunStart,
    Scalar,
    Status,
)
from bucle.lifecycle.tracking.start import resume_run, start_run

__all__ = [
    "Ambient",
    "Artifact",
    "CodeState",
    "Comparison",
    "Difference",
    "Environment",
    "Host",
    "MetricHistory",
    "MetricPoints",
    "MetricSummary",
    "Run",
    "RunQuery",
    "RunStart",
    "Scalar",
    "Status",
    "add_input",
    "add_output",
    "ambient_run",
    "capture_code",
    "capture_environment",
    "capture_host",
    "code_state",
    "compare",
    "find_run",
    "finish_run",
    "get_run",
    "list_artifacts",
    "list_metrics",
    "list_runs",
    "log_artifact",
    "log_metrics",
    "log_params",
    "log_points",
    "may_be_alive",
    "metric_history",
    "metric_points",
    "plant_seeds",
    "project_folder",
    "resume_run",
    "set_tags",
    "start_run",
    "sweep",
    "this_environment",
    "within",
]
