"""Serve a version to everybody, at once; or the one before it."""

import msgspec

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import CHAMPION, Deployment, Variant
from bucle.lifecycle.serving.resolve import variant_of
from bucle.lifecycle.serving.revise import Revision, require_alive, require_revision, revise

_PAGE = 100


def serve_version(
    scope: Scope, name: str, model: Ref, *, reason: str = "", if_revision: int | None = None
) -> Deployment:
    """Make a version the champion for all of the traffic; a canary on its way is dropped.

    Serving what is served already changes nothing.

    Raises:
        NotFound: no such deployment or version.
        Refused: the version's gates said no.
        Conflict: the deployment is not at revision `if_revision`.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    require_alive(before)
    champion = variant_of(scope, before.spec, model, role=CHAMPION, weight=1.0)
    if before.answering == (champion,):
        return before
    after = _replace(scope, before, champion, action="deployment.served", reason=reason)
    previous = before.variant(CHAMPION)
    scope.record(
        "deployment.served",
        after.ref,
        model=champion.model,
        previous=previous.model if previous else None,
        reason=reason,
    )
    return after


def roll_back(
    scope: Scope,
    name: str,
    *,
    reason: str,
    if_revision: int | None = None,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    """Serve the champion before this one to everybody; a canary on its way is dropped.

    Raises:
        NotFound: no such deployment.
        Invalid: there was no champion before this one.
        Conflict: the kill switch was pressed, or it is not at revision `if_revision`.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    require_revision(before, if_revision)
    require_alive(before)
    champion = previous_champion(scope, before)
    action = "deployment.rolled_back"
    after = _replace(scope, before, champion, action=action, reason=reason, evidence=evidence)
    given_up = before.variant(CHAMPION)
    assert given_up is not None
    scope.record(
        "deployment.rolled_back",
        after.ref,
        model=champion.model,
        previous=given_up.model,
        reason=reason,
        **({"verdicts": evidence} if evidence else {}),
    )
    return after


def _replace(
    scope: Scope,
    before: Deployment,
    champion: Variant,
    *,
    action: str,
    reason: str,
    evidence: tuple[Verdict, ...] = (),
) -> Deployment:
    made = Revision(
        action=action,
        reason=reason,
        spec=before.spec,
        variants=(champion,),
        evidence=evidence,
    )
    after = revise(scope, before, made)
    note_end(scope, before, after, reason=reason)
    return after


def note_end(scope: Scope, before: Deployment, after: Deployment, *, reason: str) -> None:
    """Leave the fact that what was on its way is not any more, whoever serves now."""
    scope.require(Permission.SERVING_WRITE, before.ref)
    state, champion = before.rollout_state, after.variant(CHAMPION)
    if state is None:
        return
    won = champion is not None and state.model == champion.model
    scope.record(
        "rollout.finished" if won else "rollout.aborted",
        after.ref,
        model=state.model,
        weight=state.weight,
        reason=reason if won or champion is None else f"replaced by {champion.model}",
    )


def previous_champion(scope: Scope, now: Deployment) -> Variant:
    """Return the champion before the present one.

    Raises:
        Invalid: there was none.
    """
    current = now.variant(CHAMPION)
    token: str | None = None
    while True:
        page = store.list_revisions(scope.tx, scope.project, now.name, limit=_PAGE, token=token)
        for revision in page.items:
            champion = revision.variant(CHAMPION)
            if champion and current and champion.model != current.model:
                return msgspec.structs.replace(champion, role=CHAMPION, weight=1.0)
        token = page.next_token
        if token is None:
            raise Invalid(
                f"{now.ref.bare} has had no champion before "
                f"{current.model if current else 'any version'}",
                hint=f"bucle serving history {now.name}",
            )
