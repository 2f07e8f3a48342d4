"""Draw a dataset from a database: rows from the last watermark on, a batch at a time."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa

from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.usage import Meter
from bucle.drivers.db.extract import Ask, Extraction, Row, extracting
from bucle.governance.session import Session
from bucle.lifecycle.data.sources import Source
from bucle.lifecycle.data.sourcing.columns import batch_of, schema_of
from bucle.lifecycle.data.sourcing.land import Landed, Moved, land, note
from bucle.lifecycle.data.sourcing.position import Overlap, kept, restored, set_back
from bucle.lifecycle.data.sourcing.records import Position, Pulled, Turn


def pull_sql(session: Session, turn: Turn, meter: Meter) -> Pulled:
    """Read what is new in a table or query, and commit it.

    Memory holds one batch of rows, and the rows of one Parquet file; the state between two pulls
    is the watermark, and a digest for each row that may come again.

    Raises:
        Invalid: see `extracting`; a value that is not of its column's type, a column that has
            another type than in the dataset, or one that is new or gone.
        Unavailable: the database does not answer; nothing was taken.
    """
    mark = turn.state.position.watermark
    since = restored(mark) if mark else None
    ask = Ask(
        table=turn.source.table,
        query=turn.source.query,
        watermark=turn.source.watermark,
        since=None if since is None else set_back(since, turn.source.lag),
        shown=turn.shown,
        timeout_s=parse_duration(turn.source.timeout).total_seconds(),
    )
    with extracting(turn.url, ask) as extraction:
        read = _Read(turn, extraction, since)
        first = next((batch for batch in read.batches() if batch), [])
        if not first:
            note(session, turn, read.moved())
            return _pulled(turn, read, None)
        landed = land(session, turn, lambda known: [read.source(first, known)], read.moved, meter)
        return _pulled(turn, read, landed)


class _Read:
    """One read of a database: what came of it so far."""

    def __init__(self, turn: Turn, extraction: Extraction, since: Any) -> None:  # noqa: ANN401 - any watermark
        self._turn = turn
        self._extraction = extraction
        self._batches = self._new_rows()
        self.rows = 0
        self.overlap: Overlap | None = None
        if turn.source.watermark:
            place = list(extraction.kinds).index(turn.source.watermark)
            self.overlap = Overlap(place, since, turn.ties, turn.source.lag)

    def batches(self) -> Iterator[list[Row]]:
        """Go on with the rows that were not taken before; some batches may have none."""
        return self._batches

    def source(self, first: list[Row], known: pa.Schema | None) -> Source:
        """Let what is left of the read stand for a file."""
        schema = schema_of(self._extraction.kinds, first, known)
        what = f"the table {self._turn.source.table!r}" if self._turn.source.table else "the query"
        name = f"{what} of {self._turn.shown.partition('#')[0]}"

        def batches() -> Iterator[pa.RecordBatch]:
            for rows in chain([first], self._batches):
                yield batch_of(rows, schema, name=name, before=self.rows)
                self.rows += len(rows)

        return Source(name=name, schema=schema, batches=batches)

    def moved(self) -> Moved:
        """Return up to where rows were read, once they were."""
        last = self.overlap.last if self.overlap else None
        watermark = None if last is None else kept(last)
        return Moved(
            position=Position(watermark=watermark),
            rows=self.rows,
            ties=self.overlap.ties() if self.overlap else b"",
            notes=self._notes(),
            said=watermark[1] if watermark else "",
        )

    def _notes(self) -> tuple[str, ...]:
        count, column = self._extraction.nulls, self._turn.source.watermark
        return (f"{count} rows have no {column}: they are never drawn",) if count else ()

    def _new_rows(self) -> Iterator[list[Row]]:
        for rows in self._extraction.batches:
            yield self.overlap.new_of(rows) if self.overlap else rows


def _pulled(turn: Turn, read: _Read, landed: Landed | None) -> Pulled:
    done = read.moved()
    return Pulled(
        dataset=Ref("dataset", turn.name),
        version=landed.version.ref if landed else None,
        source=turn.shown,
        rows=done.rows,
        quarantined=landed.version.quarantined if landed else 0,
        position=done.said,
        notes=done.notes,
    )
