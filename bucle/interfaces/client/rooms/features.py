"""Features: training sets and online rows.

Generated from the operation table: python -m bucle.interfaces.client.generate.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from bucle.base.code import Code
from bucle.base.page import Page
from bucle.interfaces.client.room import Room
from bucle.interfaces.operations.features import OnlineRows, TrainingSet
from bucle.interfaces.operations.features_more import FeatureDrift, ViewUse
from bucle.interfaces.operations.features_stream import Seeded
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data.records import Expectation
from bucle.lifecycle.features.records import (
    Aggregation,
    Entity,
    Materialization,
    OnDemand,
    Parity,
    RegisteredView,
)
from bucle.lifecycle.features.stats.records import Duplicate, FeatureStats
from bucle.lifecycle.features.transport.records import DeadLetter, Followed, Replayed, Sent


class FeaturesRoom(Room):
    """Features: training sets and online rows."""

    def register(
        self,
        name: str,
        *,
        entity: Entity | UnsetType = UNSET,
        source: str = "",
        time: str = "",
        columns: Sequence[str] = (),
        aggregations: Sequence[Aggregation] = (),
        sql: str = "",
        ttl: str = "",
        delay: str = "",
        owner: str = "",
        description: str = "",
        created: str = "",
        stream: str = "",
        retention: str = "",
        inputs: Sequence[str] = (),
        request: Mapping[str, Literal["float64", "int64", "bool", "string", "timestamp"]]
        | UnsetType = UNSET,
        on_demand: Sequence[OnDemand] = (),
        function: Code | None = None,
        transform: Code | None = None,
        tests: Sequence[Expectation] = (),
    ) -> RegisteredView:
        """Register a feature view; a changed definition is a new version."""
        answer: RegisteredView = self._call(
            "features.register",
            name=name,
            entity=entity,
            source=source,
            time=time,
            columns=columns,
            aggregations=aggregations,
            sql=sql,
            ttl=ttl,
            delay=delay,
            owner=owner,
            description=description,
            created=created,
            stream=stream,
            retention=retention,
            inputs=inputs,
            request=request,
            on_demand=on_demand,
            function=function,
            transform=transform,
            tests=tests,
        )
        return answer

    def list(self, *, limit: int = 100, token: str | None = None) -> Page[RegisteredView]:
        """List the newest version of each feature view."""
        answer: Page[RegisteredView] = self._call("features.list", limit=limit, token=token)
        return answer

    def get(self, ref: str) -> RegisteredView:
        """Show a feature view."""
        answer: RegisteredView = self._call("features.get", ref=ref)
        return answer

    def train(
        self,
        entities: Upload | Path | str | bytes,
        views: Sequence[str],
        *,
        at: str = "at",
        known: bool = True,
    ) -> TrainingSet:
        """Join feature views to entities, as they were known at each moment."""
        answer: TrainingSet = self._call(
            "features.train", entities=entities, views=views, at=at, known=known
        )
        return answer

    def materialize(self, ref: str, *, until: datetime | None = None) -> Materialization:
        """Bring the latest features of every entity to the online store."""
        answer: Materialization = self._call("features.materialize", ref=ref, until=until)
        return answer

    def online(
        self,
        ref: str,
        *,
        keys: Sequence[Sequence[str | int | float | bool]],
        request: Sequence[Mapping[str, Any]] = (),
    ) -> OnlineRows:
        """Read the features of some entities from the online store."""
        answer: OnlineRows = self._call("features.online", ref=ref, keys=keys, request=request)
        return answer

    def stats(self, ref: str, *, entities: int = 20000) -> FeatureStats:
        """Look at a view's features: missing values, range, quantiles, freshness, drift."""
        answer: FeatureStats = self._call("features.stats", ref=ref, entities=entities)
        return answer

    def looks(self, ref: str, *, limit: int = 100, token: str | None = None) -> Page[FeatureStats]:
        """List what a view's features looked like, the newest first."""
        answer: Page[FeatureStats] = self._call("features.looks", ref=ref, limit=limit, token=token)
        return answer

    def drift(
        self, ref: str, rows: Upload | Path | str | bytes | None = None, *, most: float = 0.2
    ) -> FeatureDrift:
        """Compare a view's features with those before, or with a training set."""
        answer: FeatureDrift = self._call("features.drift", ref=ref, rows=rows, most=most)
        return answer

    def duplicates(self, *, at_least: float = 0.98) -> tuple[Duplicate, ...]:
        """Point out features that are defined twice, or are nearly the same."""
        answer: tuple[Duplicate, ...] = self._call("features.duplicates", at_least=at_least)
        return answer

    def usage(self, ref: str = "") -> tuple[ViewUse, ...]:
        """Tell who reads each view and what it costs, the unused ones first."""
        answer: tuple[ViewUse, ...] = self._call("features.usage", ref=ref)
        return answer

    def parity(
        self,
        ref: str,
        *,
        entities: int = 1000,
        moments: int = 6,
        seed: int = 0,
        tolerance: float = 1e-09,
    ) -> Parity:
        """Compare a view offline, online and streamed, over random entities and moments."""
        answer: Parity = self._call(
            "features.parity",
            ref=ref,
            entities=entities,
            moments=moments,
            seed=seed,
            tolerance=tolerance,
        )
        return answer

    def parities(
        self, ref: str = "", *, limit: int = 100, token: str | None = None
    ) -> Page[Parity]:
        """List the comparisons of a view (of every view), the newest first."""
        answer: Page[Parity] = self._call("features.parities", ref=ref, limit=limit, token=token)
        return answer

    def send(self, topic: str, *, events: Sequence[Mapping[str, Any]]) -> Sent:
        """Send events to a topic; the views whose stream it is count them."""
        answer: Sent = self._call("features.send", topic=topic, events=events)
        return answer

    def follow(self, ref: str, *, wait_s: float = 0) -> Followed:
        """Count the events of a view's topic that came since the last time."""
        answer: Followed = self._call("features.follow", ref=ref, wait_s=wait_s)
        return answer

    def seed(self, ref: str, *, until: datetime | None = None) -> Seeded:
        """Let a view's stream begin with the rows that its dataset has."""
        answer: Seeded = self._call("features.seed", ref=ref, until=until)
        return answer

    def dead(self, ref: str, *, limit: int = 100, token: str | None = None) -> Page[DeadLetter]:
        """List the events that a view could not use, with the reasons."""
        answer: Page[DeadLetter] = self._call("features.dead", ref=ref, limit=limit, token=token)
        return answer

    def replay_dead(
        self, ref: str, *, position: str = "", event: Mapping[str, Any] | None = None
    ) -> Replayed:
        """Send dead letters to their view again, corrected or as they are."""
        answer: Replayed = self._call(
            "features.replay_dead", ref=ref, position=position, event=event
        )
        return answer
