"""Fire a trigger by hand."""

from typing import Any

from bucle.base.errors import NotFound
from bucle.control.jobs.records import Job
from bucle.control.reconcile.applied import get_applied
from bucle.control.tick import fire
from bucle.control.triggers.records import Firing
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope


def fire_by_hand(scope: Scope, name: str, params: dict[str, Any]) -> Job:
    """Queue a trigger's pipeline now; the name of a pipeline does as well.

    Raises:
        NotFound: neither a trigger nor a pipeline of that name is declared.
    """
    scope.require(Permission.CONTROL_RUN)
    spec = get_applied(scope).spec
    trigger = spec.triggers.get(name)
    if trigger is None and name not in spec.pipelines:
        known = ", ".join([*spec.triggers, *spec.pipelines]) or "none"
        raise NotFound(f"there is no trigger or pipeline {name!r}", hint=f"declared: {known}")
    firing = Firing(
        trigger=name if trigger else "manual",
        pipeline=trigger.run if trigger else name,
        params=(trigger.params if trigger else {}) | params,
        cause=f"by hand, {scope.actor.name}",
    )
    return fire(scope, firing)
