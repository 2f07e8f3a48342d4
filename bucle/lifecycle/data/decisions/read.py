"""Read decisions: all of a dataset's, each verified, and what they mean for a version today.

A decision is on rows, and holds for every version with the same digest.  A later version has
the decision of its nearest ancestor that has one: a `no-go` always, until somebody decides
otherwise; a `go` only while the columns (names and types) are the same.  A conditional decision
is a go until the first day after a condition is due; then somebody must look again.
"""

from collections.abc import Sequence
from datetime import date

from bucle.base.refs import Ref
from bucle.governance.keys import verify
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store as versions
from bucle.lifecycle.data.decisions import store
from bucle.lifecycle.data.decisions.decide import signed_content
from bucle.lifecycle.data.decisions.records import CheckedDecision, DataDecision, Readiness
from bucle.lifecycle.data.read import dataset_ref, get_version
from bucle.lifecycle.data.records import DatasetVersion

_MOST_ANCESTORS = 10_000


def list_decisions(scope: Scope, ref: Ref | str) -> tuple[CheckedDecision, ...]:
    """Return a dataset's decisions (of a ref with a version: that version's), newest first.

    Raises:
        NotFound: no such dataset, or no such version.
    """
    asked = dataset_ref(ref)
    version = get_version(scope, asked)
    found = store.list_of(scope.tx, scope.project, version.ref.name)
    later = {one.supersedes: one.number for one in found if one.supersedes}
    return tuple(
        CheckedDecision(decision=one, ok=not why, note=why or "signed by this installation",
                        superseded_by=later.get(one.number))
        for one in found
        if asked.version is None or one.dataset == version.ref
        for why in [_fault(scope, one)]
    )  # fmt: skip


def decision_of(scope: Scope, ref: Ref | str) -> Readiness:
    """Return what is decided for a version today.

    A decision whose signature does not hold is none.

    Raises:
        NotFound: no such version.
    """
    version = get_version(scope, ref)
    scope.require(Permission.DATASET_READ, version.ref)
    sound = [
        one
        for one in store.list_of(scope.tx, scope.project, version.ref.name)
        if not _fault(scope, one)
    ]
    own = next((one for one in sound if one.digest == version.digest), None)
    if own:
        return _readiness(version, own, today=scope.now.date(), inherited=False)
    ancestor = _nearest(scope, version, sound)
    if ancestor is None:
        return Readiness(
            dataset=version.ref, ok=False, outcome="undecided",
            why=f"nobody has decided on {version.ref}",
        )  # fmt: skip
    before, decision = ancestor
    if decision.decision != "no-go" and _columns(before) != _columns(version):
        return Readiness(
            dataset=version.ref, ok=False, outcome="undecided", decision=decision, inherited=True,
            why=f"{version.ref} has other columns than {before.ref}, on which "
            f"{decision.by} decided {decision.decision}",
        )  # fmt: skip
    return _readiness(version, decision, today=scope.now.date(), inherited=True)


def _readiness(
    version: DatasetVersion, decision: DataDecision, *, today: date, inherited: bool
) -> Readiness:
    overdue = [one for one in decision.conditions if one.due < today]
    why = f"{decision.by} decided {decision.decision} on {decision.at:%Y-%m-%d}"
    if inherited:
        why += f" for {decision.dataset}"
    why += f": {'; '.join(decision.reasons)}"
    if overdue:
        first = min(overdue, key=lambda one: one.due)
        why += f"; but {first.text!r} was due on {first.due} by {first.receiver}"
    return Readiness(
        dataset=version.ref,
        ok=decision.decision != "no-go" and not overdue,
        outcome=decision.decision,
        why=why,
        decision=decision,
        inherited=inherited,
    )


def _nearest(
    scope: Scope, version: DatasetVersion, decisions: Sequence[DataDecision]
) -> tuple[DatasetVersion, DataDecision] | None:
    """Return the nearest ancestor that was decided on, and the decision that stands on it."""
    newest: dict[str, DataDecision] = {}
    for one in decisions:
        newest.setdefault(one.digest, one)
    parent = version.parent
    for _ in range(_MOST_ANCESTORS if newest else 0):
        if parent is None:
            return None
        found = versions.find_version(
            scope.tx, scope.project, parent.name, int(parent.version or 0)
        )
        if found is None:
            return None
        if found.digest in newest:
            return found, newest[found.digest]
        parent = found.parent
    return None


def _columns(version: DatasetVersion) -> list[tuple[str, str]]:
    return sorted((column.name, column.type) for column in version.columns)


def _fault(scope: Scope, decision: DataDecision) -> str:
    """Say why a decision is not what was signed here; nothing: it is."""
    if decision.key != scope.keys.public_hex:
        return f"signed by the key {decision.key[:12]}, which is not this installation's"
    if not verify(decision.key, signed_content(decision), decision.signature):
        return "the signature is not of this decision"
    if decision.project != scope.project:
        return f"it is of the project {decision.project!r}"
    return ""
