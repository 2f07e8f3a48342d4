"""What a run, or the pipeline that it is part of, read: what a model of it was trained on."""

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import Run, RunQuery, find_run, list_runs

_STEPS = 1000
_DEPTH = 10


def read_by(scope: Scope, run: Ref | None, kind: str) -> tuple[Ref, ...]:
    """Return the things of a kind that a run read, or any step of the pipeline it is part of."""
    found: list[Run] = []
    above = run
    while above is not None and len(found) < _DEPTH:
        known = find_run(scope, above)
        if known is None:
            break
        found.append(known)
        above = known.parent
    if found:
        found.extend(list_runs(scope, RunQuery(parent=found[-1].ref, limit=_STEPS)).items)
    refs = (ref for each in found for ref in each.inputs if ref.kind == kind)
    return tuple(sorted(set(refs)))
