"""What was brought over from other tools.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from bucle.base.refs import Ref
from bucle.interfaces.client.room import Room
from bucle.lifecycle.tracking.adopted.records import Adoption, AdoptionSource
from bucle.lifecycle.tracking.experiments.records import Experiment
from bucle.lifecycle.tracking.inputs.records import DatasetUse, ModelUse
from bucle.lifecycle.tracking.records import MetricPoints


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
