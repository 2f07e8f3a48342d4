"""Walk a project's chain and name the first thing that was changed, removed or cut off."""

from bucle.governance.audit import store
from bucle.governance.audit.chain import head_statement
from bucle.governance.audit.records import GENESIS, AuditReport, link_digest
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope


def verify(scope: Scope) -> AuditReport:
    """Recompute every link of the project's chain, and compare with the signed head.

    A changed byte breaks the link of its event; a removed event leaves a gap in the numbers;
    a cut tail leaves fewer events than the signed head counts.
    """
    scope.require(Permission.AUDIT_READ)
    count, previous = 0, GENESIS
    for event in store.iter_links(scope.tx, scope.project):
        count += 1
        if event is None:
            return _broken(scope, count, f"event {count} was changed")
        if event.number != count:
            return _broken(scope, count, f"event {count} is missing")
        if event.previous != previous or link_digest(event) != event.digest:
            return _broken(scope, count, f"event {count} ({event.id}) was changed")
        previous = event.digest
    if problem := _problem_of_head(scope, count, previous):
        return _broken(scope, *problem)
    return AuditReport(project=scope.project, ok=True, count=count, head=previous)


def _problem_of_head(scope: Scope, count: int, last: str) -> tuple[int, str] | None:
    """Compare what is there with what the signed head says was there."""
    head = store.find_head(scope.tx, scope.project)
    if head is None:
        return (count, "the signed head is missing") if count else None
    head_count, head_digest, signature = head
    if not scope.keys.verify(head_statement(scope.project, head_count, head_digest), signature):
        return count, "the head is not signed by this installation"
    if count < head_count:
        return count + 1, f"the tail was cut: {count} events are left of {head_count}"
    if count > head_count or last != head_digest:
        return head_count + 1, "events follow that the signed head does not know"
    return None


def _broken(scope: Scope, number: int, problem: str) -> AuditReport:
    return AuditReport(
        project=scope.project, ok=False, count=number, head="", broken_at=number, problem=problem
    )
