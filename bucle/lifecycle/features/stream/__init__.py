"""The state of a stream: features that each event brings up to date.

Events are counted into tiles, partial aggregates of a stretch of time, in the online store.  The
offset is written with them, so that events that come again change nothing.
"""

from typing import TYPE_CHECKING

from bucle.base.lazy import open_by_name

if TYPE_CHECKING:
    from bucle.lifecycle.features.stream.absorb import absorb
    from bucle.lifecycle.features.stream.layout import Offset
    from bucle.lifecycle.features.stream.read import (
        newest_event,
        offset_of,
        position_of,
        read_stream,
        stream_types,
    )
    from bucle.lifecycle.features.stream.records import POSITION, Absorbed
    from bucle.lifecycle.features.stream.seed import seed
else:
    open_by_name(__name__, {
        "absorb": "absorb",
        "layout": "Offset",
        "read": "newest_event offset_of position_of read_stream stream_types",
        "records": "POSITION Absorbed",
        "seed": "seed",
    })  # fmt: skip

__all__ = [
    "POSITION",
    "Absorbed",
    "Offset",
    "absorb",
    "newest_event",
    "offset_of",
    "position_of",
    "read_stream",
    "seed",
    "stream_types",
]
