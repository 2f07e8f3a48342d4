"""Find out whether a view is the same offline, online and in its stream, entity by entity.

Offline is a training set of random entities at random moments.  Beside it stand, on the paths:

- `online`: what the online store says now, as of the moment that it was materialized for;
- `replay`: the same entities brought, moment by moment, to an online store of this process, by
  the steps of a materialization: what changed is written, the rest stays;
- `stream`: the state that events keep up to date, as of its newest event, just before and later.

A path that has nothing to compare yet is named; where no path has, nothing is proven.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict, all_ok
from bucle.drivers.compute.captured import isolated
from bucle.drivers.engine import Engine, TableSource
from bucle.drivers.online import open_online
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data
from bucle.lifecycle.features import store
from bucle.lifecycle.features.compare import compare
from bucle.lifecycle.features.compute import (
    AT,
    affected_keys,
    features_at,
    quoted,
    times_sql,
)
from bucle.lifecycle.features.demand.compute import computed
from bucle.lifecycle.features.demand.draw import drawn_request
from bucle.lifecycle.features.demand.inputs import reading
from bucle.lifecycle.features.online import HEADER, Row, online_view, pack_header, read_fresh
from bucle.lifecycle.features.pack import packed_rows, tuples, types_of
from bucle.lifecycle.features.read import read_at
from bucle.lifecycle.features.records import (
    Aggregation,
    FeatureView,
    Materialization,
    OnlineView,
    Parity,
    ParitySpec,
    PathParity,
    RegisteredView,
)
from bucle.lifecycle.features.register import get_view
from bucle.lifecycle.features.source import source_rows
from bucle.lifecycle.features.stream import offset_of, read_stream
from bucle.lifecycle.features.stream.layout import SKEW

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
_BEGINNING = -(2**62)
_PLACE = "bucle_place"
_KINDS_OF_MOMENT = 3
_ROWS_ALONE = 20  # of an on-demand view that are asked for one by one


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared."""

    registered: RegisteredView
    online: OnlineView
    made: Materialization | None  # None: never materialized
    source: data.DatasetVersion  # that it was materialized from, or the newest
    newest: data.DatasetVersion
    until: int  # microseconds since 1970

    @property
    def view(self) -> FeatureView:
        """The definition."""
        return self.registered.view


class _Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """Entities, and the rows that their features come from."""

    keys: pa.Table
    rows: TableSource


def check_parity(session: Session, ref: Ref | str, spec: ParitySpec | None = None) -> Parity:
    """Compare a view's values on all its paths, and keep what was found.

    Raises:
        NotFound: no such view, or nothing was committed to its source.
        Invalid: nothing is to be drawn.
        Unavailable: the online store does not answer.
    """
    spec = spec or ParitySpec()
    if spec.entities < 1 or spec.moments < 1 or spec.tolerance < 0:
        raise Invalid("nothing is to be compared", hint="entities and moments are 1 or more")
    rng = random.Random(spec.seed)  # noqa: S311 - a draw that can be repeated
    with session.begin(write=False) as scope:
        registered = get_view(scope, ref)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
    if registered.view.is_on_demand:
        return _kept(session, registered, spec, [_demanded(session, registered, spec, rng)])
    subject = _subject(session, registered.ref)
    drawn = _drawn(session, subject, spec, rng)
    outcomes: list[PathParity | Verdict] = []
    if drawn.keys.num_rows:
        outcomes.append(_online(session, subject, drawn, spec))
        outcomes.append(_replay(session, subject, drawn, spec, rng))
    if subject.view.stream:
        outcomes.append(_stream(session, subject, spec, rng))
    if not outcomes:
        note = f"{subject.source.ref} has no entity up to {_moment(subject.until).isoformat()}"
        outcomes.append(Verdict(name="entities", ok=False, value=0, limit=1, note=note))
    return _kept(session, subject.registered, spec, outcomes)


def list_parities(
    scope: Scope, ref: Ref | str | None = None, *, limit: int = 100, token: str | None = None
) -> Page[Parity]:
    """List the comparisons of a view (of every view), the newest first."""
    scope.require(Permission.FEATURE_READ)
    ref = Ref.parse(ref, kind="feature_view") if isinstance(ref, str) and ref else ref
    name = ref.name if isinstance(ref, Ref) else ""
    return store.list_parities(scope.tx, scope.project, name, limit=limit, token=token)


