"""What is told of events on their way."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref

Event = dict[str, Any]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Events that are in a topic now, for good."""

    topic: str
    events: int
    position: str  # of the last; "": none were given


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """How far the events of a view are counted, and what became of those of this time."""

    view: Ref
    topic: str
    position: str  # of the last event; "": none came
    applied: int
    late: int  # older than the view's retention: not counted
    dead: int  # of no use: kept aside as dead letters
    passed: int  # counted before, or meant for another view


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a view could not use, and why."""

    view: Ref
    topic: str
    position: str
    at: datetime  # when it was put aside
    reason: str
    body: str  # the event as it came; bytes that are no text are escaped
    replayed_at: datetime | None = None  # None: it waits


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters that were sent again, to their view only."""

    view: Ref
    events: int
    position: str  # of the last; "": there were none
