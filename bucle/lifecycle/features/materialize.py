"""Bring the latest features to the online store: all of them once, then what may have changed.

What may have changed since the last time: entities with new rows (late ones too), rows that
became known, and rows that left a window.  A source that was replaced, and a view that shapes
its rows in SQL, are computed anew; entities that are no longer there are removed.  Small rows
are read once and stay in memory for all of that.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.drivers.engine import TableSource
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.compute import AT, EVENT, affected_keys, features_at
from bucle.lifecycle.features.online import HEADER, key_bytes, online_view, pack, pack_header
from bucle.lifecycle.features.records import (
    FeatureView,
    Materialization,
    OnlineView,
    RegisteredView,
)
from bucle.lifecycle.features.register import get_view

_ROWS_PER_WRITE = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = -(2**62)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be brought where."""

    registered: RegisteredView
    online: OnlineView
    source: data.DatasetVersion
    before: Materialization | None  # None: never materialized
    old_source: data.DatasetVersion | None  # None: as above
    until: int  # microseconds since 1970
    rows: TableSource  # of the source

    @property
    def view(self) -> FeatureView:
        """The definition."""
        return self.registered.view

    @property
    def is_incremental(self) -> bool:
        """Whether the rows that were there are still there, each as it was."""
        if self.old_source is None or self.view.sql:
            return False
        return _digests(self.old_source) <= _digests(self.source)


def materialize(session: Session, ref: Ref | str, until: datetime | None = None) -> Materialization:
    """Write each entity's features as of a moment (now) to the online store.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Conflict: it was materialized further already.
        Unavailable: the online store can not be written.
    """
    work = _prepared(session, ref, until or session.drivers.clock.now())
    if work.before and _same(work, work.before):
        return work.before
    work = msgspec.structs.replace(work, rows=data.rows_of(session.drivers, work.source.files))
    keys = _keys_to_write(session, work)
    rows, types = _write(session, work, keys)
    removed = _remove_vanished(session, work, keys)
    session.drivers.online.write(work.online.table, {HEADER: pack_header(work.until, types)})
    with session.begin() as scope:
        scope.require(Permission.FEATURE_WRITE, work.online.ref)
        made = Materialization(
            view=work.online.ref,
            source=work.source.ref,
            until=_EPOCH + timedelta(microseconds=work.until),
            rows=rows,
            removed=removed,
            materialized_at=scope.now,
        )
        store.set_materialization(scope.tx, scope.project, made)
        scope.record(
            "feature.materialized", made.view, until=made.until, rows=rows, removed=removed,
            source=made.source,
        )  # fmt: skip
        online_rows = Ref("materialization", made.view.name, made.view.version)
        scope.link(made.view, online_rows, "defines")
        scope.link(made.source, online_rows, "materialized", until=made.until, rows=rows)
    return made


def _prepared(session: Session, ref: Ref | str, until: datetime) -> _Work:
    with session.begin(write=False) as scope:
        registered = get_view(scope, ref)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        before = store.find_materialization(scope.tx, scope.project, registered.ref)
        source = data.get_version(scope, registered.view.source)
        old_source = data.get_version(scope, before.source) if before else None
    if before and until < before.until:
        raise Conflict(
            f"{registered.ref} is materialized until {before.until.isoformat()}, "
            f"later than {until.isoformat()}",
            hint="an online store only goes forward",
        )
    return _Work(
        registered=registered,
        online=online_view(registered.view, registered.ref, session.project),
        source=source,
        before=before,
        old_source=old_source,
        until=_micros(until),
        rows=(),
    )


def _same(work: _Work, before: Materialization) -> bool:
    return before.source == work.source.ref and _micros(before.until) == work.until


def _keys_to_write(session: Session, work: _Work) -> pa.Table:
    sources: dict[str, TableSource] = {"fresh": work.rows}
    since = _BEGINNING
    if work.is_incremental and work.before and work.old_source:
        kept = _digests(work.old_source)
        parts = {
            "kept": [file for file in work.source.files if file.digest in kept],
            "fresh": [file for file in work.source.files if file.digest not in kept],
        }
        sources = {
            name: data.rows_of(session.drivers, files) for name, files in parts.items() if files
        }
        since = _micros(work.before.until)
    return affected_keys(session.drivers.engine, work.view, sources, since, work.until)


def _write(session: Session, work: _Work, keys: pa.Table) -> tuple[int, list[str]]:
    """Compute and write these entities; return their number and the features' types."""
    view, online = work.view, session.drivers.online
    moments = pa.array([work.until] * keys.num_rows, pa.int64())
    entities = keys.append_column(AT, moments)
    found = features_at(session.drivers.engine, view, work.rows, entities)
    for rows in _packed(work, keys, found):
        online.write(work.online.table, rows)
    return keys.num_rows, [str(found.schema.field(name).type) for name in view.features]


def _packed(work: _Work, keys: pa.Table, found: pa.Table) -> Iterator[dict[bytes, bytes]]:
    names, columns = work.online.keys, len(work.online.columns)
    for start in range(0, keys.num_rows, _ROWS_PER_WRITE):
        stretch = found.slice(start, _ROWS_PER_WRITE)
        events = stretch[EVENT].to_pylist()
        features = zip(*(stretch[name].to_pylist() for name in work.online.features), strict=True)
        yield {
            key_bytes(names, key): pack(event, row[:columns], row[columns:])
            for key, event, row in zip(
                _tuples(keys.slice(start, _ROWS_PER_WRITE)), events, features, strict=True
            )
        }


def _remove_vanished(session: Session, work: _Work, there: pa.Table) -> int:
    """Delete the entities that the source had and has no longer."""
    if work.old_source is None or work.is_incremental or work.old_source.ref == work.source.ref:
        return 0
    rows = _old_rows(session, work.old_source, work)
    engine = session.drivers.engine
    gone = affected_keys(engine, work.view, {"fresh": rows}, _BEGINNING, work.until)
    names = work.online.keys
    kept = {key_bytes(names, key) for key in _tuples(there)}
    vanished = [packed for key in _tuples(gone) if (packed := key_bytes(names, key)) not in kept]
    session.drivers.online.delete(work.online.table, vanished)
    return len(vanished)


def _old_rows(session: Session, old: data.DatasetVersion, work: _Work) -> TableSource:
    """Return the rows that the source had; an append has them in memory as its first ones."""
    appended = work.source.files[: len(old.files)] == old.files
    if appended and isinstance(work.rows, pa.Table):
        return work.rows.slice(0, old.rows)
    return data.rows_of(session.drivers, old.files)


def _digests(version: data.DatasetVersion) -> set[str]:
    return {file.digest for file in version.files}


def _tuples(table: pa.Table) -> Iterator[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