def _subject(session: Session, ref: Ref | str) -> _Subject:
    with session.begin(write=False) as scope:
        registered = get_view(scope, ref)
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        made = store.find_materialization(scope.tx, scope.project, registered.ref)
        newest = data.get_version(scope, registered.view.source)
        source = data.get_version(scope, made.source) if made else newest
        until = made.until if made else scope.now
    return _Subject(
        registered=registered,
        online=online_view(registered.view, registered.ref, session.project),
        made=made,
        source=source,
        newest=newest,
        until=_micros(until),
    )


def _drawn(session: Session, subject: _Subject, spec: ParitySpec, rng: random.Random) -> _Drawn:
    """Draw entities that have rows, and keep their rows only."""
    engine, view = session.drivers.offline, subject.view
    rows = source_rows(session.drivers, subject.view, subject.source.files)
    every = affected_keys(engine, view, {"fresh": rows}, _BEGINNING, subject.until)
    every = every.sort_by([(name, "ascending") for name in every.column_names])
    places = rng.sample(range(every.num_rows), min(spec.entities, every.num_rows))
    keys = every.take(pa.array(sorted(places), pa.int64()))
    if view.sql:  # its statement may put any rows together
        return _Drawn(keys=keys, rows=rows)
    used = [*view.entity.keys, view.time, view.created, *view.columns]
    used += [each.column for each in view.aggregations]
    chosen = ", ".join(quoted(name) for name in dict.fromkeys(filter(None, used)))
    same = " AND ".join(f"s.{quoted(name)} = p.{quoted(name)}" for name in view.entity.keys)
    theirs = session.drivers.engine.query(
        f"SELECT * FROM (SELECT {chosen}, row_number() OVER () AS {_PLACE} FROM source) AS s "
        f"WHERE EXISTS (SELECT 1 FROM picked AS p WHERE {same}) ORDER BY {_PLACE}",
        tables={"source": rows, "picked": keys},
    )
    return _Drawn(keys=keys, rows=theirs.drop_columns([_PLACE]))


def _online(
    session: Session, subject: _Subject, drawn: _Drawn, spec: ParitySpec
) -> PathParity | Verdict:
    if subject.made is None:
        return Verdict(name="online", ok=True, note="it was never materialized")
    until = subject.made.until
    read = read_fresh(session.drivers.online, subject.online, list(tuples(drawn.keys)), until)
    if read.as_of != until:
        note = f"the online store is as of {read.as_of}, not {until}: materialize it again"
        return Verdict(name="online", ok=False, note=note)
    moments = [subject.until]
    wanted = _offline(session.drivers.offline, subject.view, drawn, moments)
    return _path(("online", subject, spec), drawn, moments, wanted, read.rows)


def _replay(
    session: Session, subject: _Subject, drawn: _Drawn, spec: ParitySpec, rng: random.Random
) -> PathParity:
    engine, view = session.drivers.offline, subject.view
    moments = _moments(engine, subject, drawn, spec.moments, rng)
    wanted = _offline(engine, view, drawn, moments)
    found = [row for rows in _steps(engine, subject, drawn, moments) for row in rows]
    return _path(("replay", subject, spec), drawn, moments, wanted, found)


def _steps(
    engine: Engine, subject: _Subject, drawn: _Drawn, moments: Sequence[int]
) -> Iterator[list[Row]]:
    """Materialize moment by moment, each step only what may have changed, and read it back."""
    online = open_online("memory:")
    view, table = subject.view, subject.online.table
    keys = list(tuples(drawn.keys))
    since = _BEGINNING
    for moment in moments:
        name = "fresh" if since == _BEGINNING or view.sql else "kept"
        changed = affected_keys(engine, view, {name: drawn.rows}, since, moment)
        entities = changed.append_column(AT, pa.array([moment] * changed.num_rows, pa.int64()))
        found = features_at(engine, view, drawn.rows, entities)
        for rows in packed_rows(subject.online, changed, found):
            online.write(table, rows)
        online.write(table, {HEADER: pack_header(moment, types_of(subject.online, found))})
        yield read_fresh(online, subject.online, keys, _moment(moment)).rows
        since = moment


