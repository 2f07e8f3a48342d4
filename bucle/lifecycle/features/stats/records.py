"""What was found of the features of a view."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data import Profile


class FeatureStats(msgspec.Struct, frozen=True, kw_only=True):
    """The distributions of a view's features as of a moment, of all entities or a draw of them."""

    id: str
    view: Ref
    source: Ref  # the version of the dataset that they were computed from
    until: datetime  # the moment that they are of
    taken_at: datetime
    entities: int  # that there are
    drawn: int  # of them, that the figures are of
    newest_event: datetime | None  # None: no row up to then
    profile: Profile
    against: datetime | None = None  # the statistics before these; None: they are the first
    drift: tuple[Verdict, ...] = ()  # how far each feature is from those


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """Two features that say the same, or nearly."""

    feature: str  # spending.amount_mean_7d
    same_as: str
    why: str  # definition | correlation
    correlation: float | None = None  # None: they are defined the same
    rows: int = 0  # entities in which both have a value, for a correlation
