"""Feature views as people define them, as they are registered, and as a model server reads them."""

from datetime import datetime
from typing import Literal

import msgspec

from bucle.base.code import Code as Code  # noqa: PLC0414 - a name of this room
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data import Expectation

Function = Literal[
    "count", "sum", "mean", "std", "min", "max", "last", "approx_distinct", "top_k"
]  # fmt: skip
# The types that a request's values and computed features have.
Kind = Literal["float64", "int64", "bool", "string", "timestamp"]


class Entity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What features are about: a customer, a card, a station."""

    name: str
    keys: tuple[str, ...]  # the columns that identify one
    description: str = ""


class Aggregation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A figure over the rows of one entity in the window that ends now, or `delay` ago.

    The window holds the rows with `now - delay - window < time <= now - delay`.
    `approx_distinct` counts different values (none is missed or counted twice), `top_k` lists
    the most frequent ones with their counts, of equally frequent ones the least.
    """

    function: Function
    window: str  # a duration: "7d"
    column: str = ""  # "": count rows
    delay: str = ""  # "": as the view has it; labels that come a week late: "7d"
    name: str = ""  # "": amount_mean_7d
    k: int = 3  # how many values `top_k` lists

    @property
    def feature(self) -> str:
        """What the figure is called."""
        return self.name or "_".join(
            part for part in (self.column, self.function, self.window.replace(" ", "")) if part
        )


class OnDemand(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A feature that is computed when somebody asks, of one row at a time."""

    name: str
    type: Kind = "float64"
    sql: str = ""  # an expression over inputs and request; "": the view's `function` gives it


class FeatureView(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One definition of features, for training and for serving.

    `columns` are the latest row's at each moment, `aggregations` figures over windows.  With
    `sql` (a `SELECT` over the table `source`) rows are shaped first.

    Or its features are computed when somebody asks (`on_demand`), of the features of other views
    (`inputs`) and of what the request says: such a view has no rows of its own.
    """

    name: str
    entity: Entity = Entity(name="", keys=())  # of an on-demand view: those of its inputs
    source: str = ""  # a dataset, or a version of it: "payments", "payments@golden"
    time: str = ""  # the column that says since when a row is true
    columns: tuple[str, ...] = ()
    aggregations: tuple[Aggregation, ...] = ()
    sql: str = ""
    ttl: str = ""  # "": values do not age; otherwise how long they may be used
    delay: str = ""  # "": a row is known at once; otherwise so much later
    owner: str = ""
    description: str = ""
    # What came later stands below with a default that says "as it was": see `definition_digest`.
    created: str = ""  # "": a row is known at its time; otherwise the column of when it was
    stream: str = ""  # "": only the dataset; otherwise the topic whose events bring new rows
    retention: str = ""  # "": late events count as long as a window reaches; of a stream only
    inputs: tuple[str, ...] = ()  # views, of whose features on-demand ones are computed
    request: dict[str, Kind] = {}  # what a request says itself: name -> type
    on_demand: tuple[OnDemand, ...] = ()
    function: Code | None = None  # None: every on-demand feature has its SQL
    transform: Code | None = None  # None: rows are as they are; of a table, before `sql`
    tests: tuple[Expectation, ...] = ()  # of the features that are about to go online

    @property
    def is_on_demand(self) -> bool:
        """Whether it has no rows of its own: its features are computed when somebody asks."""
        return bool(self.on_demand or self.inputs or self.request or self.function)

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        figures = (each.feature for each in self.aggregations)
        return (*self.columns, *figures, *(each.name for each in self.on_demand))


# As people say it where they define one.
feature_view = FeatureView


class RegisteredView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a feature view; what it says never changes."""

    ref: Ref
    number: int
    digest: str
    view: FeatureView
    registered_at: datetime
    registered_by: str
    materialized_until: datetime | None = None  # None: never
    # The versions of its inputs that an on-demand view was registered with, and reads ever since.
    inputs: tuple[Ref, ...] = ()


class Materialization(msgspec.Struct, frozen=True, kw_only=True):
    """How far a view was brought to the online store, and from what."""

    view: Ref
    source: Ref
    until: datetime
    rows: int  # entities that were written this time
    removed: int  # entities that the source no longer has
    written_bytes: int = 0  # of keys and rows, this time; 0: an earlier release did not count
    verdicts: tuple[Verdict, ...] = ()  # of the view's tests
    materialized_at: datetime


class ParitySpec(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a view is compared; the same seed draws the same entities and moments."""

    entities: int = 1_000
    moments: int = 6
    seed: int = 0
    tolerance: float = 1e-9  # of fractions: relative to the value, and of small ones absolute


class FeatureParity(msgspec.Struct, frozen=True, kw_only=True):
    """How one feature compares on a path."""

    feature: str
    different: int  # values beyond the tolerance, or of which one is missing
    worst: float | None = None  # None: no two values could be subtracted
    example: str = ""  # the worst of those that differ


class PathParity(msgspec.Struct, frozen=True, kw_only=True):
    """What a way to read features gave, beside what a training set has of the same moments."""

    path: str  # online, replay or stream
    source: Ref  # the version that the training set was made of
    moments: tuple[datetime, ...]
    rows: int  # entities at moments
    features: tuple[FeatureParity, ...]


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a view is the same offline, online and in its stream; kept as it was found."""

    id: str
    view: Ref
    at: datetime
    by: str
    spec: ParitySpec
    ok: bool  # whether something was compared, and nothing differs
    paths: tuple[PathParity, ...]
    verdicts: tuple[Verdict, ...]  # one per path and feature, and of paths that have nothing


class OnlineView(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to read a view online: travels in the serving plan."""

    ref: Ref
    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    aggregations: tuple[str, ...]
    counts: tuple[str, ...]  # aggregations that are 0 for an entity nobody has seen
    ttl_s: float | None  # None: values do not age
    is_streamed: bool = False  # whether its features are those of a stream's state
    # Of an on-demand view: the views to read, and how its features are computed from them.
    inputs: tuple["OnlineView", ...] = ()
    request: dict[str, Kind] = {}
    on_demand: tuple[OnDemand, ...] = ()
    function: Code | None = None  # None: as a view has it

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return (*self.columns, *self.aggregations, *(each.name for each in self.on_demand))
