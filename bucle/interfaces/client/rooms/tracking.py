"""Runs: parameters, metrics, artifacts.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.tracking.experiments.records import Experiment
from bucle.lifecycle.tracking.export import ExportedFile
from bucle.lifecycle.tracking.leaderboard.records import Leaderboard
from bucle.lifecycle.tracking.lifespan.change import Purged
from bucle.lifecycle.tracking.records import (
    Artifact,
    CodeState,
    Comparison,
    Host,
    MetricHistory,
    MetricSummary,
    Run,
)


class TrackingRoom(Room):
    """Runs: parameters, metrics, artifacts."""

    def start(
        self,
        name: str,
        *,
        kind: str = "training",
        experiment: str = "default",
        params: Mapping[str, str | int | float | bool | None] | UnsetType = UNSET,
        tags: Mapping[str, str] | UnsetType = UNSET,
        parent: Ref | str | None = None,
        code: CodeState | None = None,
        environment: str | None = None,
        host: Host | None = None,
        seeds: Mapping[str, int] | UnsetType = UNSET,
        id: str = "",
        started_at: datetime | None = None,
    ) -> Run:
        """Start a run."""
        answer: Run = self._call(
            "tracking.start",
            name=name,
            kind=kind,
            experiment=experiment,
            params=params,
            tags=tags,
            parent=parent,
            code=code,
            environment=environment,
            host=host,
            seeds=seeds,
            id=id,
            started_at=started_at,
        )
        return answer

    def finish(
        self,
        ref: Ref | str,
        *,
        status: Literal["scheduled", "running", "finished", "failed", "killed"] = "finished",
        usage: Usage | None = None,
        error: str = "",
        ended_at: datetime | None = None,
    ) -> Run:
        """End a run."""
        answer: Run = self._call(
            "tracking.finish", ref=ref, status=status, usage=usage, error=error, ended_at=ended_at
        )
        return answer

    def resume(self, ref: Ref | str, *, host: Host | None = None) -> Run:
        """Let a run that failed or was killed go on."""
        answer: Run = self._call("tracking.resume", ref=ref, host=host)
        return answer

    def sweep(self) -> tuple[Run, ...]:
        """Mark as killed the runs whose process has died."""
        answer: tuple[Run, ...] = self._call("tracking.sweep")
        return answer

    def log_params(
        self, ref: Ref | str, *, params: Mapping[str, str | int | float | bool | None]
    ) -> Run:
        """Give a run parameters."""
        answer: Run = self._call("tracking.log_params", ref=ref, params=params)
        return answer

    def log_points(
        self,
        ref: Ref | str,
        *,
        names: Sequence[str] = (),
        steps: Sequence[int] = (),
        times: Sequence[int] = (),
        values: Sequence[float | Literal["NaN", "Infinity", "-Infinity"]] = (),
        batch: str = "",
    ) -> int:
        """Add metric points to a run and say how many were new."""
        answer: int = self._call(
            "tracking.log_points",
            ref=ref,
            names=names,
            steps=steps,
            times=times,
            values=values,
            batch=batch,
        )
        return answer

    def deliver(
        self,
        ref: Ref | str,
        *,
        writer: str,
        first: int,
        series: Sequence[tuple[str, int]],
        body: bytes,
    ) -> int:
        """Add packed metric points to a run, once, and say how many the writer has brought."""
        answer: int = self._call(
            "tracking.deliver", ref=ref, writer=writer, first=first, series=series, body=body
        )
        return answer

    def set_tags(self, ref: Ref | str, *, tags: Mapping[str, str]) -> Run:
        """Set tags of a run, also after it has ended."""
        answer: Run = self._call("tracking.set_tags", ref=ref, tags=tags)
        return answer

    def log_artifact(
        self, ref: Ref | str, file: Upload | Path | str | bytes, *, path: str = ""
    ) -> Artifact:
        """Keep a file with a run."""
        answer: Artifact = self._call("tracking.log_artifact", ref=ref, file=file, path=path)
        return answer

    def add_input(
        self, ref: Ref | str, other: Ref | str, *, detail: Mapping[str, Any] | UnsetType = UNSET
    ) -> None:
        """Note what a run read."""
        self._call("tracking.add_input", ref=ref, other=other, detail=detail)

    def add_output(
        self, ref: Ref | str, other: Ref | str, *, detail: Mapping[str, Any] | UnsetType = UNSET
    ) -> None:
        """Note what a run made."""
        self._call("tracking.add_output", ref=ref, other=other, detail=detail)

    def delete(self, ref: Ref | str) -> None:
        """Put a run aside; it can be restored until it is purged."""
        self._call("tracking.delete", ref=ref)

    def restore(self, ref: Ref | str) -> None:
        """Take a run back that was put aside."""
        self._call("tracking.restore", ref=ref)

    def purge(self, *, older_than_s: float = 0.0) -> Purged:
        """Forget deleted runs, experiments and logged models for good, a thousand at once."""
        answer: Purged = self._call("tracking.purge", older_than_s=older_than_s)
        return answer

    def experiments(
        self,
        *,
        filter: str = "",
        order_by: Sequence[str] = (),
        stages: Sequence[Literal["active", "deleted"]] = ("active",),
        limit: int = 1000,
        token: str | None = None,
    ) -> Page[Experiment]:
        """List experiments, the newest first."""
        answer: Page[Experiment] = self._call(
            "tracking.experiments",
            filter=filter,
            order_by=order_by,
            stages=stages,
            limit=limit,
            token=token,
        )
        return answer

    def create_experiment(
        self, name: str, *, location: str = "", tags: Mapping[str, str] | UnsetType = UNSET
    ) -> Experiment:
        """Make an experiment; a run in one that is not there makes it, too."""
        answer: Experiment = self._call(
            "tracking.create_experiment", name=name, location=location, tags=tags
        )
        return answer

    def delete_experiment(self, id: str) -> Experiment:
        """Put an experiment and its runs aside."""
        answer: Experiment = self._call("tracking.delete_experiment", id=id)
        return answer

    def restore_experiment(self, id: str) -> Experiment:
        """Take an experiment and its runs back."""
        answer: Experiment = self._call("tracking.restore_experiment", id=id)
        return answer

    def get(self, ref: Ref | str) -> Run:
        """Show a run."""
        answer: Run = self._call("tracking.get", ref=ref)
        return answer

    def list(
        self,
        *,
        experiment: str | None = None,
        kind: str | None = None,
        name: str | None = None,
        status: Literal["scheduled", "running", "finished", "failed", "killed"] | None = None,
        parent: Ref | str | None = None,
        order_by: str = "-started_at",
        limit: int = 50,
        token: str | None = None,
    ) -> Page[Run]:
        """List runs, the newest first."""
        answer: Page[Run] = self._call(
            "tracking.list",
            experiment=experiment,
            kind=kind,
            name=name,
            status=status,
            parent=parent,
            order_by=order_by,
            limit=limit,
            token=token,
        )
        return answer

    def metrics(self, ref: Ref | str) -> tuple[MetricSummary, ...]:
        """List the metrics of a run: last, least, greatest, count."""
        answer: tuple[MetricSummary, ...] = self._call("tracking.metrics", ref=ref)
        return answer

    def points(self, ref: Ref | str, name: str) -> MetricHistory:
        """Show every point of a metric of a run."""
        answer: MetricHistory = self._call("tracking.points", ref=ref, name=name)
        return answer

    def artifacts(self, ref: Ref | str) -> tuple[Artifact, ...]:
        """List the files that a run left."""
        answer: tuple[Artifact, ...] = self._call("tracking.artifacts", ref=ref)
        return answer

    def compare(self, refs: Sequence[Ref | str]) -> Comparison:
        """Show what differs between runs."""
        answer: Comparison = self._call("tracking.compare", refs=refs)
        return answer

    def leaderboard(
        self,
        experiment: str,
        *,
        by: str,
        smallest: bool = False,
        at_least: Mapping[str, float] | UnsetType = UNSET,
        at_most: Mapping[str, float] | UnsetType = UNSET,
        datasets: Sequence[Ref | str] = (),
        coverage: float = 0.0,
        limit: int = 100,
    ) -> Leaderboard:
        """Rank the runs of an experiment, and say why some do not rank."""
        answer: Leaderboard = self._call(
            "tracking.leaderboard",
            experiment=experiment,
            by=by,
            smallest=smallest,
            at_least=at_least,
            at_most=at_most,
            datasets=datasets,
            coverage=coverage,
            limit=limit,
        )
        return answer

    def export(
        self, experiment: str | None = None, *, format: Literal["parquet", "csv"] = "parquet"
    ) -> tuple[ExportedFile, ...]:
        """Write everything of an experiment's runs as tables."""
        answer: tuple[ExportedFile, ...] = self._call(
            "tracking.export", experiment=experiment, format=format
        )
        return answer