def _stream(
    session: Session, subject: _Subject, spec: ParitySpec, rng: random.Random
) -> PathParity | Verdict:
    online, view, engine = session.drivers.online, subject.view, session.drivers.offline
    offset = offset_of(online, subject.online)
    if not offset.applied:
        return Verdict(name="stream", ok=True, note=f"no event of {view.stream!r} was counted yet")
    if offset.is_seeding:
        return Verdict(name="stream", ok=False, note="it is being seeded: compare it afterwards")
    subject = msgspec.structs.replace(subject, source=subject.newest, until=offset.newest)
    drawn = _drawn(session, subject, spec, rng)
    _, last = _span(engine, view, source_rows(session.drivers, subject.view, subject.source.files))
    oldest = offset.newest - SKEW + 1  # so far back its state may be asked
    if last is None or last < oldest:
        note = f"{subject.source.ref} lacks the events that the stream has: commit them first"
        return Verdict(name="stream", ok=False, note=note)
    # Where both end with the same event, later moments say what leaves the windows.
    until = last + _longest(view) if last == offset.newest else min(last, offset.newest)
    moments = sorted({
        min(last, offset.newest), *(rng.randint(oldest, until) for _ in range(spec.moments - 1))
    })  # fmt: skip
    wanted = _offline(engine, view, drawn, moments)
    keys = list(tuples(drawn.keys))
    found = [row for moment in moments
             for row in read_stream(online, subject.online, keys, _moment(moment))]  # fmt: skip
    return _path(("stream", subject, spec), drawn, moments, wanted, found)


def _demanded(
    session: Session, registered: RegisteredView, spec: ParitySpec, rng: random.Random
) -> PathParity | Verdict:
    """Compute on-demand features of random entities and requests, as training and serving do.

    Offline all rows at once, from the sources; online from what is read there, of some rows one
    by one.
    """
    drivers = session.drivers
    with session.begin(write=False) as scope:
        online = reading(scope, registered)
    moments: dict[str, datetime] = {}
    keys: dict[str, list[Any]] = {}
    subjects = [_subject(session, each) for each in registered.inputs]
    for subject in subjects:
        moment, lacking = _shown_at(session, subject)
        if moment is None:
            return Verdict(name="online", ok="never" in lacking, note=lacking)
        moments[str(subject.registered.ref)] = moment
        drawn = _drawn(session, subject, spec, rng).keys
        if not drawn.num_rows:
            return Verdict(name="online", ok=False, note=f"{subject.source.ref} has no entity")
        for name in drawn.column_names:
            values = drawn[name].to_pylist()
            keys.setdefault(name, [values[n % len(values)] for n in range(spec.entities)])
    said = drawn_request(online.request, spec.entities, rng)
    asked = pa.table({**{name: pa.array(values) for name, values in keys.items()}, **said})
    found: dict[str, pa.ChunkedArray] = {}
    for each, subject in zip(online.inputs, subjects, strict=True):
        entities = asked.select(list(each.keys)) if each.keys else asked
        at = pa.array([_micros(moments[str(each.ref)])] * asked.num_rows, pa.int64())
        rows = source_rows(drivers, subject.view, subject.source.files)
        made = features_at(drivers.offline, subject.view, rows, entities.append_column(AT, at))
        found |= {name: made[name] for name in each.features}
    run = isolated(drivers.compute)
    wanted = computed(lambda: drivers.engine, run, online, pa.table({**found, **said}))
    columns = {name: column.to_pylist() for name, column in said.items()}
    served = []
    alone = min(_ROWS_ALONE, asked.num_rows)
    for start, end in (*((n, n + 1) for n in range(alone)), (alone, asked.num_rows)):
        part = [tuple(keys[name][n] for name in online.keys) for n in range(start, end)]
        if part:
            own = {name: values[start:end] for name, values in columns.items()}
            served += read_at(drivers, online, part, own, moments, run=run).rows
    rows_said = asked.to_pylist()
    return PathParity(
        path="online",
        source=registered.ref,
        moments=tuple(sorted(set(moments.values()))),
        rows=asked.num_rows,
        features=compare(online.features, wanted.to_pylist(), served, spec.tolerance,
                         lambda row: str(rows_said[row])),
    )  # fmt: skip


def _shown_at(session: Session, subject: _Subject) -> tuple[datetime | None, str]:
    """Return the moment that a view's online features are of; or why there is none."""
    ref = subject.registered.ref
    if subject.view.stream:
        offset = offset_of(session.drivers.online, subject.online)
        if not offset.applied or offset.is_seeding:
            return None, f"the stream of {ref} was never counted"
        rows = source_rows(session.drivers, subject.view, subject.newest.files)
        if _span(session.drivers.engine, subject.view, rows)[1] != offset.newest:
            return None, f"{subject.newest.ref} lacks the events that the stream has: commit them"
        return _moment(offset.newest), ""
    if subject.made is None:
        return None, f"{ref} was never materialized"
    return subject.made.until, ""


