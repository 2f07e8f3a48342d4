"""What a client logs to a run in one call."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from bucle.lifecycle.tracking.records import MetricPoints, Status


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Points, parameters and tags that are written together, or not at all."""

    points: MetricPoints = MetricPoints()
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    name: str | None = None  # None: the run keeps its name


class RunChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a run's own fields; None: as it is."""

    status: Status | None = None
    ended_at: datetime | None = None
    name: str | None = None


class RunState(NamedTuple):
    """The little that a write has to know of its run."""

    status: str
    stage: str
    name: str
    experiment: int
    loose_segments: int
    ended_at: datetime | None  # None: it has not ended
