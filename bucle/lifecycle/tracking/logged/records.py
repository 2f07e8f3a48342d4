"""What is known of a logged model: a model with parameters, tags and metrics of its own."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from bucle.base.figure import Figure
from bucle.base.refs import Ref

LoggedStatus = Literal["pending", "ready", "failed"]


class ModelMetric(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a metric of a model, and on which dataset it was measured."""

    key: str
    value: Figure
    at_ms: int  # since 1970
    step: int = 0
    model: str
    run: str
    dataset_name: str = ""  # "": not told
    dataset_digest: str = ""


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a client logged; its files are those of the owner `ref`."""

    id: str
    experiment: str
    name: str
    status: LoggedStatus
    model_type: str = ""
    source_run: str = ""  # "": made outside of any run
    location: str  # where its files are, as the client asks for them
    created_at: datetime
    changed_at: datetime
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    metrics: tuple[ModelMetric, ...] = ()

    @property
    def ref(self) -> Ref:
        """The name that facts, files and lineage know it by."""
        return Ref("logged_model", self.id)


class NewLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a model when it is about to be logged."""

    experiment: str
    name: str
    model_type: str = ""
    source_run: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class DatasetOf(msgspec.Struct, frozen=True, kw_only=True):
    """On which dataset a metric is asked for."""

    name: str
    digest: str = ""  # "": any


class ModelOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that logged models are ordered by: a field, or `metrics.<name>`."""

    field: str
    ascending: bool = True
    dataset: DatasetOf | None = None  # None: on whichever it was measured last


class LoggedModelQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which logged models to list, in which order; without one, the newest come first."""

    experiments: tuple[str, ...]
    filter: str = ""
    datasets: tuple[DatasetOf, ...] = ()
    order_by: tuple[ModelOrder, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 100
    token: str | None = None  # None: from the beginning
