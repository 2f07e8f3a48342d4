"""Take out the labels of predictions that are to be forgotten, and their corrections."""

from collections.abc import Collection, Mapping

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.feedback import store


def count_labels(scope: Scope, ids: Mapping[str, Collection[str]]) -> int:
    """Return how many of these predictions have labels, by the ids of each deployment."""
    scope.require(Permission.FEEDBACK_READ)
    return sum(
        len(store.find_labels(scope.tx, scope.project, name, sorted(wanted)))
        for name, wanted in ids.items()
    )


def erase_labels(scope: Scope, ids: Mapping[str, Collection[str]]) -> int:
    """Remove the labels of predictions and what was corrected of them; return how many."""
    scope.require(Permission.DATASET_FORGET)
    gone = 0
    for name, wanted in ids.items():
        removed = store.remove_labels(scope.tx, scope.project, name, sorted(wanted))
        if removed:
            scope.record("labels.erased", Ref("deployment", name), labels=removed)
        gone += removed
    return gone
