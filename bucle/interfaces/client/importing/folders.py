"""An MLflow store in a folder: `mlruns`, of MLflow 1, 2 or 3."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bucle.base.errors import Invalid
from bucle.interfaces.client.importing.artifacts import Places, spans_of
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
    RunState,
)
from bucle.interfaces.client.importing.source import Files
from bucle.interfaces.client.importing.tables import logged_model_of

_META = "meta.yaml"
_TRASH = ".trash"
_NOT_RUNS = frozenset({"datasets", "models", "tags", "traces"})
# How the folder writes states down: their numbers in MLflow's protocol.
_RUN_STATES: dict[object, RunState] = {
    1: "RUNNING",
    2: "SCHEDULED",
    3: "FINISHED",
    4: "FAILED",
    5: "KILLED",
}
_LOGGED_STATES: dict[object, LoggedState] = {1: "PENDING", 2: "READY", 3: "FAILED"}
_GONE = "Deleted_Internal"
_POINT_PARTS = 2  # time and value; the step came with MLflow 1.0
_MODEL_POINT_PARTS = 6


class FolderSource:
    """See `Source`."""

    silent_on = ()

    def __init__(self, root: Path, places: Places) -> None:
        """Take a folder.

        Raises:
            Invalid: it is no store of MLflow.
        """
        self.where = str(root)
        self._root = root
        self._places = places
        self._folders = dict(self._find_experiments())
        if not self._folders:
            raise Invalid(
                f"{root} is not a store of MLflow: no folder in it has a {_META}",
                hint="name the folder that MLflow calls mlruns",
            )

    def experiments(self) -> Iterator[FoundExperiment]:
        """Yield the experiments of every stage."""
        for id_, folder in sorted(self._folders.items()):
            meta = _yaml(folder / _META)
            deleted = folder.parent.name == _TRASH or meta.get("lifecycle_stage") == "deleted"
            yield FoundExperiment(
                id=id_,
                name=str(meta.get("name", id_)),
                stage="deleted" if deleted else "active",
                created_ms=meta.get("creation_time") or 0,
                updated_ms=meta.get("last_update_time") or 0,
                artifact_location=str(meta.get("artifact_location") or ""),
                tags=_texts(folder / "tags"),
            )

    def runs(self, experiment: FoundExperiment) -> Iterator[FoundRun]:
        """Yield an experiment's runs of every stage, the oldest first."""
        folder = self._folders[experiment.id]
        found = [
            (_yaml(one / _META), one)
            for one in sorted(folder.iterdir())
            if one.name not in _NOT_RUNS and (one / _META).is_file()
        ]
        for meta, one in sorted(found, key=lambda pair: (pair[0].get("start_time") or 0, pair[1])):
            yield self._run(experiment, meta, one)

    def points(self, run: FoundRun) -> list[Point]:
        """Return every metric point of a run."""
        folder = self._folders[run.experiment] / run.id / "metrics"
        return [
            (name, int(parts[0]), int(parts[2]) if len(parts) > _POINT_PARTS else 0,
             float(parts[1]))
            for name, path in _files(folder)
            for parts in _lines(path)
        ]  # fmt: skip

    def files_of_run(self, run: FoundRun) -> Files:
        """Return the files of a run."""
        beside = self._folders[run.experiment] / run.id / "artifacts"
        return self._places.open(run.artifact_uri or str(beside), instead=beside)

    def logged_models(self, experiment: FoundExperiment) -> Iterator[FoundLoggedModel]:
        """Yield an experiment's logged models."""
        for folder in _subfolders(self._folders[experiment.id] / "models"):
            meta = _yaml(folder / _META)
            yield FoundLoggedModel(
                id=str(meta["model_id"]),
                experiment=experiment.id,
                name=str(meta["name"]),
                status=_LOGGED_STATES.get(meta.get("status"), "UNSPECIFIED"),
                status_message=meta.get("status_message") or "",
                stage=meta.get("lifecycle_stage") or "active",
                type=meta.get("model_type") or "",
                source_run=meta.get("source_run_id") or "",
                created_ms=meta.get("creation_timestamp") or 0,
                updated_ms=meta.get("last_updated_timestamp") or 0,
                artifact_uri=str(meta.get("artifact_location") or folder / "artifacts"),
                params=_texts(folder / "params"),
                tags=_texts(folder / "tags"),
                points=tuple(_model_points(folder / "metrics")),
            )

    def files_of_logged_model(self, model: FoundLoggedModel) -> Files:
        """Return the files of a logged model."""
        beside = self._folders[model.experiment] / "models" / model.id / "artifacts"
        return self._places.open(model.artifact_uri, instead=beside)

    def models(self) -> Iterator[FoundModel]:
        """Yield the registered models."""
        for folder in _subfolders(self._root / "models"):
            meta = _yaml(folder / _META)
            yield FoundModel(
                name=str(meta["name"]),
                description=meta.get("description") or "",
                created_ms=meta.get("creation_timestamp") or 0,
                updated_ms=meta.get("last_updated_timestamp") or 0,
                tags=_texts(folder / "tags"),
                # Releases before 2.16 keep a file for each alias, later ones the model's meta.
                aliases={
                    **{str(one): str(at) for one, at in dict(meta.get("aliases") or {}).items()},
                    **_texts(folder / "aliases"),
                },
            )

    def versions(self, model: FoundModel) -> Iterator[FoundVersion]:
        """Yield a registered model's versions, the oldest first."""
        folder = self._root / "models" / model.name
        found = [
            (_yaml(one / _META), one)
            for one in _subfolders(folder)
            if one.name.startswith("version-")
        ]
        for meta, one in sorted(found, key=lambda pair: int(pair[0]["version"])):
            if meta.get("current_stage") == _GONE:
                continue
            source = str(meta.get("source") or "")
            yield FoundVersion(
                model=model.name,
                version=str(meta["version"]),
                description=meta.get("description") or "",
                created_ms=meta.get("creation_timestamp") or 0,
                updated_ms=meta.get("last_updated_timestamp") or 0,
                state=meta.get("current_stage") or "None",
                source=source,
                storage=meta.get("storage_location") or "",
                run=meta.get("run_id") or "",
                run_link=meta.get("run_link") or "",
                user=meta.get("user_id") or "",
                status=meta.get("status") or "READY",
                status_message=meta.get("status_message") or "",
                logged_model=meta.get("model_id") or logged_model_of(source),
                tags=_texts(one / "tags"),
            )

    def traces(self, experiment: FoundExperiment) -> Iterator[FoundTrace]:
        """Yield an experiment's traces."""
        for folder in _subfolders(self._folders[experiment.id] / "traces", "trace_info.yaml"):
            meta = _yaml(folder / "trace_info.yaml")
            tags = _texts(folder / "tags")
            took = meta.get("execution_duration_ms", meta.get("execution_time_ms"))
            yield FoundTrace(
                id=str(meta.get("trace_id") or meta.get("request_id")),
                experiment=experiment.id,
                at_ms=_moment(meta.get("request_time", meta.get("timestamp_ms", 0))),
                took_ms=took,
                state=str(meta.get("state") or meta.get("status") or ""),
                client_id=meta.get("client_request_id") or "",
                request_preview=meta.get("request_preview") or "",
                response_preview=meta.get("response_preview") or "",
                metadata=_texts(folder / "request_metadata"),
                tags=tags,
                artifact_uri=tags.get("mlflow.artifactLocation", str(folder / "artifacts")),
            )

    def spans(self, trace: FoundTrace) -> list[dict[str, Any]]:
        """Return a trace's spans."""
        beside = self._folders[trace.experiment] / "traces" / trace.id / "artifacts"
        return spans_of(self._places.open(trace.artifact_uri, instead=beside))

    def others(self) -> Iterator[FoundOther]:
        """Yield what else the folder holds: assessments, by their names."""
        said = Counter(
            str(_yaml(path).get("assessment_name", path.stem))
            for folder in self._folders.values()
            for path in sorted(folder.glob("traces/*/assessments/*.yaml"))
        )
        for name, count in sorted(said.items()):
            yield FoundOther(kind="assessments", name=name, count=count)

    def close(self) -> None:
        """Nothing is open."""

    def _find_experiments(self) -> Iterator[tuple[str, Path]]:
        for top in (self._root, self._root / _TRASH):
            for folder in _subfolders(top):
                if folder.name not in {"models", _TRASH}:
                    yield folder.name, folder

    def _run(self, experiment: FoundExperiment, meta: dict[str, Any], folder: Path) -> FoundRun:
        tags = _texts(folder / "tags")
        links = [_yaml(one / _META) for one in _subfolders(folder / "inputs")]
        made = [_yaml(one / _META) for one in _subfolders(folder / "outputs")]
        return FoundRun(
            id=folder.name,
            experiment=experiment.id,
            name=str(meta.get("run_name") or tags.get("mlflow.runName", "")),
            status=_RUN_STATES.get(meta.get("status"), "RUNNING"),
            stage=meta.get("lifecycle_stage") or "active",
            user=str(meta.get("user_id") or tags.get("mlflow.user", "")),
            started_ms=meta.get("start_time") or 0,
            ended_ms=meta.get("end_time"),
            deleted_ms=meta.get("deleted_time"),
            artifact_uri=str(meta.get("artifact_uri") or ""),
            params=_texts(folder / "params"),
            tags=tags,
            datasets=tuple(self._datasets(experiment, links)),
            outputs=tuple((str(one["destination_id"]), int(one.get("step") or 0)) for one in made),
            models=tuple(str(one["source_id"]) for one in links if one["source_type"] == "MODEL"),
            points_mark=tuple(
                (name, path.stat().st_size, path.stat().st_mtime_ns)
                for name, path in _files(folder / "metrics")
            ),
        )

    def _datasets(
        self, experiment: FoundExperiment, links: list[dict[str, Any]]
    ) -> Iterator[FoundDataset]:
        for link in links:
            place = self._folders[experiment.id] / "datasets" / str(link["source_id"]) / _META
            if link["source_type"] != "DATASET" or not place.is_file():
                continue
            meta = _yaml(place)
            yield FoundDataset(
                name=str(meta["name"]),
                digest=str(meta["digest"]),
                source_type=meta.get("source_type") or "",
                source=meta.get("source") or "",
                schema=meta.get("schema"),
                profile=meta.get("profile"),
                tags={str(key): str(value) for key, value in dict(link.get("tags") or {}).items()},
            )


