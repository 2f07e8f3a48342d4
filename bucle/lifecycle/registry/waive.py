"""Waive a gate for one version: one person asks and says why, and another grants it.

A waiver is of one gate of one version, as the gates stand; it lapses when they are changed.
Once every gate that a version failed is waived, the version is accepted, and its verdicts keep
saying what failed, who asked and who granted.
"""

from collections.abc import Sequence
from typing import Literal, NoReturn, TypeAlias

import msgspec

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.registry import read, store
from bucle.lifecycle.registry.gates import digest_of
from bucle.lifecycle.registry.records import Decision, GateSpec, ModelVersion

_Action: TypeAlias = Literal["accepted", "waiver_asked", "waiver_granted"]


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that two people agreed to waive."""

    asked: Decision
    granted: Decision

    @property
    def words(self) -> str:
        """What is said of it beside the verdict."""
        return (
            f"waived: {self.asked.actor} asked ({self.asked.reason}), {self.granted.actor} granted"
        )


def ask_waiver(scope: Scope, ref: Ref, *, gate: str, reason: str) -> Decision:
    """Ask that a gate be waived for a version that failed it.

    Asking again for what is asked already returns the standing wish.

    Raises:
        Invalid: there is no reason, or the version did not fail that gate.
        Conflict: the version has not been judged by the gates as they stand.
    """
    scope.require(Permission.MODEL_WRITE, ref)
    if not reason.strip():
        raise Invalid("a waiver needs a reason", hint="--reason 'why it may pass all the same'")
    version, gates, judged = _refused(scope, ref)
    failed = {verdict.name: verdict for verdict in judged.verdicts if not verdict.ok}
    if gate not in failed:
        named = ", ".join(repr(name) for name in failed)
        raise Invalid(f"{version.ref} did not fail a gate {gate!r}", hint=f"it failed {named}")
    digest = digest_of(gates)
    for standing in _waivers(scope, version, digest):
        if standing.gate == gate:
            return standing
    decision = _decision(scope, version, "waiver_asked", reason)
    decision = msgspec.structs.replace(decision, gate=gate, gates=digest, verdicts=(failed[gate],))
    store.add_decision(scope.tx, scope.project, decision)
    scope.record("model.waiver_asked", version.ref, gate=gate, reason=reason)
    return decision


def grant_waiver(scope: Scope, ref: Ref, *, gate: str, reason: str = "") -> Decision:
    """Grant a waiver that somebody else asked for; accept the version if no other gate stands.

    Raises:
        Denied: the one who asked grants.
        NotFound: nobody asked for it, or it was asked for under other gates.
        Conflict: the version has not been judged by the gates as they stand.
    """
    scope.require(Permission.MODEL_PROMOTE, ref)
    version, gates, judged = _refused(scope, ref)
    digest = digest_of(gates)
    about = [each for each in _waivers(scope, version, digest) if each.gate == gate]
    if not about:
        raise NotFound(
            f"nobody asked to waive {gate!r} for {version.ref}",
            hint=f"bucle registry waive {version.ref} --gate '{gate}' --reason '...'",
        )
    if about[-1].action == "waiver_granted":
        return about[-1]
    if about[0].actor == scope.actor.name:
        raise Denied(
            f"{scope.actor.name!r} asked to waive {gate!r}, and may not grant it",
            hint="a second person who may promote grants it",
        )
    granted = _decision(scope, version, "waiver_granted", reason)
    granted = msgspec.structs.replace(granted, gate=gate, gates=digest, verdicts=about[0].verdicts)
    store.add_decision(scope.tx, scope.project, granted)
    scope.record(
        "model.waiver_granted", version.ref, gate=gate, asked_by=about[0].actor, reason=reason
    )
    _accept(scope, version, judged, granted_waivers(scope, version, digest))
    return granted


def granted_waivers(scope: Scope, version: ModelVersion, digest: str) -> dict[str, Waiver]:
    """Return the waivers of a version by gate, under the gates of a digest."""
    asked: dict[str, Decision] = {}
    found: dict[str, Waiver] = {}
    for each in _waivers(scope, version, digest):
        if each.action == "waiver_asked":
            asked[each.gate] = each
        else:
            found[each.gate] = Waiver(asked=asked[each.gate], granted=each)
    return found


def with_waivers(
    verdicts: Sequence[Verdict], waivers: dict[str, Waiver]
) -> tuple[tuple[Verdict, ...], bool]:
    """Return verdicts that tell their waivers, and whether nothing else stands in the way."""
    told = tuple(
        msgspec.structs.replace(verdict, note=f"{verdict.note}; {waivers[verdict.name].words}")
        if not verdict.ok and verdict.name in waivers
        else verdict
        for verdict in verdicts
    )
    return told, all(verdict.ok or verdict.name in waivers for verdict in verdicts)


def _accept(
    scope: Scope, version: ModelVersion, judged: Decision, waivers: dict[str, Waiver]
) -> None:
    verdicts, passes = with_waivers(judged.verdicts, waivers)
    if not passes:
        return
    accepted = msgspec.structs.replace(version, status="accepted")
    store.replace_version(scope.tx, scope.project, accepted)
    names = ", ".join(sorted(verdict.name for verdict in verdicts if not verdict.ok))
    decision = _decision(scope, version, "accepted", f"waived: {names}")
    decision = msgspec.structs.replace(
        decision,
        previous=judged.previous,
        verdicts=verdicts,
        split=judged.split,
        look=judged.look,
    )
    store.add_decision(scope.tx, scope.project, decision)
    champion = version.ref.at(judged.previous) if judged.previous else None
    scope.record("model.accepted", version.ref, champion=champion, verdicts=verdicts)


def _refused(scope: Scope, ref: Ref) -> tuple[ModelVersion, GateSpec, Decision]:
    """Return a version, its model's gates and their refusal of it."""
    store.lock_model(scope.tx, scope.project, ref.name)
    version = read.get_version(scope, ref)
    gates = read.get_model(scope, ref.name).gates
    judged = store.last_judgement(scope.tx, scope.project, ref.name, version.number)
    if gates is None or judged is None or version.judged_by != digest_of(gates):
        raise Conflict(
            f"{version.ref} has not been judged by the gates of its model as they stand",
            hint=f"bucle registry judge {version.ref}",
        )
    if judged.action != "refused":
        _nothing_to_waive(version)
    return version, gates, judged


def _nothing_to_waive(version: ModelVersion) -> NoReturn:
    raise Invalid(
        f"{version.ref} was accepted by the gates of its model: there is nothing to waive",
        hint=f"bucle registry promote {version.ref}",
    )


def _waivers(scope: Scope, version: ModelVersion, digest: str) -> list[Decision]:
    found = store.list_waivers(scope.tx, scope.project, version.ref.name, version.number)
    return [each for each in found if each.gates == digest]


def _decision(scope: Scope, version: ModelVersion, action: _Action, reason: str) -> Decision:
    return Decision(
        model=version.ref.bare,
        number=store.next_decision(scope.tx, scope.project, version.ref.name),
        version=version.number,
        action=action,
        at=scope.now,
        actor=scope.actor.name,
        reason=reason,
    )
