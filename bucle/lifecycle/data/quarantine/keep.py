"""Record what a commit set apart, beside the version that it made, and as what it was replayed."""

import msgspec

from bucle.base.errors import Conflict
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data.quarantine import store
from bucle.lifecycle.data.quarantine.records import Quarantine, Sifted
from bucle.lifecycle.data.records import DatasetVersion


def keep(scope: Scope, version: DatasetVersion, sifted: Sifted) -> Quarantine | None:
    """Record a quarantine, unless the same rows are recorded; None: nothing was set apart."""
    scope.require(Permission.DATASET_WRITE, version.ref)
    if not sifted.digest:
        return None
    made = Quarantine(
        dataset=version.ref,
        number=0,
        digest=sifted.digest,
        rows=sifted.rows,
        lines=sifted.lines,
        reasons=sifted.reasons,
        at=scope.now,
        by=scope.actor.name,
    )
    if same := store.find_same(scope.tx, scope.project, made):
        return same
    number = store.next_number(scope.tx, scope.project, version.ref.name)
    made = msgspec.structs.replace(made, number=number)
    store.add(scope.tx, scope.project, made)
    scope.record(
        "dataset.quarantined", version.ref, quarantine=number, count=made.rows + made.lines,
        reasons=made.reasons,
    )  # fmt: skip
    return made


def mark(scope: Scope, seen: Quarantine, made: Ref) -> Quarantine:
    """Note as what version a quarantine's rows were committed.

    Raises:
        Conflict: it was replayed meanwhile.
    """
    scope.require(Permission.DATASET_WRITE, made)
    now = store.find(scope.tx, scope.project, seen.dataset.name, seen.number) or seen
    require_open(now)
    done = msgspec.structs.replace(now, replayed_as=made)
    if not store.replace(scope.tx, scope.project, done, seen=now):
        raise Conflict(
            f"quarantine {seen.number} of {seen.dataset.bare} was replayed meanwhile",
            hint=f"bucle data quarantines {seen.dataset.name}",
        )
    count = done.rows + done.lines
    scope.record("dataset.replayed", made, quarantine=done.number, count=count)
    return done


def require_open(found: Quarantine) -> None:
    """Go on only if nobody committed a quarantine's rows yet.

    Raises:
        Conflict: somebody did.
    """
    if found.replayed_as:
        raise Conflict(
            f"quarantine {found.number} of {found.dataset.bare} was replayed as "
            f"{found.replayed_as}",
            hint=f"bucle data quarantines {found.dataset.name}",
        )
