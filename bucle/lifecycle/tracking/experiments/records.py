"""What is known of an experiment: a named group of runs."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from bucle.base.refs import Ref

Stage = Literal["active", "deleted"]

DEFAULT = 0  # the number of the experiment that every project has
DEFAULT_NAME = "Default"
NATIVE_DEFAULT = "default"  # as a run of ours names it


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of runs; its id is a number of its project, written as text."""

    id: str
    name: str
    location: str  # where its runs' files are: of the proxy, or wherever its maker said
    stage: Stage
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None = None  # None: it is not deleted
    tags: dict[str, str] = {}

    @property
    def ref(self) -> Ref:
        """The name that facts and lineage know it by: the id, since the name can change."""
        return Ref("experiment", self.id)


class ExperimentQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which experiments to list, in which order.

    `filter` is a search string over `name`, `experiment_id`, `creation_time`, `last_update_time`
    and `tags.<name>`; `order_by` has terms such as `name ASC`; without, the newest come first.
    """

    filter: str = ""
    order_by: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ("active",)
    limit: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 1000
    token: str | None = None  # None: from the beginning
