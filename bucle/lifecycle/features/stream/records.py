"""What is told of a batch of events that was counted.

The verbs of this sub-room, as the transport and the parity check call them:

    absorb(session, view: Ref | str, events: pa.Table, positions: tuple[str, str], now) -> Absorbed
    read_stream(online, view: OnlineView, keys, now) -> list[Row]
    position_of(online, view: OnlineView) -> str
    seed(session, view: Ref | str, until: datetime) -> int
"""

import msgspec

# A column of events that `absorb` does not count: where each event stands in its topic.  With it
# a batch that overlaps what was counted is cut there; without it such a batch is a Conflict.
POSITION = "bucle_position"


class Absorbed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch of events: all of its rows are in exactly one of these."""

    applied: int  # counted
    repeated: int  # were counted before: their position is not after the one that is stored
    late: tuple[int, ...] = ()  # places in the batch of events older than the retention
    unusable: tuple[int, ...] = ()  # places in the batch of events without a key or a time
