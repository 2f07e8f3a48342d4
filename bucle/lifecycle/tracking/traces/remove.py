"""Remove traces with their spans, files and assessments."""

from collections.abc import Sequence

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking.experiments import number_of
from bucle.lifecycle.tracking.files import remove_files_of
from bucle.lifecycle.tracking.traces import store


def remove_traces(
    scope: Scope,
    experiment: str,
    *,
    before: int | None = None,
    most: int | None = None,
    ids: Sequence[str] = (),
) -> int:
    """Remove traces of an experiment: those named, or the oldest up to a moment.

    Raises:
        Invalid: both, or neither, or a number with named ones.
    """
    scope.require(Permission.RUN_WRITE, Ref("experiment", experiment))
    if (before is None) == (not ids):
        raise Invalid("say which traces by a moment or by their ids, one of the two")
    if most is not None and (ids or most <= 0):
        raise Invalid("how many traces at most goes with a moment, and is 1 or more")
    number = number_of(experiment)
    gone = store.list_old(scope.tx, scope.project, number, before, ids, most)
    return _remove(scope, number, gone)


def purge_traces(scope: Scope, experiments: Sequence[int], limit: int) -> int:
    """Remove traces of experiments that go for good, at most so many; return how many."""
    scope.require(Permission.RUN_PURGE)
    count = 0
    for number in experiments:
        gone = store.list_old(scope.tx, scope.project, number, None, (), limit - count)
        count += _remove(scope, number, gone)
    return count


def _remove(scope: Scope, number: int, gone: Sequence[str]) -> int:
    store.delete_traces(scope.tx, scope.project, gone)
    remove_files_of(scope, [Ref("trace", id_) for id_ in gone])
    if gone:
        scope.record("trace.removed", Ref("experiment", str(number)), traces=len(gone))
    return len(gone)
