"""Every call that this door answers."""

from bucle.interfaces.mlflow import (
    artifacts,
    assessments,
    experiments,
    logged_models,
    logs,
    metrics,
    models,
    multipart,
    runs,
    server,
    spans,
    traces,
    traces_before_3,
    versions,
)
from bucle.interfaces.mlflow.endpoint import AnyEndpoint

# What the newest client can call and this house does not do (gateway, prompts, evaluation): these
# words below mlflow/ are answered with NOT_IMPLEMENTED, anything else with ENDPOINT_NOT_FOUND.
ABSENT = frozenset(
    {
        "datasets",
        "gateway",
        "issues",
        "jobs",
        "label-schemas",
        "prompt-optimization",
        "review-queues",
        "scorers",
        "webhooks",
        "workspaces",
    }
)


def all_endpoints() -> tuple[AnyEndpoint, ...]:
    """Return every call, by room."""
    return (
        *experiments.ENDPOINTS,
        *runs.ENDPOINTS,
        *logs.ENDPOINTS,
        *metrics.ENDPOINTS,
        *models.ENDPOINTS,
        *versions.ENDPOINTS,
        *logged_models.ENDPOINTS,
        *server.ENDPOINTS,
        *artifacts.ENDPOINTS,
        *multipart.ENDPOINTS,
        *traces.ENDPOINTS,
        *traces_before_3.ENDPOINTS,
        *spans.ENDPOINTS,
        *assessments.ENDPOINTS,
    )
