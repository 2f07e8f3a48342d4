"""Say what a run read and what it made."""

from typing import Any

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import known_run, running_run

_TAKEN = frozenset({"source", "target", "relation"})


def add_input(scope: Scope, run: Ref, ref: Ref, /, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
    """Note that a run read something, with what it read of it, such as `rows=9`.

    Raises:
        Conflict: the run has ended.
        Invalid: a detail is called like a part of the edge itself.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, run)
    _check(detail)
    running_run(scope, run)
    if store.add_link(scope.tx, scope.project, run.name, "in", ref, scope.now):
        scope.record("run.input_added", run, input=ref, detail=detail)
    scope.link(ref, run, "read", **detail)


def add_output(scope: Scope, run: Ref, ref: Ref, /, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
    """Note that a run made something; also after it has ended, as a model is often chosen then.

    Raises:
        Invalid: a detail is called like a part of the edge itself.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, run)
    _check(detail)
    known_run(scope, run, lock=True)
    if store.add_link(scope.tx, scope.project, run.name, "out", ref, scope.now):
        scope.record("run.output_added", run, output=ref, detail=detail)
    scope.link(run, ref, "made", **detail)


def _check(detail: dict[str, Any]) -> None:
    if taken := sorted(_TAKEN & detail.keys()):
        raise Invalid(f"{taken[0]!r} is a part of the link itself", hint="call it otherwise")
