"""Bring a trace over with its spans, or what is new of it."""

import msgspec

from bucle.base.errors import Conflict
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.adopted import Adoption, find_adopted, is_adopted, note_adopted
from bucle.lifecycle.tracking.experiments import known_experiment
from bucle.lifecycle.tracking.traces import store
from bucle.lifecycle.tracking.traces.records import FILES, RUN, SPANS, SPANS_HERE, Span, Trace


class AdoptedTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace of a source; its id stays what it was, its experiment is one of ours."""

    source: str
    trace: Trace
    mark: str = ""
    spans: tuple[Span, ...] = ()


def adopt_trace(scope: Scope, told: AdoptedTrace) -> Ref:
    """Keep a trace as its source has it, also one of a deleted experiment.

    Raises:
        Conflict: there is one of that id which no import brought.
        NotFound: its experiment is not here.
    """
    trace = told.trace
    ref = Ref("trace", check_name(trace.id))
    scope.require(Permission.RUN_WRITE, ref)
    experiment = known_experiment(scope, trace.experiment)
    theirs = f"trace:{trace.id}"
    known = find_adopted(scope, told.source, theirs) is not None
    is_here = bool(store.find_traces(scope.tx, scope.project, [trace.id]))
    if is_here and not (known or is_adopted(scope, ref)):
        raise Conflict(
            f"{ref} is here already, and no import brought it",
            hint="import into another project (--project)",
        )
    place = f"{experiment.location.rstrip('/')}/traces/{trace.id}/artifacts"
    tags = trace.tags | {FILES: place} | ({SPANS: SPANS_HERE} if told.spans else {})
    store.put_trace(scope.tx, scope.project, trace)
    store.put_facts(scope.tx, scope.project, trace.id, "tag", tags)
    store.put_facts(scope.tx, scope.project, trace.id, "metadata", trace.metadata)
    if run := trace.metadata.get(RUN):
        store.put_facts(scope.tx, scope.project, trace.id, "run", {run: run})
    store.put_spans(scope.tx, scope.project, told.spans)
    note_adopted(scope, told.source, Adoption(theirs=theirs, ours=ref, mark=told.mark))
    scope.record("trace.adopted", ref, source=told.source, spans=len(told.spans), again=known)
    return ref
