"""Begin the state of a stream with the rows that the view's dataset has."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features.stream.absorb import followed, open_state
from bucle.lifecycle.features.stream.count import count
from bucle.lifecycle.features.stream.events import batch_of
from bucle.lifecycle.features.stream.layout import micros_of

_ROWS_AT_ONCE = 50_000


def seed(session: Session, view: Ref | str, until: datetime, *, position: str = "") -> int:
    """Count the rows of the view's dataset up to a moment; return how many rows it has.

    The events that are absorbed afterwards come on top: they are those that the dataset has
    not.  If it has events of the topic, `position` is that of the last one of them.  A seed that
    was interrupted goes on where it stopped, with the same version.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Conflict: events were counted already, or it was seeded from another version.
        Unavailable: the online store can not be written.
    """
    registered = followed(session, view)
    with session.begin(write=False) as scope:
        version = data.get_version(scope, registered.view.source)
    name = f"{version.ref} until {until.isoformat()}"
    state, schema = open_state(session, registered, pa.schema([]))
    before = state.offset
    if before.seed == name and not before.is_seeding:
        return before.seeded
    if before.seed not in {"", name} or (not before.seed and (before.position or before.applied)):
        raise Conflict(
            f"{registered.ref} has counted events{' from ' + before.seed if before.seed else ''}",
            hint="register a new version of the view and seed that one",
        )
    limit, done = micros_of(until), before.seeded
    offset = msgspec.structs.replace(before, seed=name, seeded=done, is_seeding=True)
    for rows in _stretches(data.paths(session, version), schema.names, done):
        batch = batch_of(state.layout, schema, rows, np.arange(rows.num_rows))
        is_past = batch.times <= limit
        if not is_past.all():
            kept = batch.rows.filter(pa.array(is_past))
            batch = batch_of(state.layout, schema, kept, np.arange(kept.num_rows))
        done += rows.num_rows
        offset = msgspec.structs.replace(offset, seeded=done)
        _, offset = count(state, batch, offset, limit, is_bounded=False)
        state = msgspec.structs.replace(state, offset=offset, is_new=False)
    empty = batch_of(state.layout, schema, schema.empty_table(), np.arange(0))
    offset = msgspec.structs.replace(offset, is_seeding=False, position=position)
    count(state, empty, offset, limit, is_bounded=False)
    return done


def _stretches(files: Sequence[Path], names: Sequence[str], done: int) -> Iterator[pa.Table]:
    """Yield the rows of files in their order, without those that are done."""
    for path in files:
        file = pq.ParquetFile(path)
        if done >= file.metadata.num_rows:
            done -= file.metadata.num_rows
            continue
        there = [name for name in names if name in file.schema_arrow.names]
        for part in file.iter_batches(_ROWS_AT_ONCE, columns=there):
            rows = pa.Table.from_batches([part])
            skipped = min(done, rows.num_rows)
            done -= skipped
            if rows.num_rows > skipped:
                yield rows.slice(skipped)
