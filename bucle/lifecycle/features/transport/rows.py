"""Events as they lie in a topic, read as rows of a table; each that is of no use with its reason.

Pure.  A table has one row for each event, so that its places are those of the batch: an event of
no use is a row of nulls, which `absorb` passes over while it moves the offset beyond it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import pyarrow as pa

from bucle.drivers.streams import Record
from bucle.lifecycle.features.transport.records import Event

ONLY_FOR = "bucle:only_for"  # of a replayed event: the one version of a view that counts it
_ARROW_ERRORS = (pa.ArrowException, TypeError, ValueError, OverflowError)


class Read(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Events of a batch: each is a row, or of no use, or meant for another view."""

    events: list[Event | None]  # None: see the other two
    reasons: dict[int, str]  # of the places of no use
    foreign: frozenset[int]  # places of those for other views


def read_events(records: Sequence[Record], view: str) -> Read:
    """Decode values as JSON objects, for one version of a view."""
    events: list[Event | None] = []
    reasons: dict[int, str] = {}
    foreign: set[int] = set()
    for place, record in enumerate(records):
        event: Any = None
        try:
            event = msgspec.json.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reasons[place] = f"it is no JSON: {error}"
        if isinstance(event, dict) and ONLY_FOR in event:
            if event[ONLY_FOR] != view:
                foreign.add(place)
                events.append(None)
                continue
            event = event.get("event")
        if not isinstance(event, dict):
            reasons.setdefault(place, "it is no JSON object")
            event = None
        events.append(event)
    return Read(events=events, reasons=reasons, foreign=frozenset(foreign))


def without(read: Read, reason: str) -> Read:
    """Return events that are all of no use: for their own reason, or for this one."""
    places = (place for place in range(len(read.events)) if place not in read.foreign)
    return Read(
        events=[None] * len(read.events),
        reasons={place: read.reasons.get(place, reason) for place in places},
        foreign=read.foreign,
    )


def types_of(events: Sequence[Event | None]) -> pa.Schema:
    """Return the types that the values of events have by themselves, by name."""
    names = dict.fromkeys(name for event in events if event for name in event)
    return pa.schema([(name, _type_of(name, events)) for name in names])


def table_of(read: Read, schema: pa.Schema, needed: Sequence[str]) -> tuple[pa.Table, Read]:
    """Return events as a table of a schema, and them with what is wrong in their values.

    `needed` are the columns without which an event is of no use: keys and time.
    """
    events, reasons = list(read.events), dict(read.reasons)
    for place, event in enumerate(events):
        if event is not None and (reason := _lack(event, schema, needed)):
            reasons[place], events[place] = reason, None
    for field in schema:
        for place, reason in _misfits(field, events).items():
            reasons[place], events[place] = reason, None
    columns = [
        pa.array(
            [None if event is None else _plain(event[field.name], field) for event in events],
            type=field.type,
        )
        for field in schema
    ]
    kept = Read(events=events, reasons=reasons, foreign=read.foreign)
    return pa.Table.from_arrays(columns, schema=schema), kept


def _lack(event: Event, schema: pa.Schema, needed: Sequence[str]) -> str:
    for name in schema.names:
        if name not in event:
            return f"it has no {name!r} (null, where there is no value)"
        if event[name] is None and name in needed:
            return f"its {name!r} is null"
    return ""


def _misfits(field: pa.Field, events: Sequence[Event | None]) -> dict[int, str]:
    """Return the places of the values that a column can not hold, each with the reason."""
    found: dict[int, str] = {}
    values: list[Any] = []
    for place, event in enumerate(events):
        if event is None:
            continue
        try:
            values.append(_plain(event[field.name], field))
        except (*_ARROW_ERRORS, InvalidOperation):
            found[place] = _misfit(field, event)
    try:
        pa.array(values, type=field.type)
    except _ARROW_ERRORS:
        for place, event in enumerate(events):
            if event is None or place in found:
                continue
            try:
                pa.scalar(_plain(event[field.name], field), type=field.type)
            except _ARROW_ERRORS:
                found[place] = _misfit(field, event)
    return found


def _misfit(field: pa.Field, event: Event) -> str:
    value = msgspec.json.encode(event[field.name]).decode()
    return f"its {field.name!r} is {value[:100]}, which is no {field.type}"


def _plain(value: Any, field: pa.Field) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value as what Arrow takes for a column of this type."""
    if value is None:
        return None
    if pa.types.is_boolean(field.type) != isinstance(value, bool):
        raise TypeError(value)
    for belongs, read in _READERS.items():
        if belongs(field.type):
            return read(value)
    return value


def _moment(value: object) -> datetime:
    """Return ISO text as a moment; without a zone it is UTC."""
    if not isinstance(value, str):
        raise TypeError(value)
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _naive(value: object) -> datetime:
    return _moment(value).replace(tzinfo=None)


def _whole(value: object) -> object:
    """Return a whole number; Arrow would cut a fraction off."""
    if isinstance(value, float) and not value.is_integer():
        raise TypeError(value)
    return value


def _date(value: object) -> date:
    if not isinstance(value, str):
        raise TypeError(value)
    return date.fromisoformat(value)


def _time(value: object) -> time:
    if not isinstance(value, str):
        raise TypeError(value)
    return time.fromisoformat(value)


def _decimal(value: object) -> Decimal:
    if not isinstance(value, str | int | float):
        raise TypeError(value)
    return Decimal(str(value))


_READERS: Mapping[Callable[[pa.DataType], bool], Callable[[Any], Any]] = {
    lambda type_: pa.types.is_timestamp(type_) and type_.tz is not None: _moment,
    pa.types.is_timestamp: _naive,
    pa.types.is_integer: _whole,
    pa.types.is_date: _date,
    pa.types.is_time: _time,
    pa.types.is_decimal: _decimal,
}


def _type_of(name: str, events: Sequence[Event | None]) -> pa.DataType:
    """Return the type of a column; where values are of several kinds, that of the most common."""
    values = [event[name] for event in events if event and event.get(name) is not None]
    try:
        return pa.array(values).type
    except _ARROW_ERRORS:
        ((most, _),) = Counter(map(_kind, values)).most_common(1)
    try:
        return pa.array([value for value in values if _kind(value) is most]).type
    except _ARROW_ERRORS:
        return pa.null()


def _kind(value: object) -> type:
    """Return the type of a JSON value; a number is a number, whole or not."""
    return float if type(value) is int else type(value)
