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
    may_abort: bool


def deployment_page(visit: Visit, name: str) -> DeploymentPage:
    """Show a deployment."""
    ref = Ref.parse(name, kind="deployment")
    with visit.session.begin(write=False) as scope:
        found = serving.get_deployment(scope, ref)
        history = serving.history(scope, ref.name, limit=40, token=visit.query.get("token"))
    return DeploymentPage(
        project=visit.project,
        deployment=found,
        revisions=history.items,
        next_token=history.next_token,
        may_abort=visit.may(Permission.SERVING_WRITE) and found.rollout_state is not None,
    )
