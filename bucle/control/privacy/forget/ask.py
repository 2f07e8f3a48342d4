"""Open a deletion request, look at it, and withdraw it."""

from datetime import timedelta

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.digest import digest_bytes
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref, check_name
from bucle.control.privacy.forget import store
from bucle.control.privacy.forget.records import (
    OPEN,
    WITHDRAWN,
    Deletion,
    DeletionReport,
    Wish,
)
from bucle.control.privacy.forget.search import search, subjects_of
from bucle.governance.keys import Keys
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.erase.records import Subject

KIND = "deletion"
_MOST_DAYS = 3_650


def ask(session: Session, wish: Wish) -> Deletion:
    """Search for somebody's rows and keep the request; nothing is changed yet.

    Raises:
        Invalid: no reason, no key, or a key of which the dataset knows nothing.
        NotFound: there is no such dataset.
        Denied: the caller may not forget.
    """
    ref = Ref("dataset", check_name(wish.dataset))
    if not wish.reason.strip():
        raise Invalid("a deletion has a reason", hint='--reason "request of 3 March, art. 17"')
    if not 0 <= wish.days <= _MOST_DAYS:
        raise Invalid(f"{wish.days} days until it is due", hint="--days 30")
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET, ref)
        subjects = subjects_of(scope, wish)
    affected, searched = search(session, subjects)
    with session.begin() as scope:
        made = Deletion(
            ref=Ref(KIND, scope.new_id()),
            dataset=wish.dataset,
            columns=tuple(wish.key),
            subjects=searched,
            subject_digest=subject_digest(scope.keys, subjects[wish.dataset]),
            reason=wish.reason,
            asked_at=scope.now,
            asked_by=scope.actor.name,
            due_at=scope.now + timedelta(days=wish.days),
            affected=affected,
        )
        store.add(scope.tx, scope.project, made)
        # Without the values: what is recorded is for ever.
        scope.record(
            "deletion.asked", made.ref, dataset=wish.dataset, columns=made.columns,
            reason=made.reason, due_at=made.due_at, rows=affected.rows,
        )  # fmt: skip
    return made


def subject_digest(keys: Keys, subject: Subject) -> str:
    """Return a digest that only this installation can make: values may be few enough to try."""
    return digest_bytes(keys.sign(b"bucle-subject/1 " + canonical_json(subject)).encode())


def get_deletion(scope: Scope, ref: Ref | str) -> Deletion:
    """Return a request.

    Raises:
        NotFound: there is none.
    """
    ref = Ref.parse(str(ref), kind=KIND)
    scope.require(Permission.DATASET_READ, ref)
    found = store.find(scope.tx, scope.project, ref.name)
    if found is None:
        raise NotFound(f"{ref} does not exist", hint="bucle data deletions")
    return found


def show_deletion(scope: Scope, ref: Ref | str) -> DeletionReport:
    """Return a request with the steps that were done; its values for those who may forget only."""
    found = get_deletion(scope, ref)
    steps = store.list_steps(scope.tx, scope.project, found.ref.name)
    return DeletionReport(deletion=_seen(scope, found), steps=steps)


def list_deletions(
    scope: Scope, *, state: str = "", limit: int = 50, token: str | None = None
) -> Page[Deletion]:
    """List requests, the newest first."""
    scope.require(Permission.DATASET_READ)
    page = store.list_of(scope.tx, scope.project, state=state, limit=limit, token=token)
    items = tuple(_seen(scope, each) for each in page.items)
    return Page(items=items, next_token=page.next_token)


def withdraw(scope: Scope, ref: Ref | str, *, reason: str) -> Deletion:
    """Withdraw a request that nobody began to carry out; its values are not kept.

    Raises:
        Conflict: it was begun, or is over.
        Invalid: nobody says why.
    """
    found = get_deletion(scope, ref)
    scope.require(Permission.DATASET_FORGET, found.ref)
    if not reason.strip():
        raise Invalid("to withdraw a deletion takes a reason", hint='--reason "..."')
    made = msgspec.structs.replace(found, state=WITHDRAWN, subjects={})
    if found.state != OPEN or not store.replace(scope.tx, scope.project, made, seen=OPEN):
        raise Conflict(
            f"{found.ref} is {found.state}", hint=f"bucle data deletion {found.ref.name}"
        )
    scope.record("deletion.withdrawn", found.ref, reason=reason)
    return made


def _seen(scope: Scope, found: Deletion) -> Deletion:
    if scope.actor.may(Permission.DATASET_FORGET, scope.project):
        return found
    return msgspec.structs.replace(found, subjects={})
