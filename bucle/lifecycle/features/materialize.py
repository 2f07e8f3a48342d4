"""Bring the latest features to the online store: all of them once, then what may have changed.

What may have changed since the last time: entities with new rows (late ones too), rows that
became known, and rows that left a window.  These are written over what was there, each row as a
whole.  A source that was replaced, and a view that shapes its rows in SQL, are computed anew, into
a table of their own: until it is whole, readers see what was there.  Small rows are read once and
stay in memory for all of that.

The online store is written first, then the database.  Where they say different moments, as after
a death in between, or where the store lost its rows, everything is computed anew.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.base.usage import measure
from bucle.base.verdict import Verdict
from bucle.drivers.engine import TableSource
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.compute import AT, affected_keys, features_at
from bucle.lifecycle.features.hold import Hold
from bucle.lifecycle.features.judge import judge
from bucle.lifecycle.features.online import (
    HEADER,
    Header,
    find_live,
    key_bytes,
    online_view,
    pack_header,
    tables_of,
)
from bucle.lifecycle.features.pack import packed_rows, tuples, types_of
from bucle.lifecycle.features.records import (
    FeatureView,
    Materialization,
    OnlineView,
    RegisteredView,
)
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.source import source_rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINNING = -(2**62)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be brought where."""

    registered: RegisteredView
    online: OnlineView
    source: data.DatasetVersion
    before: Materialization | None  # None: never materialized
    old_source: data.DatasetVersion | None  # None: as above, or it was dropped since
    until: int  # microseconds since 1970
    live: tuple[str, Header] | None  # the table that is read; None: there is none
    rows: TableSource  # of the source

    @property
    def view(self) -> FeatureView:
        """The definition."""
        return self.registered.view

    @property
    def is_there(self) -> bool:
        """Whether the online store has what was materialized last."""
        if self.before is None or self.live is None:
            return False
        return self.live[1].until == _micros(self.before.until)

    @property
    def is_incremental(self) -> bool:
        """Whether the rows that were there are still there, each as it was."""
        shaped = self.view.sql or self.view.transform
        if self.old_source is None or shaped or not self.is_there:
            return False
        return _digests(self.old_source) <= _digests(self.source)

    @property
    def table(self) -> str:
        """The table to write: the live one, or the other one if all is computed anew."""
        first, other = tables_of(self.online)
        live = self.live[0] if self.live else other
        if self.is_incremental:
            return live
        return other if live == first else first


def materialize(session: Session, ref: Ref | str, until: datetime | None = None) -> Materialization:
    """Write each entity's features as of a moment (now) to the online store.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Invalid: it is computed on demand.
        Conflict: it was materialized further already, or another process materializes it.
        Unavailable: the online store can not be written.
        Refused: the view's tests do not hold; what was online stays.
    """
    with session.begin(write=False) as scope:
        registered = get_view(scope, ref)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    if registered.view.is_on_demand:
        raise Invalid(
            f"{registered.ref} is computed when somebody asks and has no rows to bring online",
            hint=f"materialize {', '.join(str(each) for each in registered.inputs) or 'nothing'}",
        )
    with Hold(session, registered.ref) as hold, measure() as meter:
        work = _prepared(session, registered, until or session.drivers.clock.now())
        if work.before and work.is_there and _same(work, work.before):
            return work.before
        rows = source_rows(session.drivers, work.view, work.source.files)
        work = msgspec.structs.replace(work, rows=rows)
        keys = _keys_to_write(session, work)
        written_bytes, verdicts = _write(session, work, keys, hold)
        removed = _vanished(session, work, keys)
        with session.begin() as scope:
            scope.require(Permission.FEATURE_WRITE, work.online.ref)
            hold.end(scope)
            made = Materialization(
                view=work.online.ref,
                source=work.source.ref,
                until=_EPOCH + timedelta(microseconds=work.until),
                rows=keys.num_rows,
                removed=removed,
                written_bytes=written_bytes,
                verdicts=verdicts,
                materialized_at=scope.now,
            )
            store.set_materialization(scope.tx, scope.project, made)
            scope.spend(made.view, meter.usage())
            scope.record(
                "feature.materialized", made.view, until=made.until, rows=made.rows,
                removed=removed, source=made.source,
                broken=[verdict.name for verdict in verdicts if not verdict.ok],
            )  # fmt: skip
            online_rows = Ref("materialization", made.view.name, made.view.version)
            scope.link(made.view, online_rows, "defines")
            scope.link(made.source, online_rows, "materialized", until=made.until, rows=made.rows)
    return made


