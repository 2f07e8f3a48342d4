"""What a dataset's retention would remove, and what it has removed."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref


class KeptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that is too old and stays all the same."""

    ref: Ref
    why: str


class RetentionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be removed now."""

    dataset: Ref
    at: datetime
    drop: tuple[Ref, ...] = ()  # versions
    kept: tuple[KeptVersion, ...] = ()
    rows: int = 0  # of the newest version, that are too old
    rows_before: datetime | None = None  # None: rows are kept for ever


class Retained(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed."""

    dataset: Ref
    dropped: tuple[Ref, ...]
    kept: tuple[KeptVersion, ...]
    rows: int  # that the newest version lost
    head: Ref | None  # the version without them; None: it had none
