"""What was brought over from other tools.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.refs import Ref
from bucle.interfaces.client.room import Room
from bucle.lifecycle.registry.catalog.records import ForeignVersion
from bucle.lifecycle.tracking.adopted.records import Adoption, AdoptionSource
from bucle.lifecycle.tracking.experiments.records import Experiment
from bucle.lifecycle.tracking.inputs.records import DatasetUse, ModelUse
from bucle.lifecycle.tracking.logged.records import ModelMetric
from bucle.lifecycle.tracking.records import MetricPoints
from bucle.lifecycle.tracking.traces.records import Span, Trace


class ImportsRoom(Room):
    """What was brought over from other tools."""

    def sources(self) -> tuple[AdoptionSource, ...]:
        """List the stores that things were brought over from."""
        answer: tuple[AdoptionSource, ...] = self._call("imports.sources")
        return answer

    def look(self, source: str, theirs: Sequence[str]) -> tuple[Adoption, ...]:
        """Show what things of a store became here."""
        answer: tuple[Adoption, ...] = self._call("imports.look", source=source, theirs=theirs)
        return answer

    def experiment(
        self,
        *,
        source: str,
        id: str,
        name: str,
        mark: str = "",
        stage: Literal["active", "deleted"] = "active",
        created_at: datetime | None = None,
        changed_at: datetime | None = None,
        tags: Mapping[str, str] | UnsetType = UNSET,
    ) -> Experiment:
        """Bring an experiment of a store over."""
        answer: Experiment = self._call(
            "imports.experiment",
            source=source,
            id=id,
            name=name,
            mark=mark,
            stage=stage,
            created_at=created_at,
            changed_at=changed_at,
            tags=tags,
        )
        return answer

    def run(
        self,
        *,
        source: str,
        id: str,
        experiment: str,
        started_at: datetime,
        mark: str = "",
        name: str = "",
        status: Literal["scheduled", "running", "finished", "failed", "killed"] = "finished",
        stage: Literal["active", "deleted"] = "active",
        user: str = "",
        ended_at: datetime | None = None,
        deleted_at: datetime | None = None,
        params: Mapping[str, str] | UnsetType = UNSET,
        tags: Mapping[str, str] | UnsetType = UNSET,
        points: MetricPoints | UnsetType = UNSET,
        datasets: Sequence[DatasetUse] = (),
        models_in: Sequence[ModelUse] = (),
        models_out: Sequence[ModelUse] = (),
        files: Mapping[str, str] | UnsetType = UNSET,
    ) -> Ref:
        """Bring a run of a store over, or what is new of it."""
        answer: Ref = self._call(
            "imports.run",
            source=source,
            id=id,
            experiment=experiment,
            mark=mark,
            name=name,
            status=status,
            stage=stage,
            user=user,
            started_at=started_at,
            ended_at=ended_at,
            deleted_at=deleted_at,
            params=params,
            tags=tags,
            points=points,
            datasets=datasets,
            models_in=models_in,
            models_out=models_out,
            files=files,
        )
        return answer

    def points(
        self,
        ref: Ref | str,
        *,
        names: Sequence[str] = (),
        steps: Sequence[int] = (),
        times: Sequence[int] = (),
        values: Sequence[float | Literal["NaN", "Infinity", "-Infinity"]] = (),
    ) -> int:
        """Add points that a run which was brought over does not have yet."""
        answer: int = self._call(
            "imports.points", ref=ref, names=names, steps=steps, times=times, values=values
        )
        return answer

    def logged_model(
        self,
        *,
        source: str,
        id: str,
        experiment: str,
        name: str,
        created_at: datetime,
        changed_at: datetime,
        mark: str = "",
        status: Literal["pending", "ready", "failed"] = "ready",
        deleted: bool = False,
        model_type: str = "",
        source_run: str = "",
        params: Mapping[str, str] | UnsetType = UNSET,
        tags: Mapping[str, str] | UnsetType = UNSET,
        metrics: Sequence[ModelMetric] = (),
        files: Mapping[str, str] | UnsetType = UNSET,
    ) -> Ref:
        """Bring a logged model of a store over, or what is new of it."""
        answer: Ref = self._call(
            "imports.logged_model",
            source=source,
            id=id,
            experiment=experiment,
            name=name,
            mark=mark,
            status=status,
            deleted=deleted,
            model_type=model_type,
            source_run=source_run,
            created_at=created_at,
            changed_at=changed_at,
            params=params,
            tags=tags,
            metrics=metrics,
            files=files,
        )
        return answer

    def trace(
        self, *, source: str, trace: Trace, mark: str = "", spans: Sequence[Span] = ()
    ) -> Ref:
        """Bring a trace of a store over, with its spans."""
        answer: Ref = self._call(
            "imports.trace", source=source, trace=trace, mark=mark, spans=spans
        )
        return answer

    def model(
        self,
        *,
        source: str,
        name: str,
        created_at: datetime,
        changed_at: datetime,
        mark: str = "",
        description: str = "",
        tags: Mapping[str, str] | UnsetType = UNSET,
    ) -> Ref:
        """Bring a registered model of a store over, without its versions."""
        answer: Ref = self._call(
            "imports.model",
            source=source,
            name=name,
            mark=mark,
            description=description,
            created_at=created_at,
            changed_at=changed_at,
            tags=tags,
        )
        return answer

    def version(
        self,
        *,
        source: str,
        model: str,
        number: int,
        made: ForeignVersion,
        created_at: datetime,
        changed_at: datetime,
        mark: str = "",
        stage: Literal["None", "Staging", "Production", "Archived"] = "None",
        user: str = "",
    ) -> Ref:
        """Bring a version of a registered model over, or what is new of it."""
        answer: Ref = self._call(
            "imports.version",
            source=source,
            model=model,
            number=number,
            made=made,
            mark=mark,
            created_at=created_at,
            changed_at=changed_at,
            stage=stage,
            user=user,
        )
        return answer

    def aliases(
        self, *, source: str, model: str, aliases: Mapping[str, int], mark: str = ""
    ) -> tuple[str, ...]:
        """Bring the aliases of a registered model over; say which its gates refused."""
        answer: tuple[str, ...] = self._call(
            "imports.aliases", source=source, model=model, aliases=aliases, mark=mark
        )
        return answer
