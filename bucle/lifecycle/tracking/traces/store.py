"""The tables of traces, and all of their SQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    Index,
    Row,
    String,
    Table,
    delete,
    select,
)

from bucle.base.errors import Invalid
from bucle.base.filters import Condition, OrderTerm
from bucle.drivers.db import Json, Tx, metadata, upsert_into
from bucle.drivers.db.filters import Beside, Lies, compile_filter
from bucle.lifecycle.tracking.traces.records import NAME, Span, Trace

traces = Table(
    "traces",
    metadata,
    Column("project", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("experiment", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", BigInteger),
    Column("state", String, nullable=False),
    Column("client_id", String),
    Column("request", String),
    Column("response", String),
    Index("ix_traces_project_experiment_started_at", "project", "experiment", "started_at"),
)

# What is said of a trace by name: its tags, its metadata, the runs that it belongs to.
facts = Table(
    "trace_facts",
    metadata,
    Column("project", String, primary_key=True),
    Column("trace", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)

spans = Table(
    "trace_spans",
    metadata,
    Column("project", String, primary_key=True),
    Column("trace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("parent", String),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("status", String, nullable=False),
    Column("started_ns", BigInteger, nullable=False),
    Column("ended_ns", BigInteger),
    Column("attributes", Json, nullable=False),
    Column("body", String, nullable=False),
)

assessments = Table(
    "trace_assessments",
    metadata,
    Column("project", String, primary_key=True),
    Column("trace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("value", String),
    Column("number", Float),
    Column("body", Json, nullable=False),
)

_BESIDE = (facts, spans, assessments)
_CHUNK = 500  # traces whose parts are read or deleted in one statement


def put_trace(tx: Tx, project: str, trace: Trace) -> None:
    """Write a trace's own fields over what they were."""
    changing = {
        "experiment": int(trace.experiment),
        "started_at": trace.started_at,
        "duration_ms": trace.duration_ms,
        "state": trace.state,
        "client_id": trace.client_id,
        "request": trace.request,
        "response": trace.response,
    }
    put = upsert_into(tx, traces).values(project=project, id=trace.id, **changing)
    tx.execute(put.on_conflict_do_update(index_elements=["project", "id"], set_=changing))


def put_facts(tx: Tx, project: str, id_: str, kind: str, new: Mapping[str, str]) -> None:
    """Write what is said of a trace over what was said under the same names."""
    if new:
        put = upsert_into(tx, facts)
        key = ["project", "trace", "kind", "name"]
        tx.execute(
            put.on_conflict_do_update(index_elements=key, set_={"value": put.excluded.value}),
            [{"project": project, "trace": id_, "kind": kind, "name": name, "value": value}
             for name, value in new.items()],
        )  # fmt: skip


def drop_fact(tx: Tx, project: str, id_: str, kind: str, name: str) -> bool:
    """Remove what was said under a name; tell whether it was there."""
    gone = delete(facts).filter_by(project=project, trace=id_, kind=kind, name=name)
    return tx.execute(gone).rowcount > 0


def put_spans(tx: Tx, project: str, new: Sequence[Span]) -> None:
    """Write spans; one that comes again is written over."""
    if new:
        put = upsert_into(tx, spans)
        names = ("parent", "name", "type", "status", "started_ns", "ended_ns", "attributes", "body")
        key = ["project", "trace", "id"]
        tx.execute(
            put.on_conflict_do_update(
                index_elements=key, set_={name: put.excluded[name] for name in names}
            ),
            [{"project": project, "trace": span.trace, "id": span.id}
             | {name: getattr(span, name) for name in names} for span in new],
        )  # fmt: skip


