"""What is brought over from another tool, as that tool kept it."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.tracking.inputs import DatasetUse, ModelUse
from bucle.lifecycle.tracking.records import MetricPoints, Status

Stage = Literal["active", "deleted"]


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: a thing of a source, and what it became here."""

    theirs: str  # its kind and id there, such as run:0f3c...
    ours: Ref
    mark: str  # how it looked there; another mark is news


class AdoptionSource(msgspec.Struct, frozen=True, kw_only=True):
    """A store that things were brought over from."""

    source: str
    things: int
    last_at: datetime


class AdoptedExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment of a source; one of its name that is here already takes it in."""

    source: str
    id: str
    name: str
    mark: str = ""
    stage: Stage = "active"
    created_at: datetime | None = None  # None: now
    changed_at: datetime | None = None  # None: when it was created
    tags: dict[str, str] = {}


class AdoptedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a source, with all that it logged; its id stays what it was."""

    source: str
    id: str
    experiment: str  # the id that its experiment has here
    mark: str = ""
    name: str = ""
    status: Status = "finished"
    stage: Stage = "active"
    user: str = ""
    started_at: datetime
    ended_at: datetime | None = None  # None: it has not ended
    deleted_at: datetime | None = None  # None: not deleted, or nobody knows when
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    points: MetricPoints = MetricPoints()
    datasets: tuple[DatasetUse, ...] = ()
    models_in: tuple[ModelUse, ...] = ()
    models_out: tuple[ModelUse, ...] = ()
    files: dict[str, str] = {}  # path -> digest of stored content
