"""Read what things cost."""

from datetime import datetime

from bucle.governance.cost import store
from bucle.governance.cost.records import Spending
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope


def list_spendings(scope: Scope, *, kind: str | None = None) -> tuple[Spending, ...]:
    """List total usage and cost by ref, the dearest first."""
    scope.require(Permission.LINEAGE_READ)
    return store.list_spendings(scope.tx, scope.project, kind)


def total_since(scope: Scope, since: datetime) -> float:
    """Return the cost of everything in the project from a moment on."""
    scope.require(Permission.LINEAGE_READ)
    return store.total_since(scope.tx, scope.project, since)
