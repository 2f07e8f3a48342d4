"""A deployment: what it serves, what it served, and why."""

import msgspec

from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.interfaces.web.visit import Visit
from bucle.lifecycle import serving


class DeploymentPage(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment and its revisions."""

    project: str
    deployment: serving.Deployment
    revisions: tuple[serving.Deployment, ...]
    next_token: str | None  # None: these were the first
    may_abort: bool  # a canary
    may_stop: bool  # a trial
    may_change: bool  # the shadow, and the kill switch
    trial: str  # ab | bandit; "": no trial is on
    fallback: str  # the declared rule or constant; "": none is declared
    is_watched: bool  # the champion is on trial


def deployment_page(visit: Visit, name: str) -> DeploymentPage:
    """Show a deployment."""
    ref = Ref.parse(name, kind="deployment")
    with visit.session.begin(write=False) as scope:
        found = serving.get_deployment(scope, ref)
        history = serving.history(scope, ref.name, limit=40, token=visit.query.get("token"))
        now = scope.now
    may_change = visit.may(Permission.SERVING_WRITE)
    state = found.rollout_state
    trial = state.kind if state is not None and state.kind != serving.CANARY else ""
    return DeploymentPage(
        project=visit.project,
        deployment=found,
        revisions=history.items,
        next_token=history.next_token,
        may_abort=may_change and state is not None and not trial,
        may_stop=may_change and bool(trial),
        may_change=may_change,
        trial=trial,
        fallback=_told(found.spec.fallback) if found.spec.fallback else "",
        is_watched=found.watch is not None and found.watch.until > now,
    )


def _told(fallback: serving.Fallback) -> str:
    """Return a fallback in one line."""
    return fallback.rule or str(fallback.constant)
