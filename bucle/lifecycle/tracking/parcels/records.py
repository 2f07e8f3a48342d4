"""What a client sends of its points."""

from typing import Annotated

import msgspec

from bucle.base.refs import Ref

MOST_POINTS = 100_000  # of one parcel; as many as one segment holds


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """Metric points of one run, packed as they are stored (see `tracking/segments.py`).

    A writer numbers its points from 0; `first` is the number of the first point in here.  The
    same parcel may be sent again and again: it counts once, for ever.
    """

    ref: Ref
    writer: str  # who numbers the points: a spool of a client
    first: Annotated[int, msgspec.Meta(ge=0)]
    series: tuple[tuple[str, int], ...]  # names in order, and how many points of each
    body: bytes  # base64 in JSON: steps, times and values, packed
