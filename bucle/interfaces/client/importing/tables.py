"""An MLflow store in a database: SQLite or PostgreSQL, of MLflow 2 or 3.

The columns of a table differ between releases; what a release does not have is left out.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bucle.base.errors import Invalid
from bucle.drivers.db.foreign import ForeignTables
from bucle.interfaces.client.importing.artifacts import Places
from bucle.interfaces.client.importing.others_in_tables import others_in
from bucle.interfaces.client.importing.records import (
    FoundDataset,
    FoundExperiment,
    FoundLoggedModel,
    FoundModel,
    FoundModelPoint,
    FoundOther,
    FoundRun,
    FoundTrace,
    FoundVersion,
    LoggedState,
    Point,
)
from bucle.interfaces.client.importing.source import Files

Row = Mapping[str, Any]

_TOGETHER = 200  # runs whose parts are fetched in one question
_LOGGED_STATES: dict[object, LoggedState] = {1: "PENDING", 2: "READY", 3: "FAILED"}
_GONE = "Deleted_Internal"  # what MLflow calls a version that was deleted


class TableSource:
    """See `Source`."""

    silent_on = ()

    def __init__(self, tables: ForeignTables, where: str, places: Places) -> None:
        """Take an opened database.

        Raises:
            Invalid: it is no store of MLflow, or of one too old to be read.
        """
        self.where = where
        self._tables = tables
        self._places = places
        lacks = [name for name in ("experiments", "runs", "metrics") if not tables.columns(name)]
        if lacks or "lifecycle_stage" not in tables.columns("runs"):
            raise Invalid(
                f"{where} is not a store of MLflow: "
                + (f"it has no table {lacks[0]!r}" if lacks else "its runs have no stage"),
                hint="name the database of `mlflow server --backend-store-uri`; one of before "
                "MLflow 1.0 wants `mlflow db upgrade` first",
            )

    def experiments(self) -> Iterator[FoundExperiment]:
        """Yield the experiments of every stage."""
        tags = _grouped(self._tables.rows("experiment_tags", order_by=("key",)), "experiment_id")
        for row in self._tables.rows("experiments", order_by=("experiment_id",)):
            yield FoundExperiment(
                id=str(row["experiment_id"]),
                name=row["name"],
                stage=row["lifecycle_stage"] or "active",
                created_ms=row.get("creation_time") or 0,
                updated_ms=row.get("last_update_time") or 0,
                artifact_location=row["artifact_location"] or "",
                tags=_pairs(tags[row["experiment_id"]]),
            )

    def runs(self, experiment: FoundExperiment) -> Iterator[FoundRun]:
        """Yield an experiment's runs of every stage, the oldest first."""
        rows = self._tables.rows(
            "runs", {"experiment_id": int(experiment.id)}, ("start_time", "run_uuid")
        )
        for begin in range(0, len(rows), _TOGETHER):
            yield from self._with_parts(rows[begin : begin + _TOGETHER])

    def points(self, run: FoundRun) -> list[Point]:
        """Return every metric point of a run."""
        return [
            (row["key"], int(row["timestamp"]), int(row.get("step") or 0), _value(row))
            for row in self._tables.rows(
                "metrics", {"run_uuid": run.id}, ("key", "step", "timestamp", "value")
            )
        ]

    def files_of_run(self, run: FoundRun) -> Files:
        """Return the files of a run."""
        return self._places.open(run.artifact_uri)

    def logged_models(self, experiment: FoundExperiment) -> Iterator[FoundLoggedModel]:
        """Yield an experiment's logged models."""
        of = {"experiment_id": int(experiment.id)}
        rows = self._tables.rows("logged_models", of, ("creation_timestamp_ms", "model_id"))
        if not rows:
            return
        parts = {
            name: _grouped(self._tables.rows(f"logged_model_{name}", of), "model_id")
            for name in ("params", "tags", "metrics")
        }
        for row in rows:
            id_ = row["model_id"]
            yield FoundLoggedModel(
                id=id_,
                experiment=experiment.id,
                name=row["name"],
                status=_LOGGED_STATES.get(row["status"], "UNSPECIFIED"),
                status_message=row["status_message"] or "",
                stage=row["lifecycle_stage"] or "active",
                type=row["model_type"] or "",
                source_run=row["source_run_id"] or "",
                created_ms=row["creation_timestamp_ms"],
                updated_ms=row["last_updated_timestamp_ms"],
                artifact_uri=row["artifact_location"],
                params=_pairs(parts["params"][id_], "param_key", "param_value"),
                tags=_pairs(parts["tags"][id_], "tag_key", "tag_value"),
                points=tuple(sorted(map(_model_point, parts["metrics"][id_]), key=_turn)),
            )

    def files_of_logged_model(self, model: FoundLoggedModel) -> Files:
        """Return the files of a logged model."""
        return self._places.open(model.artifact_uri)

    def models(self) -> Iterator[FoundModel]:
        """Yield the registered models."""
        tags = _grouped(self._tables.rows("registered_model_tags", order_by=("key",)), "name")
        aliases = _grouped(self._tables.rows("registered_model_aliases"), "name")
        for row in self._tables.rows("registered_models", order_by=("name",)):
            yield FoundModel(
                name=row["name"],
                description=row["description"] or "",
                created_ms=row["creation_time"] or 0,
                updated_ms=row["last_updated_time"] or 0,
                tags=_pairs(tags[row["name"]]),
                aliases={one["alias"]: str(one["version"]) for one in aliases[row["name"]]},
            )

    def versions(self, model: FoundModel) -> Iterator[FoundVersion]:
        """Yield a registered model's versions, the oldest first."""
        of = {"name": model.name}
        tags = _grouped(self._tables.rows("model_version_tags", of, ("key",)), "version")
        for row in self._tables.rows("model_versions", of, ("version",)):
            if row["current_stage"] == _GONE:
                continue
            source = row["source"] or ""
            yield FoundVersion(
                model=model.name,
                version=str(row["version"]),
                description=row["description"] or "",
                created_ms=row["creation_time"] or 0,
                updated_ms=row["last_updated_time"] or 0,
                state=row["current_stage"] or "None",
                source=source,
                storage=row.get("storage_location") or "",
                run=row["run_id"] or "",
                run_link=row.get("run_link") or "",
                user=row["user_id"] or "",
                status=row["status"] or "READY",
                status_message=row["status_message"] or "",
                logged_model=logged_model_of(source),
                tags=_pairs(tags[row["version"]]),
            )

    def traces(self, experiment: FoundExperiment) -> Iterator[FoundTrace]:
        """Yield an experiment's traces."""
        of = {"experiment_id": int(experiment.id)}
        rows = self._tables.rows("trace_info", of, ("timestamp_ms", "request_id"))
        for begin in range(0, len(rows), _TOGETHER):
            some = rows[begin : begin + _TOGETHER]
            ids = {"request_id": [row["request_id"] for row in some]}
            tags = _grouped(self._tables.rows("trace_tags", ids), "request_id")
            about = _grouped(self._tables.rows("trace_request_metadata", ids), "request_id")
            for row in some:
                told = _pairs(tags[row["request_id"]])
                if row.get("trace_name"):  # newer releases have a column for it
                    told.setdefault("mlflow.traceName", row["trace_name"])
                yield FoundTrace(
                    id=row["request_id"],
                    experiment=experiment.id,
                    at_ms=row["timestamp_ms"],
                    took_ms=row["execution_time_ms"],
                    state=row["status"],
                    client_id=row.get("client_request_id") or "",
                    request_preview=row.get("request_preview") or "",
                    response_preview=row.get("response_preview") or "",
                    metadata=_pairs(about[row["request_id"]]),
                    tags=told,
                    artifact_uri=told.get("mlflow.artifactLocation", ""),
                )

    def spans(self, trace: FoundTrace) -> list[dict[str, Any]]:
        """Return a trace's spans."""
        rows = self._tables.rows("spans", {"trace_id": trace.id}, ("start_time_unix_nano",))
        if rows:
            return [json.loads(row["content"]) for row in rows]
        return self._places.spans_at(trace.artifact_uri)

    def others(self) -> Iterator[FoundOther]:
        """Yield what else the database holds."""
        return others_in(self._tables)

    def close(self) -> None:
        """Close the database."""
        self._tables.close()

    def _with_parts(self, rows: Sequence[Row]) -> Iterator[FoundRun]:
        ids = [row["run_uuid"] for row in rows]
        of = {"run_uuid": ids}
        params = _grouped(self._tables.rows("params", of, ("key",)), "run_uuid")
        tags = _grouped(self._tables.rows("tags", of, ("key",)), "run_uuid")
        last = _grouped(self._tables.rows("latest_metrics", of, ("key",)), "run_uuid")
        counts = self._tables.counts("metrics", "run_uuid", of)
        datasets = self._datasets(ids)
        made = self._links("RUN_OUTPUT", ids)
        read = self._links("RUN_INPUT", ids)
        for row in rows:
            id_ = row["run_uuid"]
            told = _pairs(tags[id_])
            yield FoundRun(
                id=id_,
                experiment=str(row["experiment_id"]),
                name=row["name"] or told.get("mlflow.runName", ""),
                status=row["status"],
                stage=row["lifecycle_stage"] or "active",
                user=row["user_id"] or told.get("mlflow.user", ""),
                started_ms=row["start_time"] or 0,
                ended_ms=row["end_time"],
                deleted_ms=row.get("deleted_time"),
                artifact_uri=row["artifact_uri"] or "",
                params=_pairs(params[id_]),
                tags=told,
                datasets=datasets[id_],
                outputs=tuple((one["destination_id"], int(one.get("step") or 0))
                              for one in made[id_]),
                models=tuple(one["destination_id"] for one in read[id_]),
                points_mark=(counts.get(id_, 0), *((one["key"], str(_value(one)), one["timestamp"],
                                                    one.get("step")) for one in last[id_])),
            )  # fmt: skip

    def _datasets(self, runs: Sequence[str]) -> defaultdict[str, tuple[FoundDataset, ...]]:
        """Return the datasets that each run read."""
        of = {"destination_type": "RUN", "source_type": "DATASET", "destination_id": list(runs)}
        inputs = self._tables.rows("inputs", of, ("destination_id", "input_uuid"))
        found: defaultdict[str, tuple[FoundDataset, ...]] = defaultdict(tuple)
        if not inputs:
            return found
        wanted = sorted({one["source_id"] for one in inputs})
        sets = {one["dataset_uuid"]: one for one in self._some("datasets", "dataset_uuid", wanted)}
        tagged = [one["input_uuid"] for one in inputs]
        tags = _grouped(self._some("input_tags", "input_uuid", tagged), "input_uuid")
        for one in inputs:
            row = sets.get(one["source_id"])
            if row is not None:
                found[one["destination_id"]] += (
                    FoundDataset(
                        name=row["name"],
                        digest=row["digest"],
                        source_type=row["dataset_source_type"],
                        source=row["dataset_source"],
                        schema=row["dataset_schema"],
                        profile=row["dataset_profile"],
                        tags=_pairs(tags[one["input_uuid"]], "name"),
                    ),
                )
        return found

    def _links(self, direction: str, runs: Sequence[str]) -> defaultdict[str, list[Row]]:
        """Return the logged models that each run made or read, as MLflow 3 notes them."""
        of = {"source_type": direction, "source_id": list(runs)}
        return _grouped(self._tables.rows("inputs", of, ("source_id", "destination_id")),
                        "source_id")  # fmt: skip

    def _some(self, name: str, by: str, values: Sequence[str]) -> Iterator[Row]:
        """Yield rows by one of many values, in questions that every database takes."""
        for begin in range(0, len(values), _TOGETHER):
            yield from self._tables.rows(name, {by: list(values[begin : begin + _TOGETHER])})


def logged_model_of(source: str) -> str:
    """Return the logged model that a version was made from, as `models:/m-...` names it."""
    name = source.removeprefix("models:/")
    return name if source != name and name.startswith("m-") and "/" not in name else ""


def _grouped(rows: Sequence[Row] | Iterator[Row], by: str) -> defaultdict[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[by]].append(row)
    return groups


def _pairs(rows: Sequence[Row], key: str = "key", value: str = "value") -> dict[str, str]:
    return {row[key]: row[value] or "" for row in rows}


def _value(row: Row) -> float:
    return float("nan") if row["is_nan"] else float(row["value"])


def _model_point(row: Row) -> FoundModelPoint:
    value = row["metric_value"]
    return FoundModelPoint(
        name=row["metric_name"],
        at_ms=row["metric_timestamp_ms"],
        step=row["metric_step"],
        value="NaN" if value is None else value,
        run=row["run_id"],
        dataset_name=row["dataset_name"] or "",
        dataset_digest=row["dataset_digest"] or "",
    )


def _turn(point: FoundModelPoint) -> tuple[str, int, int]:
    return point.name, point.step, point.at_ms
