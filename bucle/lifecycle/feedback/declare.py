"""Declare where the labelled predictions of a deployment go."""

from bucle.base.errors import NotFound
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.feedback import store
from bucle.lifecycle.feedback.records import FeedbackSpec


def declare_feedback(scope: Scope, spec: FeedbackSpec) -> FeedbackSpec:
    """Write down where labels go; saying the same again changes nothing.

    Raises:
        Invalid: `every` is not a duration.
    """
    ref = Ref("deployment", spec.deployment)
    scope.require(Permission.FEEDBACK_WRITE, ref)
    parse_duration(spec.every)
    if store.find_feedback(scope.tx, scope.project, spec.name) != spec:
        store.save_feedback(scope.tx, scope.project, spec, scope.now)
        scope.record("feedback.declared", ref, spec=spec)
    return spec


def remove_feedback(scope: Scope, name: str) -> None:
    """Fold no more; labels are kept."""
    scope.require(Permission.FEEDBACK_WRITE)
    found = store.find_feedback(scope.tx, scope.project, name)
    if found is None:
        raise NotFound(f"there is no feedback {name!r}", hint="bucle feedback status")
    store.drop_feedback(scope.tx, scope.project, name)
    scope.record("feedback.removed", Ref("deployment", found.deployment), name=name)


def find_feedback(scope: Scope, name: str) -> FeedbackSpec | None:
    """Return a declaration, or None."""
    scope.require(Permission.FEEDBACK_READ)
    return store.find_feedback(scope.tx, scope.project, name)


def list_feedback(scope: Scope) -> tuple[FeedbackSpec, ...]:
    """List the declarations, by name."""
    scope.require(Permission.FEEDBACK_READ)
    return store.list_feedback(scope.tx, scope.project)
