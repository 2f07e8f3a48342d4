"""What a run must be to rank, and how runs rank."""

import msgspec

from bucle.base.figure import Figure
from bucle.base.refs import Ref
from bucle.lifecycle.tracking.records import Run


class Required(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's version that a run must have read, and how many rows of it."""

    ref: Ref  # with its version
    rows: int = 0  # 0: however many


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """By what runs rank, and what qualifies them."""

    by: str  # the name of a metric, or `utility`
    smallest: bool = False  # whether the smallest value is the best
    at_least: dict[str, float] = {}  # by metric
    at_most: dict[str, float] = {}  # by metric
    required: tuple[Required, ...] = ()
    unit: str = ""  # of the value; "": it has none


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A run, and how many rows it read of what it says it read."""

    run: Run
    rows_read: dict[Ref, int] = {}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A run on the board; equal values share a rank."""

    rank: int | None  # None: it does not rank, for the reasons
    run: Ref
    name: str
    value: Figure | None  # None: it has none
    reasons: tuple[str, ...] = ()
    metrics: dict[str, Figure] = {}  # those that the rules ask for


class Leaderboard(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of an experiment, the best first; those that do not rank stand at the end."""

    experiment: str
    by: str
    unit: str  # "": none
    places: tuple[Place, ...]
