"""Notice what somebody changed by hand, and report it or revert it as declared."""

from bucle.base.digest import digest_value
from bucle.base.refs import Ref
from bucle.control.reconcile.applied import get_applied
from bucle.control.reconcile.apply import apply_project, plan_project
from bucle.control.reconcile.records import Change
from bucle.governance.audit.read import last_of
from bucle.governance.session import Session


def check_reality(session: Session) -> tuple[Change, ...]:
    """Compare reality with the declarations in force; say once what differs.

    Only updates count: what was never declared is nobody's mistake, and `apply` says so of
    what is no longer declared.
    """
    with session.begin(write=False) as scope:
        applied = get_applied(scope)
        changes = tuple(
            change
            for change in plan_project(scope, applied.spec).changes
            if change.action != "remove"
        )
        before = last_of(scope, "project.diverged")
    if not changes:
        return ()
    seen = digest_value([applied.number, changes])
    if before is None or before.body["seen"] != seen:
        with session.begin() as scope:
            ref = Ref("project", scope.project, applied.number)
            policy = applied.spec.reconcile.policy
            scope.record("project.diverged", ref, changes=changes, policy=policy, seen=seen)
    if applied.spec.reconcile.policy == "revert":
        apply_project(session, applied.spec, applied.folder)
    return changes