def _yaml(path: Path) -> dict[str, Any]:
    """Read one of the store's small files.

    Raises:
        Invalid: it is no YAML, or can not be read.
    """
    try:
        read = YAML(typ="safe").load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise Invalid(f"{path} can not be read: {str(error).splitlines()[0]}") from error
    return dict(read or {})


def _subfolders(folder: Path, bearing: str = _META) -> Iterator[Path]:
    """Yield the folders in a folder that bear a description."""
    if folder.is_dir():
        yield from sorted(one for one in folder.iterdir() if (one / bearing).is_file())


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder by the names that they stand for: slashes are folders."""
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(top, name)
            yield path.relative_to(folder).as_posix(), path


def _texts(folder: Path) -> dict[str, str]:
    return {name: path.read_text("utf-8") for name, path in sorted(_files(folder))}


def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the lines of a metric's file, in parts."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            parts = line.strip().split(" ")
            if len(parts) >= _POINT_PARTS:
                yield parts


def _model_points(folder: Path) -> Iterator[FoundModelPoint]:
    for name, path in _files(folder):
        for parts in _lines(path):
            named = len(parts) >= _MODEL_POINT_PARTS
            value = float(parts[1])
            yield FoundModelPoint(
                name=name,
                at_ms=int(parts[0]),
                value=value if value == value else "NaN",  # noqa: PLR0124 - NaN is not itself
                step=int(parts[2]),
                run=parts[3],
                dataset_name=parts[4] if named else "",
                dataset_digest=parts[5] if named else "",
            )


def _moment(value: object) -> int:
    """Return milliseconds of a number, a text such as 2026-01-31T12:00:00.5Z, or a datetime."""
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    return 0