def _offline(engine: Engine, view: FeatureView, drawn: _Drawn, moments: Sequence[int]) -> list[Row]:
    """Return the training set of all entities at the first moment, at the second one, ..."""
    size = drawn.keys.num_rows
    entities = pa.concat_tables(
        drawn.keys.append_column(AT, pa.array([moment] * size, pa.int64())) for moment in moments
    ).combine_chunks()
    found = features_at(engine, view, drawn.rows, entities)
    rows: list[Row] = found.select(list(view.features)).to_pylist()
    return rows


def _moments(
    engine: Engine, subject: _Subject, drawn: _Drawn, count: int, rng: random.Random
) -> list[int]:
    """Draw moments: any, those of rows, and those at which a row has just left a window."""
    view, until = subject.view, subject.until
    first, _ = _span(engine, view, drawn.rows)
    first = min(first if first is not None else until, until)
    times = _times(engine, view, drawn.rows, until)
    found: set[int] = set()
    for place in range(count):
        moment = rng.randint(first, until)
        if place % _KINDS_OF_MOMENT and times:
            moment = rng.choice(times)
        if place % _KINDS_OF_MOMENT == 2 and view.aggregations:  # noqa: PLR2004 - the third kind
            moment += _leaving(view, rng.choice(view.aggregations))
        found.add(min(moment, until))
    return sorted(found)


def _leaving(view: FeatureView, each: Aggregation) -> int:
    return _duration(each.delay or view.delay) + _duration(each.window)


def _longest(view: FeatureView) -> int:
    return max((_leaving(view, each) for each in view.aggregations), default=_duration(view.ttl))


def _span(engine: Engine, view: FeatureView, rows: TableSource) -> tuple[int | None, int | None]:
    found = engine.query(
        f"SELECT min({AT}) AS low, max({AT}) AS high FROM ({times_sql(engine, view, rows)})",
        tables={"source": rows},
    ).to_pylist()[0]
    return found["low"], found["high"]


def _times(engine: Engine, view: FeatureView, rows: TableSource, until: int) -> list[int]:
    """Return when there are rows up to a moment."""
    found = engine.query(
        f"SELECT DISTINCT {AT} FROM ({times_sql(engine, view, rows)}) WHERE {AT} <= {until} "
        f"ORDER BY {AT}",
        tables={"source": rows},
    )
    times: list[int] = found[AT].to_pylist()
    return times


def _path(
    about: tuple[str, _Subject, ParitySpec],
    drawn: _Drawn,
    moments: Sequence[int],
    wanted: Sequence[Row],
    found: Sequence[Row],
) -> PathParity:
    path, subject, spec = about
    names, size = drawn.keys.column_names, drawn.keys.num_rows

    def say(row: int) -> str:
        key = drawn.keys.slice(row % size, 1).to_pylist()[0]
        at = _moment(moments[row // size]).isoformat()
        return f"{', '.join(f'{name}={key[name]!r}' for name in names)} at {at}"

    return PathParity(
        path=path,
        source=subject.source.ref,
        moments=tuple(_moment(moment) for moment in moments),
        rows=len(wanted),
        features=compare(subject.view.features, wanted, found, spec.tolerance, say),
    )


def _verdicts(outcome: PathParity | Verdict, tolerance: float) -> Iterator[Verdict]:
    if isinstance(outcome, Verdict):
        yield outcome
        return
    for each in outcome.features:
        differ = f"{each.different} of {outcome.rows} differ; {each.example}"
        yield Verdict(
            name=f"{outcome.path} {each.feature}",
            ok=not each.different,
            value=each.worst,
            limit=tolerance,
            note=differ if each.different else "",
        )


def _kept(
    session: Session,
    registered: RegisteredView,
    spec: ParitySpec,
    outcomes: Sequence[PathParity | Verdict],
) -> Parity:
    paths = tuple(each for each in outcomes if isinstance(each, PathParity))
    verdicts = tuple(one for each in outcomes for one in _verdicts(each, spec.tolerance))
    with session.begin() as scope:
        scope.require(Permission.FEATURE_WRITE, registered.ref)
        made = Parity(
            id=scope.new_id(),
            view=registered.ref,
            at=scope.now,
            by=scope.actor.name,
            spec=spec,
            ok=bool(paths) and all_ok(verdicts),
            paths=paths,
            verdicts=verdicts,
        )
        store.add_parity(scope.tx, scope.project, made)
        scope.record(
            "feature.compared",
            made.view,
            ok=made.ok,
            rows=sum(path.rows for path in paths),
            different=sum(each.different for path in paths for each in path.features),
        )
    return made


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICRO


def _duration(text: str) -> int:
    return parse_duration(text) // _MICRO if text else 0
