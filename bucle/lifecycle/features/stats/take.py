"""Look at a view's features: nulls, range, mean, quantiles, how fresh they are, how they moved.

They are computed from the source as of the moment that the view was materialized for (or now),
for all entities or an even draw of them, and kept: once for each materialization.
"""

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.data import count_into, profile_table
from bucle.lifecycle.features import store as views
from bucle.lifecycle.features.compute import AT, EVENT, affected_keys, features_at, times_sql
from bucle.lifecycle.features.records import RegisteredView
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.source import source_rows
from bucle.lifecycle.features.stats import store
from bucle.lifecycle.features.stats.drift import drift
from bucle.lifecycle.features.stats.records import FeatureStats

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_BEGINNING = -(2**62)
_MOST_ENTITIES = 20_000


def take_stats(session: Session, ref: Ref | str, *, entities: int = _MOST_ENTITIES) -> FeatureStats:
    """Return the statistics of a view's last materialization; take them where nobody did.

    Of a view that was never materialized, they are of now.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Invalid: it is computed on demand, or no entity is to be drawn.
    """
    if entities < 1:
        raise Invalid("no entity is to be drawn", hint="entities=20000")
    with session.begin(write=False) as scope:
        registered = get_view(scope, ref)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        _require_rows(registered)
        made = views.find_materialization(scope.tx, scope.project, registered.ref)
        source = data.get_version(scope, made.source if made else registered.view.source)
        until = made.until if made else scope.now
        found = store.list_stats(scope.tx, scope.project, registered.ref, limit=1, token=None)
    before = found.items[0] if found.items else None
    if before and (before.source, before.until) == (source.ref, until):
        return before
    moment = (until - _EPOCH) // _MICRO
    table, there, newest = _look(session, registered, source, moment, entities)
    engine = session.drivers.engine
    verdicts = (
        tuple(drift(before.profile, count_into(engine, before.profile, table))) if before else ()
    )
    with session.begin() as scope:
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        taken = FeatureStats(
            id=scope.new_id(),
            view=registered.ref,
            source=source.ref,
            until=until,
            taken_at=scope.now,
            entities=there,
            drawn=table.num_rows,
            newest_event=None if newest is None else _EPOCH + newest * _MICRO,
            profile=profile_table(engine, table),
            against=before.until if before else None,
            drift=verdicts,
        )
        store.add_stats(scope.tx, scope.project, taken)
        moved = [verdict.name for verdict in verdicts if not verdict.ok]
        scope.record("feature.measured", taken.view, until=until, source=source.ref, moved=moved)
    return taken


def list_stats(
    scope: Scope, ref: Ref | str, *, limit: int = 100, token: str | None = None
) -> Page[FeatureStats]:
    """List what a view's features looked like, the newest first."""
    registered = get_view(scope, ref)
    return store.list_stats(scope.tx, scope.project, registered.ref, limit=limit, token=token)


def _require_rows(registered: RegisteredView) -> None:
    if registered.view.is_on_demand:
        raise Invalid(
            f"{registered.ref} is computed when somebody asks: nothing says what requests say",
            hint=f"look at {', '.join(str(each) for each in registered.inputs) or 'its inputs'}",
        )


def _look(
    session: Session,
    registered: RegisteredView,
    source: data.DatasetVersion,
    until: int,
    most: int,
) -> tuple[pa.Table, int, int | None]:
    """Return the features of a draw of entities, how many there are, and the newest event."""
    engine, view = session.drivers.engine, registered.view
    rows = source_rows(session.drivers, view, source.files)
    keys = affected_keys(engine, view, {"fresh": rows}, _BEGINNING, until)
    there = keys.num_rows
    if there > most:
        keys = keys.sort_by([(name, "ascending") for name in keys.column_names])
        rng = random.Random(0)  # noqa: S311 - the same entities each time, so that they compare
        keys = keys.take(pa.array(sorted(rng.sample(range(there), most)), pa.int64()))
    at = pa.array([until] * keys.num_rows, pa.int64())
    found = features_at(engine, view, rows, keys.append_column(AT, at))
    newest = engine.query(
        f"SELECT max({AT}) AS newest FROM ({times_sql(engine, view, rows)}) WHERE {AT} <= {until}",
        tables={"source": rows},
    )["newest"][0].as_py()
    return found.drop_columns([EVENT]), there, newest
