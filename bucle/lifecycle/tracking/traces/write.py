"""Write traces: as a whole at their end, in two steps, or span by span as they come."""

from collections.abc import Mapping, Sequence

from bucle.base.codec import to_builtins
from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import Experiment, active, known_experiment
from bucle.lifecycle.tracking.search import get_head
from bucle.lifecycle.tracking.traces import store
from bucle.lifecycle.tracking.traces.assess import keep_assessment
from bucle.lifecycle.tracking.traces.records import (
    FILES,
    RUN,
    SPANS,
    SPANS_HERE,
    Span,
    State,
    Trace,
)

NAME_LIMIT = 250
_VALUE_LIMIT = 8000
_MOST_LINKED = 100
_FINAL = "mlflow.trace.infoFinalized"


def put_trace(scope: Scope, trace: Trace) -> Trace:
    """Write what is known of a trace over what was known; tags and metadata add up.

    Raises:
        Conflict: the experiment is deleted.
        Invalid: a tag that can not be kept.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_WRITE, trace.ref)
    experiment = active(known_experiment(scope, trace.experiment))
    store.put_trace(scope.tx, scope.project, trace)
    _say(scope, experiment, trace)
    for assessment in trace.assessments:
        keep_assessment(scope, trace.id, assessment)
    scope.record("trace.written", trace.ref, state=trace.state)
    return known_trace(scope, trace.id)


def put_spans(scope: Scope, experiment: str, spans: Sequence[Span]) -> int:
    """Keep spans, of traces that are known or begin with them; return how many these were.

    Raises:
        Conflict: the experiment is deleted.
        NotFound: there is no such experiment.
    """
    scope.require(Permission.RUN_WRITE)
    where = active(known_experiment(scope, experiment))
    store.put_spans(scope.tx, scope.project, spans)
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace, []).append(span)
    known = {one.id: one for one in store.find_traces(scope.tx, scope.project, list(by_trace))}
    for id_, own in by_trace.items():
        before = known.get(id_)
        if before is None or before.metadata.get(_FINAL) != "true":
            after = _told_by(own, before, where)
            store.put_trace(scope.tx, scope.project, after)
            _say(scope, where, after, is_final=False)
        store.put_facts(scope.tx, scope.project, id_, "tag", {SPANS: SPANS_HERE})
        scope.record("trace.spans_kept", Ref("trace", id_), spans=len(own))
    return len(spans)


def tag_trace(scope: Scope, id_: str, tags: Mapping[str, str]) -> None:
    """Set tags of a trace, over what they were.

    Raises:
        Invalid: a tag that can not be kept.
        NotFound: there is no such trace.
    """
    scope.require(Permission.RUN_WRITE, Ref("trace", id_))
    trace = known_trace(scope, id_)
    store.put_facts(scope.tx, scope.project, id_, "tag", _checked(tags))
    scope.record("trace.tagged", trace.ref, tags=dict(tags))


def untag_trace(scope: Scope, id_: str, name: str) -> None:
    """Remove a tag of a trace.

    Raises:
        NotFound: there is no such trace, or it has no such tag.
    """
    scope.require(Permission.RUN_WRITE, Ref("trace", id_))
    trace = known_trace(scope, id_)
    if not store.drop_fact(scope.tx, scope.project, id_, "tag", name):
        raise NotFound(f"{trace.ref} has no tag {name!r}")
    scope.record("trace.untagged", trace.ref, name=name)


def link_traces(scope: Scope, ids: Sequence[str], run: Ref) -> None:
    """Note that traces belong to a run.

    Raises:
        Invalid: more than a hundred at once.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, run)
    if len(ids) > _MOST_LINKED:
        raise Invalid(f"{len(ids)} traces at once are too many; {_MOST_LINKED} are allowed")
    get_head(scope, run)
    for id_ in ids:
        store.put_facts(scope.tx, scope.project, id_, "run", {run.name: run.name})
    scope.record("trace.linked", run, traces=list(ids))


def known_trace(scope: Scope, id_: str) -> Trace:
    """Return a trace.

    Raises:
        NotFound: there is no such trace.
    """
    found = store.find_traces(scope.tx, scope.project, [id_])
    if not found:
        raise NotFound(f"there is no trace {id_[:100]!r} in project {scope.project!r}")
    return found[0]


def _say(scope: Scope, experiment: Experiment, trace: Trace, *, is_final: bool = True) -> None:
    """Write a trace's tags and metadata, and where its files lie."""
    place = f"{experiment.location.rstrip('/')}/traces/{trace.id}/artifacts"
    tags = _checked(trace.tags) | {FILES: place}
    said = dict(trace.metadata)
    if is_final and trace.state != "IN_PROGRESS":
        said[_FINAL] = "true"
    store.put_facts(scope.tx, scope.project, trace.id, "tag", tags)
    store.put_facts(scope.tx, scope.project, trace.id, "metadata", said)
    if run := trace.metadata.get(RUN):
        store.put_facts(scope.tx, scope.project, trace.id, "run", {run: run})


def _told_by(spans: Sequence[Span], before: Trace | None, experiment: Experiment) -> Trace:
    """Return what spans say of their trace, added to what was known."""
    started = min(span.started_ns for span in spans) // 1_000_000
    ended = max((span.ended_ns or 0) for span in spans) // 1_000_000
    if before is not None:
        started = min(started, before.started_at)
        ended = max(ended, before.started_at + (before.duration_ms or 0))
    root = next((span for span in spans if span.parent is None), None)
    state: State = before.state if before else "IN_PROGRESS"
    if root is not None and root.ended_ns:
        state = "ERROR" if root.status == "ERROR" else "OK"
    plain = to_builtins(before) if before else {"tags": {}, "metadata": {}}
    name = {"mlflow.traceName": root.name[:NAME_LIMIT]} if root and root.name else {}
    return Trace(
        id=spans[0].trace,
        experiment=before.experiment if before else experiment.id,
        started_at=started,
        duration_ms=max(ended - started, 0) if ended else None,
        state=state,
        client_id=before.client_id if before else None,
        request=before.request if before else None,
        response=before.response if before else None,
        tags=name | plain["tags"],
        metadata=plain["metadata"],
    )


def _checked(tags: Mapping[str, str]) -> dict[str, str]:
    for name in tags:
        if not name or len(name) > NAME_LIMIT:
            raise Invalid(f"{name[:40]!r} can not be a tag of a trace: 1 to {NAME_LIMIT} letters")
    return {name: value[:_VALUE_LIMIT] for name, value in tags.items()}
