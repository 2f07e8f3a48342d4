"""Read and replace the declarations in force."""

from bucle.base.errors import NotFound
from bucle.control.reconcile import store
from bucle.control.reconcile.records import AppliedSpec
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope


def find_applied(scope: Scope) -> AppliedSpec | None:
    """Return the declarations in force, or None."""
    scope.require(Permission.CONTROL_READ)
    return store.find_applied(scope.tx, scope.project)


def get_applied(scope: Scope, number: int | None = None) -> AppliedSpec:
    """Return the declarations in force, or those of a number.

    Raises:
        NotFound: nothing was applied, or not under that number.
    """
    scope.require(Permission.CONTROL_READ)
    if found := store.find_applied(scope.tx, scope.project, number):
        return found
    what = f"number {number}" if number else "any declarations"
    raise NotFound(f"project {scope.project!r} does not have {what}", hint="bucle apply")
