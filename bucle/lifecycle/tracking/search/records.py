"""What a search of runs asks, and a run as MLflow's clients see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from bucle.base.filters import Condition, OrderTerm
from bucle.lifecycle.tracking.experiments.records import Stage
from bucle.lifecycle.tracking.inputs import RunInputs


class RunSearch(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to find; `filter` and `order_by` are search strings (`language.py`)."""

    experiments: tuple[str, ...]
    filter: str = ""
    order_by: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ("active",)
    limit: int = 1000
    token: str | None = None  # None: from the beginning


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A search, parsed."""

    project: str
    experiments: tuple[int, ...]
    stages: tuple[str, ...]
    conditions: tuple[Condition, ...]
    order: tuple[OrderTerm, ...]


class LastPoint(NamedTuple):
    """The last point of a series, by step, then time, then value."""

    name: str
    value: float
    step: int
    at: int  # milliseconds since 1970 (UTC)


class RunHead(NamedTuple):
    """A run's own fields, in the order in which they are read."""

    id: str
    name: str
    experiment: int
    status: str
    stage: str
    started_at: datetime
    ended_at: datetime | None  # None: it has not ended
    user: str
    parent: str | None  # None: not part of another run
    location: str | None  # where its experiment keeps files; None: the experiment is unknown


class RunSheet(NamedTuple):
    """A run with its parameters as text, its tags, the last point of each series, its inputs."""

    head: RunHead
    params: list[tuple[str, str]]
    tags: list[tuple[str, str]]
    metrics: list[LastPoint]
    inputs: RunInputs
