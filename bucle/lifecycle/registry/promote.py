"""Move an alias: promote a version that its gates accepted, or roll back to the one before."""

import re
from typing import Any

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry import read, store
from bucle.lifecycle.registry.gates import digest_of
from bucle.lifecycle.registry.records import Decision, ModelVersion

_ALIAS = re.compile(r"[^\x00-\x1f\x7f@]{1,255}")


def promote(scope: Scope, ref: Ref, *, alias: str = read.CHAMPION, reason: str = "") -> Decision:
    """Point an alias at a version, if the model's gates, as they stand now, accepted it.

    Pointing it where it points already changes nothing and returns the standing decision.

    Raises:
        Refused: the gates refused the version (their verdicts are carried), or have not
            judged it since they were last changed.
    """
    scope.require(Permission.MODEL_PROMOTE, ref)
    _check_alias(alias)
    store.lock_model(scope.tx, scope.project, ref.name)
    version = read.get_version(scope, ref)
    verdicts = evidence(scope, version)
    holder = store.find_alias(scope.tx, scope.project, ref.name, alias)
    standing = store.last_move(scope.tx, scope.project, ref.name, alias)
    if holder == version.number and standing:
        return standing
    decision = Decision(
        model=ref.bare,
        number=store.next_decision(scope.tx, scope.project, ref.name),
        version=version.number,
        action="promoted",
        alias=alias,
        previous=holder,
        at=scope.now,
        actor=scope.actor.name,
        reason=reason,
        verdicts=verdicts,
    )
    scope.record("model.promoted", version.ref, **_told(decision))
    return _move(scope, decision)


def roll_back(scope: Scope, name: str, *, alias: str = read.CHAMPION, reason: str = "") -> Decision:
    """Give an alias back to the version that bore it before the present one was promoted.

    Raises:
        NotFound: nothing bears the alias, or nothing bore it before.
    """
    ref = Ref("model", name)
    scope.require(Permission.MODEL_PROMOTE, ref)
    store.lock_model(scope.tx, scope.project, name)
    read.get_model(scope, name)
    holder = store.find_alias(scope.tx, scope.project, name, alias)
    given = store.last_promotion(scope.tx, scope.project, name, alias, holder) if holder else None
    if holder is None or given is None or given.previous is None:
        what = f"only {ref.at(holder)} ever bore it" if holder else "nothing bears it"
        raise NotFound(
            f"there is no version to roll {alias!r} of {ref} back to: {what}",
            hint=f"bucle registry history {name}",
        )
    before = store.last_promotion(scope.tx, scope.project, name, alias, given.previous)
    decision = Decision(
        model=ref,
        number=store.next_decision(scope.tx, scope.project, name),
        version=given.previous,
        action="rolled_back",
        alias=alias,
        previous=holder,
        at=scope.now,
        actor=scope.actor.name,
        reason=reason,
        verdicts=before.verdicts if before else (),
    )
    scope.record("model.rolled_back", ref.at(decision.version), **_told(decision))
    return _move(scope, decision)


def withdraw(scope: Scope, name: str, *, alias: str, reason: str = "") -> Decision | None:
    """Take an alias away, so that no version bears it; None: nothing bore it.

    Raises:
        NotFound: there is no such model.
    """
    ref = Ref("model", name)
    scope.require(Permission.MODEL_PROMOTE, ref)
    read.get_model(scope, name)
    store.lock_model(scope.tx, scope.project, name)
    holder = store.find_alias(scope.tx, scope.project, name, alias)
    if holder is None:
        return None
    decision = Decision(
        model=ref,
        number=store.next_decision(scope.tx, scope.project, name),
        version=holder,
        action="withdrawn",
        alias=alias,
        previous=holder,
        at=scope.now,
        actor=scope.actor.name,
        reason=reason,
    )
    scope.record("model.alias_withdrawn", ref.at(holder), **_told(decision))
    store.drop_alias(scope.tx, scope.project, name, alias)
    store.add_decision(scope.tx, scope.project, decision)
    return decision


def evidence(scope: Scope, version: ModelVersion) -> tuple[Verdict, ...]:
    """Return the verdicts that let a version pass; none where the model has no gates.

    Raises:
        Refused: its gates refused the version, or have not judged it as they stand now.
    """
    gates = read.get_model(scope, version.ref.name).gates
    if gates is None or gates.is_empty:
        return ()
    judged = store.last_judgement(scope.tx, scope.project, version.ref.name, version.number)
    hint = f"bucle registry judge {version.ref}"
    if judged is None:
        raise Refused(f"{version.ref} has not been judged by the gates of its model", hint=hint)
    if version.judged_by != digest_of(gates):
        raise Refused(f"the gates changed after {version.ref} was judged", hint=hint)
    if judged.action == "refused":
        failed = [verdict for verdict in judged.verdicts if not verdict.ok]
        names = ", ".join(verdict.name for verdict in failed)
        raise Refused(
            f"{version.ref} was refused by the gates of its model: {names}", because=failed
        )
    return judged.verdicts


def _move(scope: Scope, decision: Decision) -> Decision:
    name = decision.model.name
    store.set_alias(scope.tx, scope.project, name, decision.alias, decision.version)
    store.add_decision(scope.tx, scope.project, decision)
    return decision


def _told(decision: Decision) -> dict[str, Any]:
    """Return what an event says of a move."""
    return {
        "alias": decision.alias,
        "previous": decision.previous,
        "reason": decision.reason,
        "verdicts": decision.verdicts,
    }


def _check_alias(alias: str) -> None:
    if not alias.strip() or not _ALIAS.fullmatch(alias):
        raise Invalid(
            f"{alias[:80]!r} can not be an alias",
            hint="1 to 255 characters, without control characters and @",
        )
    if alias.isdecimal() or alias == read.LATEST:
        raise Invalid(
            f"{alias!r} can not be an alias: it already names a version",
            hint="champion, challenger, or a word of your own",
        )
