"""Draw a dataset from a topic: its events in micro-batches, each batch with the reader's place.

An event that is no object, or does not fit the dataset's columns, does not stop the others: it is
set apart in the quarantine of the version that its batch became part of.
"""

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from bucle.base.refs import Ref
from bucle.base.usage import Meter
from bucle.drivers.streams import Record
from bucle.governance.session import Session
from bucle.lifecycle.data.conform import known_types
from bucle.lifecycle.data.delimited import Line
from bucle.lifecycle.data.objects import events_table
from bucle.lifecycle.data.sources import Source, table_source
from bucle.lifecycle.data.sourcing.land import Landed, Moved, land, note
from bucle.lifecycle.data.sourcing.records import Position, Pulled, Turn

_MOST_EVENTS = 100_000  # of one version
_MOST_BYTES = 64_000_000  # of one version: a batch is held in memory
_READ = 10_000
_NO_ROW = "the event is an object that fits the columns"  # what an event that is set apart breaks


def pull_topic(session: Session, turn: Turn, meter: Meter) -> Pulled:
    """Take the events that came since, up to the end of the topic.

    Raises:
        Unavailable: the stream store does not answer.
        Refused: the rows break what is expected of the dataset; the events stay in the topic.
    """
    topic = f"{session.project}/{turn.source.url.removeprefix('topic:')}"
    rows = quarantined = 0
    version: Ref | None = None
    while records := _batch(session, topic, turn.state.position.topic):
        landed, events = _land(session, turn, records, meter)
        rows += events
        version, quarantined = landed.version.ref, quarantined + landed.version.quarantined
        turn = msgspec.structs.replace(turn, state=landed.state)
    if version is None:
        note(session, turn, Moved(position=turn.state.position, said=turn.state.position.topic))
    return Pulled(
        dataset=Ref("dataset", turn.name), version=version, source=turn.shown, rows=rows,
        quarantined=quarantined, position=turn.state.position.topic,
    )  # fmt: skip


def _batch(session: Session, topic: str, after: str) -> list[Record]:
    records: list[Record] = []
    held = 0
    while len(records) < _MOST_EVENTS and held < _MOST_BYTES:
        last = records[-1].position if records else after
        found = session.drivers.streams.read(topic, last, _READ)
        if not found:
            break
        records += found
        held += sum(len(record.value) for record in found)
    return records


def _land(
    session: Session, turn: Turn, records: Sequence[Record], meter: Meter
) -> tuple[Landed, int]:
    """Commit a batch, and return how many rows it had."""
    counted = [0]

    def open_(known: pa.Schema | None) -> list[Source]:
        closed = known is not None and not turn.source.evolve
        values = [record.value for record in records]
        table, bad = events_table(values, known_types(known), closed=closed)
        if turn.mode == "upsert":
            table = _last_of_each(table, turn.spec.key)
        counted[0] = table.num_rows
        lines = tuple(_set_apart(place, reason, records[place]) for place, reason in bad.items())
        return [msgspec.structs.replace(table_source(table, name=turn.shown), lines=lines)]

    def moved() -> Moved:
        position = Position(topic=records[-1].position)
        return Moved(position=position, rows=counted[0], said=records[-1].position)

    landed = land(session, turn, open_, moved, meter)
    return landed, counted[0]


def _set_apart(place: int, reason: str, record: Record) -> Line:
    text = record.value.decode(errors="backslashreplace")
    said = f"{_NO_ROW}: {reason} (at {record.position})"
    return Line(number=place + 1, text=text, reason=said)


def _last_of_each(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return the last row of each key: of two events about one thing, the later one holds."""
    if any(name not in table.column_names for name in key):
        return table
    columns = [table.column(name).to_pylist() for name in key]
    places = {values: place for place, values in enumerate(zip(*columns, strict=True))}
    return table.take(pa.array(sorted(places.values()), pa.int64()))
