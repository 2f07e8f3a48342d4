"""The kill switch: the model is out of service at once, whatever was on its way, until restored."""

import msgspec

from bucle.base.errors import Conflict, Invalid
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import CHAMPION, FALLBACK, Deployment, Killed, Variant
from bucle.lifecycle.serving.revise import Revision, revise
from bucle.lifecycle.serving.serve import note_end, previous_champion

PREVIOUS = "previous"


def kill(scope: Scope, name: str, *, reason: str, to: str = "") -> Deployment:
    """Take the champion out of service; control and rollouts leave it alone from now on.

    Args:
        scope: who does it.
        name: the deployment.
        reason: for the history; may not be empty.
        to: `fallback` (the declared rule or constant) or `previous` (the champion before this
            one); "": the fallback if one is declared, else the previous champion.

    Raises:
        Invalid: no reason; or there is nothing to fall back to.
        Conflict: nothing is served.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    if not reason.strip():
        raise Invalid(
            "a kill needs a reason", hint=f"bucle serving kill {name} --reason 'what is wrong'"
        )
    to = to or (FALLBACK if before.spec.fallback else PREVIOUS)
    if to not in {FALLBACK, PREVIOUS}:
        raise Invalid(f"{to!r} is nothing to fall back to", hint=f"write {FALLBACK} or {PREVIOUS}")
    if before.killed and before.killed.to == to:
        return before  # pressed twice: the first press counts
    champion = before.killed.champion if before.killed else before.variant(CHAMPION)
    if champion is None:
        raise Conflict(f"{before.ref.bare} serves no version", hint=f"bucle serving get {name}")
    variants = _variants(scope, before, to)
    killed = Killed(at=scope.now, by=scope.actor.name, reason=reason, to=to, champion=champion)
    made = Revision(
        action="deployment.killed",
        reason=reason,
        spec=before.spec,
        variants=variants,
        without_shadow=True,
        killed=killed,
    )
    after = revise(scope, before, made)
    note_end(scope, before, after, reason="killed")
    scope.record(
        "deployment.killed",
        after.ref,
        model=champion.model,
        to=to,
        serving=variants[0].model if variants else None,
        reason=reason,
    )
    return after


def restore(scope: Scope, name: str, *, reason: str = "") -> Deployment:
    """Serve the champion that the kill switch took out of service, to everybody.

    Raises:
        Conflict: the kill switch was not pressed.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    killed = before.killed
    if killed is None or killed.champion is None:
        raise Conflict(f"{before.ref.bare} was not killed", hint=f"bucle serving history {name}")
    champion = msgspec.structs.replace(killed.champion, role=CHAMPION, weight=1.0)
    made = Revision(
        action="deployment.restored", reason=reason, spec=before.spec, variants=(champion,)
    )
    after = revise(scope, before, made)
    scope.record("deployment.restored", after.ref, model=champion.model, reason=reason)
    return after


def _variants(scope: Scope, before: Deployment, to: str) -> tuple[Variant, ...]:
    """Return what answers instead.

    Raises:
        Invalid: there is no fallback, or no champion before this one.
    """
    if to == FALLBACK:
        if before.stand_in is None:
            raise Invalid(
                f"{before.ref.bare} declares no fallback",
                hint=f"bucle serving kill {before.name} --to {PREVIOUS} --reason ...",
            )
        return ()
    if before.killed:  # to the fallback, before: what was served then has a champion before it
        shown = msgspec.structs.replace(before, variants=(before.killed.champion,))
        return (previous_champion(scope, shown),)
    return (previous_champion(scope, before),)
