"""Keep what followers tell of themselves: many at a time, in one transaction."""

from collections.abc import Sequence
from datetime import timedelta

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving.fleet import store
from bucle.lifecycle.serving.fleet.records import Follower

FORGOTTEN_AFTER = timedelta(days=7)


def keep_reports(scope: Scope, told: Sequence[Follower]) -> None:
    """Write down what followers told, over what they told before."""
    scope.require(Permission.SERVING_READ)
    store.put_followers(scope.tx, scope.project, told)


def forget_lost(scope: Scope) -> int:
    """Forget followers that were not heard of for a week; return how many."""
    return store.delete_followers(scope.tx, scope.project, scope.now - FORGOTTEN_AFTER)
