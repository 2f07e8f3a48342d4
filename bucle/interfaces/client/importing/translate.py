"""MLflow's nouns as requests of ours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bucle.base.figure import plain_figure
from bucle.interfaces.client.importing.records import (
    FoundDataset,
    FoundExperiment,
    FoundLoggedModel,
    FoundModel,
    FoundRun,
    FoundVersion,
    Point,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def experiment(found: FoundExperiment, source: str, mark: str) -> dict[str, Any]:
    """Return the fields of `imports.experiment`."""
    return {
        "source": source,
        "id": found.id,
        "name": found.name,
        "mark": mark,
        "stage": found.stage,
        "created_at": moment(found.created_ms) if found.created_ms else None,
        "changed_at": moment(found.updated_ms) if found.updated_ms else None,
        "tags": clean(found.tags),
    }


def run(found: FoundRun, source: str, experiment_id: str) -> dict[str, Any]:
    """Return the fields of `imports.run`, without its points, files and mark."""
    return {
        "source": source,
        "id": found.id,
        "experiment": experiment_id,
        "name": _text(found.name),
        "status": found.status.lower(),
        "stage": found.stage,
        "user": _text(found.user),
        "started_at": moment(found.started_ms),
        "ended_at": None if found.ended_ms is None else moment(found.ended_ms),
        "deleted_at": None if found.deleted_ms is None else moment(found.deleted_ms),
        "params": clean(found.params),
        "tags": clean(found.tags),
        "datasets": tuple(map(_dataset, found.datasets)),
        "models_in": tuple({"model": model} for model in found.models),
        "models_out": tuple({"model": model, "step": step} for model, step in found.outputs),
    }


def columns(points: Sequence[Point]) -> dict[str, Any]:
    """Return points as columns."""
    return {
        "names": tuple(point[0] for point in points),
        "steps": tuple(point[2] for point in points),
        "times": tuple(point[1] for point in points),
        "values": tuple(plain_figure(point[3]) for point in points),
    }


def moment(milliseconds: int) -> datetime:
    """Return a moment of milliseconds since 1970, exactly."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def clean(texts: dict[str, str]) -> dict[str, str]:
    """Return texts without NUL, which SQLite stores take and no other database does."""
    return {_text(name): _text(value) for name, value in texts.items()}


def _dataset(found: FoundDataset) -> dict[str, Any]:
    return {
        "dataset": {
            "name": found.name,
            "digest": found.digest,
            "source_type": found.source_type,
            "source": found.source,
            "schema": found.schema,
            "profile": found.profile,
        },
        "tags": found.tags,
    }


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd")


def logged_model(found: FoundLoggedModel, source: str, experiment_id: str) -> dict[str, Any]:
    """Return the fields of `imports.logged_model`, without its files and mark."""
    return {
        "source": source,
        "id": found.id,
        "experiment": experiment_id,
        "name": _text(found.name),
        "status": "pending" if found.status == "UNSPECIFIED" else found.status.lower(),
        "deleted": found.stage == "deleted",
        "model_type": found.type,
        "source_run": found.source_run,
        "created_at": moment(found.created_ms),
        "changed_at": moment(found.updated_ms),
        "params": clean(found.params),
        "tags": clean(found.tags),
        "metrics": tuple(
            {
                "key": point.name,
                "value": plain_figure(float(point.value)),
                "at_ms": point.at_ms,
                "step": point.step,
                "model": found.id,
                "run": point.run,
                "dataset_name": point.dataset_name,
                "dataset_digest": point.dataset_digest,
            }
            for point in found.points
        ),
    }


def model(found: FoundModel, source: str, mark: str) -> dict[str, Any]:
    """Return the fields of `imports.model`."""
    return {
        "source": source,
        "name": found.name,
        "mark": mark,
        "description": _text(found.description),
        "created_at": moment(found.created_ms),
        "changed_at": moment(found.updated_ms or found.created_ms),
        "tags": clean(found.tags),
    }


def version(
    found: FoundVersion, source: str, made_from: str, stages: Sequence[str]
) -> dict[str, Any]:
    """Return the fields of `imports.version`, without its mark."""
    return {
        "source": source,
        "model": found.model,
        "number": int(found.version),
        "created_at": moment(found.created_ms),
        "changed_at": moment(found.updated_ms or found.created_ms),
        "stage": found.state if found.state in stages else "None",
        "user": _text(found.user),
        "made": {
            "source": made_from,
            "run": found.run,
            "logged_model": found.logged_model,
            "run_link": found.run_link,
            "description": _text(found.description),
            "tags": clean(found.tags),
        },
    }


def source_of(found: FoundVersion, root: str) -> str:
    """Return a version's source; one below its run's artifacts by the name of the run.

    The artifacts are brought over with the run; their old place means nothing here.
    """
    for place in (root, root.removeprefix("file://")):
        path = found.source.removeprefix(place)
        if place and path != found.source and path.startswith("/"):
            return f"runs:/{found.run}{path}"
    return found.source
