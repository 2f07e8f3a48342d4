"""The SQL of searching runs.

Two things make a search quick where a filter or an order lies in another table.  If few rows
fulfil one of the conditions, their runs are fetched first and everything else is asked of them
alone.  Otherwise the order is walked, by the index of a metric if it begins with one, and each
condition is asked run by run until the page is full.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)

from bucle.base.filters import Condition, OrderTerm
from bucle.drivers.db import Ready
from bucle.drivers.db.filters import Beside, compare, owners
from bucle.lifecycle.tracking.search.places import (
    USER,
    WITH_EXPERIMENT,
    column,
    fulfilled,
    in_experiments,
    places_of,
    rows_named,
)
from bucle.lifecycle.tracking.search.records import LastPoint, RunHead, Wanted
from bucle.lifecycle.tracking.search.walk import Piece, find_pieces
from bucle.lifecycle.tracking.store import experiments, params, runs, summaries, tags

_FEW = 2_000  # runs that are fetched before anything else is asked
_CHUNK = 1_000  # runs whose parameters, tags and metrics are read in one statement
_NAN = float("nan")
_HEAD = (
    runs.c.id, runs.c.name, runs.c.experiment_number, runs.c.status, runs.c.stage,
    runs.c.started_at, runs.c.ended_at, USER, runs.c.parent, experiments.c.location,
)  # fmt: skip
_FIND_HEAD = Ready(
    select(*_HEAD)
    .select_from(WITH_EXPERIMENT)
    .where(runs.c.project == bindparam("of_project"), runs.c.id == bindparam("of_run"))
)
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)


class Said:
    """What runs logged, by run."""

    def __init__(self) -> None:
        self.params: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self.tags: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        self.metrics: defaultdict[str, list[LastPoint]] = defaultdict(list)


def find_head(tx: Connection, project: str, run: str) -> RunHead | None:
    """Return a run's own fields, or None."""
    row = _FIND_HEAD.row(tx, {"of_project": project, "of_run": run})
    return RunHead._make(row) if row else None


def find_heads(tx: Connection, wanted: Wanted, offset: int, limit: int) -> list[RunHead]:
    """Return the runs that fulfil a search, in its order."""
    if not wanted.experiments:
        return []
    few = _named(wanted)
    if few is None:
        pieces = find_pieces(tx, wanted, offset, limit)
        if pieces is not None:
            return [head for piece in pieces for head in _of_piece(tx, wanted, piece)]
        few = _few(tx, wanted)
    if few is not None and not few:
        return []
    if few is None and wanted.order[0].group == "metric":
        return _walk_metric(tx, wanted, offset, limit)
    query, source, order = _ordered(wanted, wanted.order, WITH_EXPERIMENT)
    query = query.where(*_conditions(tx, wanted, by_id=few is not None))
    if few is not None:
        query = query.where(_is_one_of(tx, wanted.project, few))
    return _rows(tx, query.select_from(source).order_by(*order).offset(offset).limit(limit))


def said_by(tx: Connection, project: str, ids: Sequence[str]) -> Said:
    """Return the parameters, tags and last points of some runs."""
    said = Said()
    if len(ids) == 1:
        _one_said(tx, project, ids[0], said)
        return said
    for start in range(0, len(ids), _CHUNK):
        values = {"of_project": project, "ids": list(ids[start : start + _CHUNK])}
        for run, name, text in tx.execute(_PARAMS, values).all():
            said.params[run].append((name, text))
        for run, name, text in tx.execute(_TAGS, values).all():
            said.tags[run].append((name, text))
        for run, name, last, step, at in tx.execute(_METRICS, values).all():
            said.metrics[run].append(LastPoint(name, _NAN if last is None else last, step, at))
    return said


def _one_said(tx: Connection, project: str, run: str, said: Said) -> None:
    """Read what one run logged by one statement: three would cost three times as much."""
    for kind, name, text, last, step, at in _ONE.rows(tx, {"of_project": project, "of_run": run}):
        if kind == "p":
            said.params[run].append((name, text))
        elif kind == "t":
            said.tags[run].append((name, text))
        else:
            said.metrics[run].append(LastPoint(name, _NAN if last is None else last, step, at))


