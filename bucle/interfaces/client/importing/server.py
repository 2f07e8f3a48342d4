"""An MLflow store behind its server, of MLflow 2 or 3."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bucle.interfaces.client.importing.artifacts import Places
from bucle.interfaces.client.importing.ask import Server
from bucle.interfaces.client.importing.others_in_server import others_at
from bucle.interfaces.client.importing.records import (
    FoundDataset,
    FoundExperiment,
    FoundFile,
    FoundLoggedModel,
    FoundModel,
    FoundModelPoint,
    FoundOther,
    FoundRun,
    FoundTrace,
    FoundVersion,
    Point,
)
from bucle.interfaces.client.importing.source import Files, Unreadable
from bucle.interfaces.client.importing.tables import logged_model_of

_V2 = "/api/2.0/mlflow"
_V3 = "/api/3.0/mlflow"
_AJAX = "/ajax-api/2.0/mlflow"
_PAGE = 1000
_SMALL_PAGE = 100
_POINTS = 25_000
_PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'"


class ServerSource:
    """See `Source`."""

    silent_on = (
        "a server does not list the logged models that were deleted: read its database for them",
        "a server does not say when a run was deleted",
        "links of traces, label schemas, review queues and MCP servers are told of a database only",
    )

    def __init__(self, server: Server, places: Places) -> None:
        self.where = server.url
        self._server = server
        self._places = places
        self._assessments: Counter[str] = Counter()  # of the traces that were yielded, by name

    def experiments(self) -> Iterator[FoundExperiment]:
        """Yield the experiments of every stage."""
        found = self._server.pages(
            "POST", f"{_V2}/experiments/search", "experiments", view_type="ALL", max_results=_PAGE
        )
        for one in sorted(found, key=lambda one: str(one["experiment_id"])):
            yield FoundExperiment(
                id=str(one["experiment_id"]),
                name=one["name"],
                stage=one.get("lifecycle_stage", "active"),
                created_ms=int(one.get("creation_time") or 0),
                updated_ms=int(one.get("last_update_time") or 0),
                artifact_location=one.get("artifact_location", ""),
                tags=_pairs(one),
            )

    def runs(self, experiment: FoundExperiment) -> Iterator[FoundRun]:
        """Yield an experiment's runs of every stage, the oldest first."""
        found = self._server.pages(
            "POST", f"{_V2}/runs/search", "runs",
            experiment_ids=[experiment.id], run_view_type="ALL", max_results=_PAGE,
            order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
        )  # fmt: skip
        for one in found:
            yield _run(experiment, one)

    def points(self, run: FoundRun) -> list[Point]:
        """Return every metric point of a run."""
        return [
            (one["key"], int(one["timestamp"]), int(one.get("step") or 0), float(one["value"]))
            for mark in run.points_mark
            for one in self._server.pages(
                "GET", f"{_V2}/metrics/get-history", "metrics",
                run_id=run.id, metric_key=mark[0], max_results=_POINTS,
            )
        ]  # fmt: skip

    def files_of_run(self, run: FoundRun) -> Files:
        """Return the files of a run."""
        return ServedFiles(
            self._server,
            listing=(f"{_V2}/artifacts/list", {"run_id": run.id}, "path"),
            download=("/get-artifact", {"run_uuid": run.id}, "path"),
        )

    def logged_models(self, experiment: FoundExperiment) -> Iterator[FoundLoggedModel]:
        """Yield an experiment's logged models; a server of MLflow 2 has none."""
        found = self._server.pages(
            "POST", f"{_V2}/logged-models/search", "models",
            experiment_ids=[experiment.id], max_results=50,
        )  # fmt: skip
        try:
            for one in found:
                yield _logged_model(experiment, one)
        except Unreadable as error:
            if not error.is_absent:
                raise

    def files_of_logged_model(self, model: FoundLoggedModel) -> Files:
        """Return the files of a logged model."""
        return ServedFiles(
            self._server,
            listing=(f"{_V2}/logged-models/{model.id}/artifacts/directories", {},
                     "artifact_directory_path"),
            download=(f"{_AJAX}/logged-models/{model.id}/artifacts/files", {},
                      "artifact_file_path"),
        )  # fmt: skip

    def models(self) -> Iterator[FoundModel]:
        """Yield the registered models, and the prompts that MLflow keeps among them."""
        for name in sorted(self._names_of_models()):
            told = self._server.call("GET", f"{_V2}/registered-models/get", name=name)
            one = told["registered_model"]
            yield FoundModel(
                name=one["name"],
                description=one.get("description", ""),
                created_ms=int(one.get("creation_timestamp") or 0),
                updated_ms=int(one.get("last_updated_timestamp") or 0),
                tags=_pairs(one),
                aliases={each["alias"]: str(each["version"]) for each in one.get("aliases", ())},
            )

    def versions(self, model: FoundModel) -> Iterator[FoundVersion]:
        """Yield a registered model's versions, the oldest first."""
        quoted = model.name.replace("'", "''")
        only = f" AND {_PROMPTS}" if model.is_prompt else ""
        found = list(
            self._server.pages(
                "GET", f"{_V2}/model-versions/search", "model_versions",
                filter=f"name='{quoted}'{only}", max_results=_PAGE,
            )
        )  # fmt: skip
        for one in sorted(found, key=lambda one: int(one["version"])):
            source = one.get("source", "")
            yield FoundVersion(
                model=model.name,
                version=str(one["version"]),
                description=one.get("description", ""),
                created_ms=int(one.get("creation_timestamp") or 0),
                updated_ms=int(one.get("last_updated_timestamp") or 0),
                state=one.get("current_stage") or "None",
                source=source,
                run=one.get("run_id", ""),
                run_link=one.get("run_link", ""),
                user=one.get("user_id", ""),
                status=one.get("status", "READY"),
                status_message=one.get("status_message", ""),
                logged_model=one.get("model_id") or logged_model_of(source),
                tags=_pairs(one),
            )

    def traces(self, experiment: FoundExperiment) -> Iterator[FoundTrace]:
        """Yield an experiment's traces."""
        place = {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment.id},
        }
        try:
            for one in self._server.pages(
                "POST", f"{_V3}/traces/search", "traces", locations=[place], max_results=_SMALL_PAGE
            ):
                self._assessments.update(
                    str(said.get("assessment_name", "")) for said in one.get("assessments") or ()
                )
                yield _trace(experiment, one)
        except Unreadable as error:
            if not error.is_absent:
                raise
            for one in self._server.pages(
                "GET", f"{_V2}/traces", "traces",
                experiment_ids=experiment.id, max_results=_SMALL_PAGE,
            ):  # fmt: skip
                yield _old_trace(experiment, one)

    def spans(self, trace: FoundTrace) -> list[dict[str, Any]]:
        """Return a trace's spans."""
        told = self._server.call("GET", f"{_AJAX}/get-trace-artifact", request_id=trace.id)
        spans = told.get("spans")
        if spans is None:
            raise Unreadable("the server has no spans of it")
        return [dict(one) for one in spans]

    def others(self) -> Iterator[FoundOther]:
        """Yield what else the server lists."""
        for name, count in sorted(self._assessments.items()):
            yield FoundOther(kind="assessments", name=name, count=count)
        # Of a deleted experiment a server lists no scorers, and refuses to be asked.
        active = [one.id for one in self.experiments() if one.stage == "active"]
        yield from others_at(self._server, active)

    def _names_of_models(self) -> set[str]:
        """Return the models' names; a search leaves prompts out unless it asks for them."""
        return {
            str(one["name"])
            for only in ({}, {"filter": _PROMPTS})
            for one in self._server.pages(
                "GET", f"{_V2}/registered-models/search", "registered_models",
                max_results=_SMALL_PAGE, **only,
            )
        }  # fmt: skip

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


