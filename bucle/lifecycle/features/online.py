"""Read features online: no database, no engine, one read of the online store per call.

A row is stored under its keys as `[event, columns, aggregations]`, and beside the rows, under
a key of its own, how far the view was materialized and of what types its features are.

A view has two tables, of which one is live: the first one if it has that header, the other one
if not.  What is computed anew is written to the other of the two, and then becomes the live one
as a whole.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any, TypeAlias

import msgspec

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.drivers.online import OnlineStore
from bucle.lifecycle.features.records import FeatureView, OnlineView

HEADER = b"\xc0"  # what no key is written as: keys are lists
Row: TypeAlias = dict[str, Any]
_COUNTS = frozenset({"count", "approx_distinct"})
_VALUES = re.compile(r"list<\w+: struct<value: (.+), count: int64>>")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Header(msgspec.Struct, frozen=True, array_like=True):
    """How far a view was materialized (microseconds since 1970), and its features' types."""

    until: int
    types: tuple[str, ...]


class OnlineRead(msgspec.Struct, frozen=True, kw_only=True):
    """The features of some entities, and how fresh they are."""

    rows: list[Row]
    as_of: datetime | None  # the moment that they were materialized for; None: never
    types: tuple[str, ...] = ()  # of the features; (): nobody knows


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """One entity's features; the event is the time of the row that the columns are from."""

    event: int | None  # None: no row was known yet
    columns: tuple[Any, ...]
    aggregations: tuple[Any, ...]


def online_view(view: FeatureView, ref: Ref, project: str) -> OnlineView:
    """Return what a model server needs to read a registered view."""
    return OnlineView(
        ref=ref,
        table=f"{project}/{view.name}@{ref.version}",
        keys=view.entity.keys,
        columns=view.columns,
        aggregations=tuple(each.feature for each in view.aggregations),
        counts=tuple(each.feature for each in view.aggregations if each.function in _COUNTS),
        ttl_s=parse_duration(view.ttl).total_seconds() if view.ttl else None,
        is_streamed=bool(view.stream),
    )


def read_online(
    online: OnlineStore, view: OnlineView, keys: Sequence[Sequence[Any]], now: datetime
) -> list[Row]:
    """Return the features of each entity, in the order of the keys.

    An unknown entity, a value older than the view's time to live and a view that was never
    materialized have none: every feature is None (counts of an unknown entity are 0).

    Raises:
        Invalid: a key has too many or too few parts, or one of no use as a key.
        Unavailable: the online store does not answer.
    """
    return read_fresh(online, view, keys, now).rows


def read_fresh(
    online: OnlineStore, view: OnlineView, keys: Sequence[Sequence[Any]], now: datetime
) -> OnlineRead:
    """Return what `read_online` does, and as of when it was materialized.

    Raises:
        Invalid: a key has too many or too few parts, or one of no use as a key.
        Unavailable: the online store does not answer.
    """
    known, found = _find(online, view, [key_bytes(view.keys, key) for key in keys])
    nothing: Row = dict.fromkeys(view.features)
    if known is None:
        return OnlineRead(rows=[nothing.copy() for _ in keys], as_of=None)
    moment = round(now.timestamp() * 1_000_000)
    unknown = (
        nothing if _is_old(view, known.until, moment) else nothing | dict.fromkeys(view.counts, 0)
    )
    read = readers_of(known.types)
    rows = [
        unknown.copy() if packed is None else _row(view, packed, known, moment, read)
        for packed in found
    ]
    as_of = _EPOCH + timedelta(microseconds=known.until)
    return OnlineRead(rows=rows, as_of=as_of, types=known.types)


def tables_of(view: OnlineView) -> tuple[str, str]:
    """Return the view's two tables; which one is live, their headers say."""
    return view.table, f"{view.table}/other"


def find_live(online: OnlineStore, view: OnlineView) -> tuple[str, Header] | None:
    """Return the table that is read, and its header; None: never materialized."""
    for table in tables_of(view):
        (header,) = online.read(table, [HEADER])
        if header is not None:
            return table, msgspec.msgpack.decode(header, type=Header)
    return None


def pack(event: int | None, columns: Sequence[Any], aggregations: Sequence[Any]) -> bytes:
    """Write one entity's features."""
    return msgspec.msgpack.encode(Packed(event, tuple(columns), tuple(aggregations)))


def pack_header(until: int, types: Sequence[str]) -> bytes:
    """Write how far a view was materialized."""
    return msgspec.msgpack.encode(Header(until, tuple(types)))


def key_bytes(names: Sequence[str], key: Sequence[Any]) -> bytes:
    """Write a key so that equal keys are equal bytes, whichever program made them."""
    if len(key) != len(names):
        raise Invalid(
            f"a key has {len(key)} parts, not {len(names)}", hint=f"give {', '.join(names)}"
        )
    return msgspec.msgpack.encode([_plain(part) for part in key])


def _find(
    online: OnlineStore, view: OnlineView, keys: Sequence[bytes]
) -> tuple[Header | None, list[bytes | None]]:
    """Read header and rows at once from the live table."""
    # Twice, as the rows may move from the second to the first between the two reads.
    for table in tables_of(view) * 2:
        header, *found = online.read(table, [HEADER, *keys])
        if header is not None:
            return msgspec.msgpack.decode(header, type=Header), found
    return None, []


def _plain(part: Any) -> Any:  # noqa: ANN401 - a value of a key
    if hasattr(part, "item"):  # a number of NumPy
        part = part.item()
    if isinstance(part, float) and part.is_integer():
        return int(part)
    if isinstance(part, float) and not math.isfinite(part):
        raise Invalid(f"{part!r} is no key", hint="give a number or a text")
    return part


def _row(
    view: OnlineView,
    packed: bytes,
    known: Header,
    moment: int,
    read: Mapping[int, Callable[[Any], Any]],
) -> Row:
    row = msgspec.msgpack.decode(packed, type=Packed)
    if row.event is None or _is_old(view, row.event, moment):
        columns: Sequence[Any] = (None,) * len(view.columns)
    else:
        columns = row.columns
    figures = row.aggregations
    if _is_old(view, known.until, moment):
        figures = (None,) * len(figures)
    values = [*columns, *figures]
    for place, reader in read.items():
        if values[place] is not None:
            values[place] = reader(values[place])
    return dict(zip(view.features, values, strict=True))


def _is_old(view: OnlineView, since: int, moment: int) -> bool:
    return view.ttl_s is not None and moment - since > view.ttl_s * 1_000_000


@cache
def readers_of(types: tuple[str, ...]) -> dict[int, Callable[[Any], Any]]:
    """Return how to read the features that are stored as text; most need nothing."""
    found: dict[int, Callable[[Any], Any]] = {}
    for place, type_ in enumerate(types):
        if type_.startswith("date"):
            found[place] = date.fromisoformat
        elif type_.startswith("timestamp") and "tz=" not in type_:
            found[place] = datetime.fromisoformat
        elif type_.startswith("decimal"):
            found[place] = Decimal
        elif (counted := _VALUES.fullmatch(type_)) and (of_one := readers_of((counted[1],))):
            found[place] = partial(_counted, of_one[0])
    return found


def _counted(read: Callable[[Any], Any], values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"value": read(each["value"])} for each in values]
