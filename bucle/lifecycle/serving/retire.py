"""Stop serving a deployment: its history and its prediction log are kept."""

from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.write import drop_findable
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import RETIRED, Deployment
from bucle.lifecycle.serving.revise import Revision, revise


def retire(scope: Scope, name: str, *, reason: str = "") -> Deployment:
    """Serve nothing under this name any more; retiring twice changes nothing.

    Raises:
        NotFound: there is no such deployment.
    """
    scope.require(Permission.SERVING_WRITE)
    before = store.get_deployment(scope.tx, scope.project, name)
    if before.action == RETIRED:
        return before
    made = Revision(action=RETIRED, reason=reason, spec=before.spec, variants=())
    after = revise(scope, before, made)
    drop_findable(scope, after.ref)
    scope.record("deployment.retired", after.ref, reason=reason)
    return after
