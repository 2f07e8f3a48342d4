"""All of the SQL of metric points: packed segments, and one summary row per series.

The statements are made once: building one costs as much as running it, and a client that logs
one point a call does nothing else.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update

from bucle.base.figure import Figure
from bucle.lifecycle.tracking.records import MetricSummary
from bucle.lifecycle.tracking.segments import Bounds, Segment
from bucle.lifecycle.tracking.store import segments, summaries

_SEGMENTS_OF = and_(
    segments.c.project == bindparam("of_project"), segments.c.run == bindparam("of_run")
)
_SERIES_OF = and_(
    summaries.c.project == bindparam("of_project"), summaries.c.run == bindparam("of_run")
)
_HAS_BATCH = select(segments.c.part).where(
    _SEGMENTS_OF, segments.c.batch == bindparam("of_batch")
).limit(1)  # fmt: skip
_ADD_SEGMENT = insert(segments)
_LIST_SEGMENTS = (
    select(segments.c.series, segments.c.body)
    .where(_SEGMENTS_OF)
    .order_by(segments.c.batch, segments.c.part)
)
_LIST_PLACES = select(segments.c.batch, segments.c.part, segments.c.series).where(_SEGMENTS_OF)
_GET_SEGMENT = select(segments.c.series, segments.c.body).where(
    _SEGMENTS_OF, segments.c.batch == bindparam("of_batch"), segments.c.part == bindparam("of_part")
)
_LIST_SMALL = _LIST_SEGMENTS.where(segments.c.points < bindparam("below"))
_DROP_SMALL = delete(segments).where(_SEGMENTS_OF, segments.c.points < bindparam("below"))
_LIST_SUMMARIES = select(summaries).where(_SERIES_OF).order_by(summaries.c.name)
_NAMED_SUMMARIES = _LIST_SUMMARIES.where(summaries.c.name.in_(bindparam("names", expanding=True)))
_ADD_SUMMARY = insert(summaries)
_CHANGE_SUMMARY = update(summaries).where(_SERIES_OF, summaries.c.name == bindparam("of_name"))
_CHUNK = 10_000  # names in one statement: PostgreSQL takes 65,535 values


class Piece(NamedTuple):
    """Where some points of a series lie."""

    batch: str
    part: int
    points: int
    bounds: Bounds | None  # None: not known


def has_batch(tx: Connection, project: str, id_: str, batch: str) -> bool:
    """Tell whether a batch of points was written already."""
    return tx.execute(_HAS_BATCH, _of(project, id_) | {"of_batch": batch}).first() is not None


def add_segments(
    tx: Connection, project: str, id_: str, batch: str, new: Sequence[Segment]
) -> None:
    """Insert the segments of a batch."""
    rows = [
        {
            "project": project,
            "run": id_,
            "batch": batch,
            "part": part,
            "points": segment.count,
            "series": _said_of(segment),
            "body": segment.body,
        }
        for part, segment in enumerate(new)
    ]
    tx.execute(_ADD_SEGMENT, rows[0] if len(rows) == 1 else rows)


def list_segments(
    tx: Connection, project: str, id_: str, *, below: int | None = None
) -> tuple[Segment, ...]:
    """Return a run's segments; only those of fewer than `below` points where it is given."""
    values: dict[str, object] = dict(_of(project, id_))
    if below is not None:
        values["below"] = below
    rows = tx.execute(_LIST_SEGMENTS if below is None else _LIST_SMALL, values)
    return tuple(_segment(row) for row in rows)


def replace_segments(
    tx: Connection, project: str, id_: str, below: int, batch: str, new: Sequence[Segment]
) -> None:
    """Put new segments in the place of all that have fewer than `below` points."""
    tx.execute(_DROP_SMALL, _of(project, id_) | {"below": below})
    add_segments(tx, project, id_, batch, new)


def list_summaries(
    tx: Connection, project: str, id_: str, names: Sequence[str] | None = None
) -> tuple[MetricSummary, ...]:
    """Return a run's series, by name; only some of them where they are named."""
    if names is None:
        rows = list(tx.execute(_LIST_SUMMARIES, _of(project, id_)))
    else:
        rows = [
            row
            for start in range(0, len(names), _CHUNK)
            for row in tx.execute(
                _NAMED_SUMMARIES,
                {**_of(project, id_), "names": names[start : start + _CHUNK]},
            )
        ]
    return tuple(_summary(row) for row in rows)


def add_summaries(tx: Connection, project: str, id_: str, new: Sequence[MetricSummary]) -> None:
    """Insert the summaries of series that the run did not have."""
    if new:
        key = {"project": project, "run": id_}
        rows = [key | {"name": summary.name} | _figures(summary) for summary in new]
        tx.execute(_ADD_SUMMARY, rows[0] if len(rows) == 1 else rows)


def change_summaries(
    tx: Connection, project: str, id_: str, changed: Sequence[MetricSummary]
) -> None:
    """Write summaries over what they were."""
    if changed:
        key = _of(project, id_)
        rows = [key | {"of_name": summary.name} | _figures(summary) for summary in changed]
        tx.execute(_CHANGE_SUMMARY, rows[0] if len(rows) == 1 else rows)


def list_pieces(tx: Connection, project: str, id_: str, name: str) -> tuple[Piece, ...]:
    """Return where the points of a series lie, without them."""
    found: list[Piece] = []
    for batch, part, series in tx.execute(_LIST_PLACES, _of(project, id_)).all():
        for said, count, *bounds in series:
            if said == name:
                edges = Bounds(*bounds) if bounds else None
                found.append(Piece(batch=batch, part=part, points=count, bounds=edges))
    return tuple(found)


def get_segment(tx: Connection, project: str, id_: str, batch: str, part: int) -> Segment:
    """Return a segment."""
    values = _of(project, id_) | {"of_batch": batch, "of_part": part}
    return _segment(tx.execute(_GET_SEGMENT, values).one())


def _said_of(segment: Segment) -> list[list[str | int]]:
    """Return name and count of each series, and its bounds where they are known."""
    bounds = segment.bounds or (None,) * len(segment.series)
    return [
        [name, count, *(edges or ())]
        for (name, count), edges in zip(segment.series, bounds, strict=True)
    ]


def _segment(row: Any) -> Segment:  # noqa: ANN401 - a row
    return Segment(series=tuple((said[0], said[1]) for said in row.series), body=row.body)


def _of(project: str, id_: str) -> dict[str, Any]:
    return {"of_project": project, "of_run": id_}


def _summary(row: Row[Any]) -> MetricSummary:
    return MetricSummary(
        name=row.name,
        last=_figure(row.last),
        last_step=row.last_step,
        last_at=row.last_at,
        minimum=_figure(row.minimum),
        maximum=_figure(row.maximum),
        count=row.points,
    )


def _figures(summary: MetricSummary) -> dict[str, Any]:
    return {
        "last": _number(summary.last),
        "last_step": summary.last_step,
        "last_at": summary.last_at,
        "minimum": _number(summary.minimum),
        "maximum": _number(summary.maximum),
        "points": summary.count,
    }


def _number(figure: Figure) -> float | None:
    """Return a value for the database, where NULL is NaN: SQLite has no other word for it."""
    return None if math.isnan(figure) else float(figure)


def _figure(number: float | None) -> Figure:
    return Figure(math.nan if number is None else number)
