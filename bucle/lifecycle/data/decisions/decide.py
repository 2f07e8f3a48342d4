"""Decide on a version: signed with the installation's key, recorded, never overwritten."""

import re
from collections.abc import Sequence
from datetime import date

import msgspec

from bucle.base.codec import canonical_json
from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.data import store as versions
from bucle.lifecycle.data.decisions import store
from bucle.lifecycle.data.decisions.records import Condition, DataDecision, Outcome
from bucle.lifecycle.data.read import dataset_ref, get_version

_CONDITION = re.compile(r"\s*(\d{4}-\d{2}-\d{2})\s+([^:]+?)\s*:\s*(\S.*?)\s*", re.DOTALL)
_HINT = '--condition "2026-12-15 ana: label the rows without a class"'


def decide(
    scope: Scope, ref: Ref | str, decision: Outcome, *,
    reasons: Sequence[str], conditions: Sequence[Condition] = (),
) -> DataDecision:  # fmt: skip
    """Record a decision on a version; it supersedes the one that stands on the same version.

    Raises:
        Denied: the caller may not approve data.
        NotFound: no such version.
        Invalid: no reason; a conditional decision without conditions, or another with some; a
            condition that is due already.
        Conflict: the dataset was committed to at this very moment.
    """
    scope.require(Permission.DATASET_APPROVE, dataset_ref(ref))
    version = get_version(scope, ref)
    reasons = tuple(one.strip() for one in reasons if one.strip())
    _check(decision, reasons, conditions, scope.now.date())
    name = version.ref.name
    head = versions.find_head(scope.tx, scope.project, name) or 0
    # To take the head's row keeps others from taking the same number.
    if not versions.move_head(scope.tx, scope.project, name, seen=head, to=head):
        raise Conflict(f"{version.ref.bare} was committed to meanwhile", hint="decide again")
    before = [
        one
        for one in store.list_of(scope.tx, scope.project, name)
        if one.dataset == version.ref and one.digest == version.digest
    ]
    made = DataDecision(
        project=scope.project,
        dataset=version.ref,
        digest=version.digest,
        number=store.next_number(scope.tx, scope.project, name),
        decision=decision,
        reasons=reasons,
        conditions=tuple(conditions),
        supersedes=before[0].number if before else None,
        at=scope.now,
        by=scope.actor.name,
        key=scope.keys.public_hex,
    )
    made = msgspec.structs.replace(made, signature=scope.keys.sign(signed_content(made)))
    store.add(scope.tx, made)
    scope.record(
        "dataset.decided", version.ref, decision=decision, number=made.number, reasons=reasons,
        conditions=made.conditions, supersedes=made.supersedes, digest=made.digest,
        signature=made.signature,
    )  # fmt: skip
    return made


def signed_content(decision: DataDecision) -> bytes:
    """Return the bytes that a decision's signature is of."""
    return canonical_json(msgspec.structs.replace(decision, signature=""))


def condition_of(text: str) -> Condition:
    """Read a condition: when it is due, who answers for it, and what is to be done.

    Raises:
        Invalid: it is not written so, or the day does not exist.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise Invalid(f"{text!r} is no condition", hint=_HINT)
    try:
        due = date.fromisoformat(found[1])
    except ValueError as error:
        raise Invalid(f"{found[1]!r} is no day", hint=_HINT) from error
    return Condition(text=found[3], due=due, receiver=found[2])


def _check(
    decision: Outcome, reasons: Sequence[str], conditions: Sequence[Condition], today: date
) -> None:
    if not reasons:
        raise Invalid("a decision needs a reason", hint="--reason 'why'")
    if decision == "conditional" and not conditions:
        raise Invalid("a conditional decision has no condition", hint=_HINT)
    if decision != "conditional" and conditions:
        raise Invalid(f"a {decision} has no conditions", hint="--decision conditional")
    for one in conditions:
        if one.due < today:
            raise Invalid(f"the condition {one.text!r} was due on {one.due}", hint="a day to come")