def _of(table: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - columns
    return table.c.project == bindparam("of_project"), table.c.run.in_(_IDS)


def _of_one(table: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - columns
    return table.c.project == bindparam("of_project"), table.c.run == bindparam("of_run")


_PARAMS = select(params.c.run, params.c.name, params.c.text).where(*_of(params))
_TAGS = select(tags.c.run, tags.c.name, tags.c.value).where(*_of(tags))
_METRICS = select(
    summaries.c.run,
    summaries.c.name,
    summaries.c.last,
    summaries.c.last_step,
    summaries.c.last_at,
).where(*_of(summaries))
_NO_FIGURES = (
    func.coalesce(null(), null()).cast(summaries.c.last.type),
    literal(0),
    literal(0),
)
_ONE = Ready(
    union_all(
        select(literal("p"), params.c.name, params.c.text, *_NO_FIGURES).where(*_of_one(params)),
        select(literal("t"), tags.c.name, tags.c.value, *_NO_FIGURES).where(*_of_one(tags)),
        select(
            literal("m"),
            summaries.c.name,
            literal(""),
            summaries.c.last,
            summaries.c.last_step,
            summaries.c.last_at,
        ).where(*_of_one(summaries)),
    )
)


def _of_piece(tx: Connection, wanted: Wanted, piece: Piece) -> list[RunHead]:
    query, source, order = _ordered(wanted, wanted.order, WITH_EXPERIMENT)
    query = query.where(_is_one_of(tx, wanted.project, piece.ids))
    query = query.select_from(source).order_by(*order)
    return _rows(tx, query.offset(piece.offset).limit(piece.limit))


def _is_one_of(tx: Connection, project: str, ids: Sequence[str]) -> ColumnElement[bool]:
    if tx.dialect.name != "sqlite":
        return and_(runs.c.project == project, runs.c.id.in_(ids))
    # One parameter for all of them: SQLAlchemy and SQLite take a microsecond for each.  And in
    # one with the project: SQLite would begin with another index that has it, without the id.
    told = func.json_each(json.dumps(ids)).table_valued("value")
    return tuple_(runs.c.project, runs.c.id).in_(select(literal(project), told.c.value))


def _named(wanted: Wanted) -> list[str] | None:
    """Return the runs that a search names; None: it names none."""
    for condition in wanted.conditions:
        if condition.group == "attribute" and condition.key == "run_id":
            named = condition.value if condition.operator == "IN" else (condition.value,)
            if condition.operator in {"=", "IN"} and isinstance(named, tuple):
                return [str(one) for one in named]
    return None


def _few(tx: Connection, wanted: Wanted) -> list[str] | None:
    """Return the runs of a condition that few fulfil, or None where there is no such."""
    for condition in wanted.conditions:
        query = _first_asked(wanted.project, condition, tx.dialect.name)
        if query is not None:
            found = list(tx.execute(query.limit(_FEW + 1)).scalars())
            if len(found) <= _FEW:
                return found
    return None


def _first_asked(project: str, condition: Condition, dialect: str) -> Select[Any] | None:
    """Return a query of the runs that fulfil a condition, if an index leads to them."""
    place = places_of(project)[condition.group](condition.key)
    if isinstance(place, Beside) and condition.operator != "IS NULL":
        return owners(condition, place, dialect)
    if place is runs.c.name and condition.operator == "=":
        return select(runs.c.id).where(runs.c.project == project, place == condition.value)
    return None


def _walk_metric(tx: Connection, wanted: Wanted, offset: int, limit: int) -> list[RunHead]:
    """Return runs ordered by a metric: those with a number, then NaN, then those without it."""
    first, *rest = wanted.order
    series = summaries.alias("series")
    mine = rows_named(series, wanted.project, first.key)
    with_it = series.join(runs, and_(*_same_run(series))).outerjoin(
        experiments,
        and_(
            experiments.c.project == runs.c.project,
            experiments.c.number == runs.c.experiment_number,
        ),
    )
    value = series.c.last.desc() if first.descending else series.c.last.asc()
    without = select(series.c.run).where(*mine, *_same_run(series)).exists()
    # What is asked of the metric itself bounds the walk.
    about_it = [one for one in wanted.conditions if (one.group, one.key) == ("metric", first.key)]
    bounds = [compare(series.c.last, one.operator, one.value, tx.dialect.name) for one in about_it]
    walks: list[tuple[FromClause, list[ColumnElement[bool]], list[Any]]] = [
        (with_it, [*mine, *bounds, series.c.last.is_not(None)], [value]),
        (with_it, [*mine, series.c.last.is_(None)], []),
        (WITH_EXPERIMENT, [~without], []),
    ]
    if about_it:  # nothing holds for a run without the metric, and for NaN only that it differs
        walks = walks[:2] if {one.operator for one in about_it} == {"!="} else walks[:1]
        rest_of_it = [one for one in wanted.conditions if one not in about_it]
        wanted = replace(wanted, conditions=tuple(rest_of_it))
    found: list[RunHead] = []
    for source, where, keys in walks:
        query, joined, order = _ordered(wanted, tuple(rest), source)
        query = query.where(*where, *_conditions(tx, wanted, by_id=source is with_it))
        query = query.select_from(joined)
        page = query.order_by(*keys, *order).offset(offset).limit(limit - len(found))
        rows = _rows(tx, page)
        found += rows
        if len(found) == limit:
            break
        if rows or not offset:
            offset = 0
        else:
            count = select(func.count()).select_from(query.subquery())
            offset -= tx.execute(count).scalar() or 0
    return found


def _ordered(
    wanted: Wanted, terms: Sequence[OrderTerm], source: FromClause
) -> tuple[Select[Any], FromClause, list[Any]]:
    """Return a query of heads, what it reads from, and its order: what has no value comes last."""
    order: list[Any] = []
    for place, term in enumerate(terms):
        if term.group == "attribute":
            value = column(term.key)
            order += [value.is_(None)] if term.key == "end_time" else []
        else:
            table = {"metric": summaries, "param": params, "tag": tags}[term.group]
            side = table.alias(f"order_{place}")
            named = rows_named(side, wanted.project, term.key)
            source = source.outerjoin(side, and_(*_same_run(side), *named))
            value = side.c[{"metric": "last", "param": "text", "tag": "value"}[term.group]]
            order += [side.c.run.is_(None), value.is_(None)]
        order.append(value.desc() if term.descending else value.asc())
    return select(*_HEAD), source, order


def _conditions(
    tx: Connection, wanted: Wanted, *, by_id: bool = False
) -> list[ColumnElement[bool]]:
    dialect = tx.dialect.name
    return [*in_experiments(wanted, dialect, by_id=by_id), *fulfilled(wanted, dialect)]


def _same_run(side: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:  # noqa: ANN401 - columns
    return side.c.project == runs.c.project, side.c.run == runs.c.id


def _rows(tx: Connection, query: Select[Any]) -> list[RunHead]:
    return [RunHead._make(row) for row in tx.execute(query).all()]