def _prepared(session: Session, registered: RegisteredView, until: datetime) -> _Work:
    with session.begin(write=False) as scope:
        before = store.find_materialization(scope.tx, scope.project, registered.ref)
        source = data.get_version(scope, registered.view.source)
        old_source = _old_source(scope, before)
    if before and until < before.until:
        raise Conflict(
            f"{registered.ref} is materialized until {before.until.isoformat()}, "
            f"later than {until.isoformat()}",
            hint="an online store only goes forward",
        )
    online = online_view(registered.view, registered.ref, session.project)
    return _Work(
        registered=registered,
        online=online,
        source=source,
        before=before,
        old_source=old_source,
        until=_micros(until),
        live=find_live(session.drivers.online, online),
        rows=(),
    )


def _old_source(scope: Scope, before: Materialization | None) -> data.DatasetVersion | None:
    """Return the version that was materialized last; None: there was none, or it was dropped."""
    if before is None:
        return None
    try:
        return data.get_version(scope, before.source)
    except NotFound:
        return None


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
    return affected_keys(session.drivers.offline, work.view, sources, since, work.until)


def _write(
    session: Session, work: _Work, keys: pa.Table, hold: Hold
) -> tuple[int, tuple[Verdict, ...]]:
    """Compute, judge and write these entities, the last of them with the header.

    Returns how many bytes were written, and what the view's tests say.
    """
    online, table = session.drivers.online, work.table
    moments = pa.array([work.until] * keys.num_rows, pa.int64())
    entities = keys.append_column(AT, moments)
    found = features_at(session.drivers.offline, work.view, work.rows, entities)
    verdicts: tuple[Verdict, ...] = ()
    if work.view.tests:
        verdicts = judge(
            session.drivers.engine, work.registered, found, session.drivers.clock.now()
        )
    header = {HEADER: pack_header(work.until, types_of(work.online, found))}
    if not work.is_incremental:
        hold.extend()
        online.clear(table)  # of what a process that died may have left
    batches = packed_rows(work.online, keys, found)
    last = next(batches, {})
    written_bytes = _bytes(last)
    for rows in batches:
        hold.extend()
        online.write(table, last)
        last = rows
        written_bytes += _bytes(rows)
    hold.extend()
    online.write(table, last | header)
    if not work.is_incremental:
        first, other = tables_of(work.online)
        hold.extend()
        online.clear(other if table == first else first)
    return written_bytes, verdicts


def _bytes(rows: Mapping[bytes, bytes]) -> int:
    return sum(map(len, rows.keys())) + sum(map(len, rows.values()))


def _vanished(session: Session, work: _Work, there: pa.Table) -> int:
    """Return how many entities the source had and has no longer."""
    if work.old_source is None or work.is_incremental or work.old_source.ref == work.source.ref:
        return 0
    rows = _old_rows(session, work.old_source, work)
    engine = session.drivers.offline
    gone = affected_keys(engine, work.view, {"fresh": rows}, _BEGINNING, work.until)
    names = work.online.keys
    kept = {key_bytes(names, key) for key in tuples(there)}
    return sum(key_bytes(names, key) not in kept for key in tuples(gone))


def _old_rows(session: Session, old: data.DatasetVersion, work: _Work) -> TableSource:
    """Return the rows that the source had; an append has them in memory as its first ones."""
    appended = work.source.files[: len(old.files)] == old.files and not work.view.transform
    if appended and isinstance(work.rows, pa.Table):
        return work.rows.slice(0, old.rows)
    return source_rows(session.drivers, work.view, old.files)


def _digests(version: data.DatasetVersion) -> set[str]:
    return {file.digest for file in version.files}


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