def list_spans(tx: Tx, project: str, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the spans of traces as they came, the earliest first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    query = select(spans.c.trace, spans.c.body).where(
        spans.c.project == project, spans.c.trace.in_(ids)
    )
    for row in tx.execute(query.order_by(spans.c.started_ns, spans.c.id)):
        found[row.trace].append(row.body)
    return {id_: tuple(bodies) for id_, bodies in found.items()}


def find_traces(tx: Tx, project: str, ids: Sequence[str]) -> tuple[Trace, ...]:
    """Return those of some traces that there are, in the order of the ids."""
    query = select(traces).where(traces.c.project == project, traces.c.id.in_(ids))
    found = {trace.id: trace for trace in _whole(tx, project, tx.execute(query).all())}
    return tuple(found[id_] for id_ in dict.fromkeys(ids) if id_ in found)


def search(
    tx: Tx,
    project: str,
    experiments: Sequence[int],
    conditions: Sequence[Condition],
    order: Sequence[OrderTerm],
    window: tuple[int, int],
) -> tuple[Trace, ...]:
    """Return the traces that fulfil all conditions; `window` is an offset and a limit."""
    query = select(traces).where(
        traces.c.project == project,
        traces.c.experiment.in_(experiments),
        *compile_filter(conditions, _places(project), tx.dialect.name),
    )
    for term in order:
        key = _key(project, term.key)
        query = query.order_by(key.is_(None), key.desc() if term.descending else key.asc())
    offset, limit = window
    return _whole(tx, project, tx.execute(query.offset(offset).limit(limit)).all())


def list_old(
    tx: Tx, project: str, experiment: int, before: int | None, ids: Sequence[str], limit: int | None
) -> tuple[str, ...]:
    """Return traces of an experiment up to a moment, or those of some ids; the oldest first."""
    query = select(traces.c.id).filter_by(project=project, experiment=experiment)
    if before is not None:
        query = query.where(traces.c.started_at <= before)
    if ids:
        query = query.where(traces.c.id.in_(ids))
    query = query.order_by(traces.c.started_at, traces.c.id)
    return tuple(tx.execute(query.limit(limit)).scalars())


def delete_traces(tx: Tx, project: str, ids: Sequence[str]) -> None:
    """Delete traces with all that belongs to them."""
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        for table in _BESIDE:
            tx.execute(delete(table).where(table.c.project == project, table.c.trace.in_(some)))
        tx.execute(delete(traces).where(traces.c.project == project, traces.c.id.in_(some)))


def put_assessment(tx: Tx, project: str, row: Mapping[str, Any]) -> None:
    """Write an assessment over what it was."""
    put = upsert_into(tx, assessments).values(project=project, **row)
    changing = {name: row[name] for name in ("kind", "name", "value", "number", "body")}
    key = ["project", "trace", "id"]
    tx.execute(put.on_conflict_do_update(index_elements=key, set_=changing))


def delete_assessment(tx: Tx, project: str, trace: str, id_: str) -> None:
    """Delete an assessment."""
    tx.execute(delete(assessments).filter_by(project=project, trace=trace, id=id_))


def _whole(tx: Tx, project: str, rows: Sequence[Row[Any]]) -> tuple[Trace, ...]:
    """Return traces with what is said of them, in two statements for every five hundred."""
    said: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    judged: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(rows), _CHUNK):
        ids = [row.id for row in rows[start : start + _CHUNK]]
        mine = select(facts).where(facts.c.project == project, facts.c.trace.in_(ids))
        for row in tx.execute(mine):
            said[row.trace, row.kind][row.name] = row.value
        query = select(assessments.c.trace, assessments.c.body).where(
            assessments.c.project == project, assessments.c.trace.in_(ids)
        )
        for row in tx.execute(query.order_by(assessments.c.id)):
            judged[row.trace].append(row.body)
    return tuple(
        Trace(
            id=row.id,
            experiment=str(row.experiment),
            started_at=row.started_at,
            duration_ms=row.duration_ms,
            state=row.state,
            client_id=row.client_id,
            request=row.request,
            response=row.response,
            tags=said[row.id, "tag"],
            metadata=said[row.id, "metadata"],
            assessments=tuple(judged[row.id]),
        )
        for row in rows
    )


def _places(project: str) -> dict[str, Any]:
    def said(kind: str, name: str | None = None) -> Any:  # noqa: ANN401 - a place
        def place(key: str) -> Beside:
            named = facts.c.name == (name or key)
            where = (facts.c.project == project, facts.c.kind == kind, named)
            return Beside(owner=traces.c.id, of=facts.c.trace, value=facts.c.value, where=where)

        return place

    def attribute(key: str) -> Lies:
        if key == "name":
            return said("tag", NAME)(key)  # type: ignore[no-any-return]
        if key == "text":
            return _of_span(project, spans.c.body)
        if key == "run_id":
            where = (facts.c.project == project, facts.c.kind == "run")
            return Beside(owner=traces.c.id, of=facts.c.trace, value=facts.c.value, where=where)
        return _key(project, key)

    def judged(kind: str, value: ColumnElement[Any]) -> Any:  # noqa: ANN401 - a place
        def place(key: str) -> Beside:
            where = (assessments.c.project == project, assessments.c.kind == kind,
                     assessments.c.name == key)  # fmt: skip
            return Beside(owner=traces.c.id, of=assessments.c.trace, value=value, where=where)

        return place

    return {
        "attribute": attribute,
        "tag": said("tag"),
        "metadata": said("metadata"),
        "span": lambda key: _of_span(project, _of_key(key)),
        "feedback": judged("feedback", assessments.c.value),
        "feedback number": judged("feedback", assessments.c.number),
        "expectation": judged("expectation", assessments.c.value),
        "expectation number": judged("expectation", assessments.c.number),
    }


def _of_span(project: str, value: ColumnElement[Any]) -> Beside:
    where = (spans.c.project == project,)
    return Beside(owner=traces.c.id, of=spans.c.trace, value=value, where=where)


def _of_key(key: str) -> ColumnElement[Any]:
    """Return what a search means by `span.<key>`."""
    if key in {"name", "type", "status"}:
        return spans.c[key]
    if key == "content":
        return spans.c.body
    prefix, _, attribute = key.partition(".")
    if prefix in {"attribute", "attributes"} and attribute:
        text: ColumnElement[Any] = spans.c.attributes[attribute].as_string()
        return text
    raise Invalid(
        f"a span has no {key!r} to search by", hint="name, type, status, content, attributes.<name>"
    )


def _key(project: str, key: str) -> ColumnElement[Any]:
    """Return the value of a trace that an attribute names, for orders too."""
    if key == "end_time_ms":
        return traces.c.started_at + traces.c.duration_ms
    if key in {"name", "run_id"}:
        kind, named = (
            ("tag", facts.c.name == NAME) if key == "name" else ("run", facts.c.value != "")
        )
        mine = (facts.c.project == project, facts.c.trace == traces.c.id, facts.c.kind == kind)
        return select(facts.c.value).where(*mine, named).limit(1).scalar_subquery()
    names = {
        "request_id": "id",
        "client_request_id": "client_id",
        "timestamp_ms": "started_at",
        "execution_time_ms": "duration_ms",
        "status": "state",
        "experiment_id": "experiment",
    }
    return traces.c[names[key]]