class ServedFiles:
    """Files that a server lists, folder by folder, and sends.

    Each way to ask is a path, parameters, and the name of the parameter that is a file's path.
    """

    def __init__(
        self,
        server: Server,
        *,
        listing: tuple[str, dict[str, str], str],
        download: tuple[str, dict[str, str], str],
    ) -> None:
        self._server = server
        self._listing = listing
        self._download = download

    def list(self) -> Iterator[FoundFile]:
        """Yield every file, folder by folder."""
        folders = [""]
        while folders:
            folder = folders.pop()
            path, params, name = self._listing
            asked = params | ({name: folder} if folder else {})
            for one in self._server.pages("GET", path, "files", **asked):
                if one.get("is_dir"):
                    folders.append(one["path"])
                else:
                    yield FoundFile(path=one["path"], size_bytes=int(one.get("file_size") or 0))

    def fetch(self, file: FoundFile, folder: Path) -> Path:
        """Download the file into the folder."""
        path, params, name = self._download
        return self._server.download(path, params | {name: file.path}, folder / "download")


def _run(experiment: FoundExperiment, one: dict[str, Any]) -> FoundRun:
    info, told = one["info"], one.get("data", {})
    inputs, tags = one.get("inputs") or {}, _pairs(told)
    return FoundRun(
        id=info.get("run_id") or info["run_uuid"],
        experiment=experiment.id,
        name=info.get("run_name") or tags.get("mlflow.runName", ""),
        status=info.get("status", "RUNNING"),
        stage=info.get("lifecycle_stage", "active"),
        user=info.get("user_id", ""),
        started_ms=int(info.get("start_time") or 0),
        ended_ms=int(info["end_time"]) if info.get("end_time") else None,
        artifact_uri=info.get("artifact_uri", ""),
        params=_pairs(told, "params"),
        tags=tags,
        datasets=tuple(map(_dataset, inputs.get("dataset_inputs") or ())),
        outputs=tuple(
            (each["model_id"], int(each.get("step") or 0))
            for each in (one.get("outputs") or {}).get("model_outputs") or ()
        ),
        models=tuple(each["model_id"] for each in inputs.get("model_inputs") or ()),
        points_mark=tuple(
            (each["key"], str(each["value"]), int(each["timestamp"]), int(each.get("step") or 0))
            for each in sorted(told.get("metrics") or (), key=lambda each: str(each["key"]))
        ),
    )


