"""Say what a run read and what it made."""

from typing import Any

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.tracking import store
from bucle.lifecycle.tracking.alive import known_run, running_run


def add_input(scope: Scope, run: Ref, ref: Ref, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
    """Note that a run read something, with what it read of it, such as `rows=9`.

    Raises:
        Conflict: the run has ended.
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, run)
    running_run(scope, run)
    if store.add_link(scope.tx, scope.project, run.name, "in", ref, scope.now):
        scope.record("run.input_added", run, input=ref, **detail)
    scope.link(ref, run, "read", **detail)


def add_output(scope: Scope, run: Ref, ref: Ref, **detail: Any) -> None:  # noqa: ANN401 - any JSON value
    """Note that a run made something; also after it has ended, as a model is often chosen then.

    Raises:
        NotFound: there is no such run.
    """
    scope.require(Permission.RUN_WRITE, run)
    known_run(scope, run, lock=True)
    if store.add_link(scope.tx, scope.project, run.name, "out", ref, scope.now):
        scope.record("run.output_added", run, output=ref, **detail)
    scope.link(run, ref, "made", **detail)