def _dataset(one: dict[str, Any]) -> FoundDataset:
    read = one["dataset"]
    return FoundDataset(
        name=read["name"],
        digest=read["digest"],
        source_type=read.get("source_type", ""),
        source=read.get("source", ""),
        schema=read.get("schema"),
        profile=read.get("profile"),
        tags=_pairs(one),
    )


def _logged_model(experiment: FoundExperiment, one: dict[str, Any]) -> FoundLoggedModel:
    info, told = one["info"], one.get("data", {})
    return FoundLoggedModel(
        id=info["model_id"],
        experiment=experiment.id,
        name=info["name"],
        status=_logged_state(info.get("status", "")),
        status_message=info.get("status_message", ""),
        stage=info.get("lifecycle_stage", "active"),
        type=info.get("model_type", ""),
        source_run=info.get("source_run_id", ""),
        created_ms=int(info["creation_timestamp_ms"]),
        updated_ms=int(info["last_updated_timestamp_ms"]),
        artifact_uri=info.get("artifact_uri", ""),
        params=_pairs(told, "params"),
        tags=_pairs(info),
        points=tuple(
            FoundModelPoint(
                name=each["key"],
                at_ms=int(each["timestamp"]),
                step=int(each.get("step") or 0),
                value=each["value"],
                run=each.get("run_id", ""),
                dataset_name=each.get("dataset_name", ""),
                dataset_digest=each.get("dataset_digest", ""),
            )
            for each in told.get("metrics") or ()
        ),
    )


def _logged_state(text: str) -> Any:  # noqa: ANN401 - one of the record's words
    said = text.removeprefix("LOGGED_MODEL_").removeprefix("UPLOAD_")
    return said if said in {"PENDING", "READY", "FAILED"} else "UNSPECIFIED"


def _trace(experiment: FoundExperiment, one: dict[str, Any]) -> FoundTrace:
    took = one.get("execution_duration")
    return FoundTrace(
        id=one["trace_id"],
        experiment=experiment.id,
        at_ms=round(datetime.fromisoformat(one["request_time"]).timestamp() * 1000),
        took_ms=round(float(took.removesuffix("s")) * 1000) if took else None,
        state=one.get("state", ""),
        client_id=one.get("client_request_id", ""),
        request_preview=one.get("request_preview", ""),
        response_preview=one.get("response_preview", ""),
        metadata=one.get("trace_metadata") or {},
        tags=one.get("tags") or {},
        artifact_uri=(one.get("tags") or {}).get("mlflow.artifactLocation", ""),
    )


def _old_trace(experiment: FoundExperiment, one: dict[str, Any]) -> FoundTrace:
    took = one.get("execution_time_ms")
    return FoundTrace(
        id=one["request_id"],
        experiment=experiment.id,
        at_ms=int(one.get("timestamp_ms") or 0),
        took_ms=None if took is None else int(took),
        state=one.get("status", ""),
        metadata=_pairs(one, "request_metadata"),
        tags=_pairs(one),
        artifact_uri=_pairs(one).get("mlflow.artifactLocation", ""),
    )


def _pairs(told: dict[str, Any], of: str = "tags") -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in told.get(of) or ()}
