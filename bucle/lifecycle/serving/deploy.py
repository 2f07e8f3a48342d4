"""Declare a deployment: its model, its rollout and what it owes its callers."""

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.keys import check_key
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.write import put_findable
from bucle.lifecycle.features import get_view
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.limits import (
    check_batching,
    check_fallback,
    check_objectives,
    check_rollout,
)
from bucle.lifecycle.serving.logged import check_policy
from bucle.lifecycle.serving.records import FALLBACK, RETIRED, Deployment, DeploymentSpec
from bucle.lifecycle.serving.revise import Revision, revise


def deploy(scope: Scope, spec: DeploymentSpec, *, reason: str = "") -> Deployment:
    """Create a deployment or change its specification; the same specification changes nothing.

    It serves nothing until `serve_version` names a version.

    Raises:
        Invalid: the rollout makes no sense, or another model is named while one is served; or
            the fallback does not fit what is served.
        Conflict: the fallback that answers now, because of the kill switch, would go.
        NotFound: one of its feature views is not registered.
    """
    scope.require(Permission.SERVING_WRITE)
    check_spec(spec)
    for view in spec.features:
        get_view(scope, view)
    before = store.find_deployment(scope.tx, scope.project, spec.name)
    if before is None:
        made = Revision(action="deployment.created", reason=reason, spec=spec, variants=())
        after = revise(scope, None, made)
        keep_deployment_found(scope, spec)
        scope.record("deployment.created", after.ref, model=spec.model, reason=reason)
        return after
    if before.spec == spec and before.action != RETIRED:
        return before
    if (before.variants or before.killed) and before.spec.model != spec.model:
        raise Invalid(
            f"{before.ref.bare} serves model {before.spec.model!r} and can not change to "
            f"{spec.model!r}: their callers expect other columns",
            hint="give the other model a deployment of its own",
        )
    if before.killed and before.killed.to == FALLBACK and not spec.fallback:
        raise Conflict(
            f"{before.ref.bare} was killed by {before.killed.by}, and its fallback answers now",
            hint=f"bucle serving restore {spec.name} --reason ...",
        )
    changed = Revision(
        action="deployment.changed",
        reason=reason,
        spec=spec,
        variants=before.answering,
        rollout_state=before.rollout_state,
        killed=before.killed,
    )
    after = revise(scope, before, changed)
    keep_deployment_found(scope, spec)
    scope.record("deployment.changed", after.ref, spec=spec, reason=reason)
    return after


def keep_deployment_found(scope: Scope, spec: DeploymentSpec) -> None:
    """Write what can be found of a deployment: its model, and the features that it fills in."""
    scope.require(Permission.SERVING_WRITE, Ref("deployment", spec.name))
    found = Findable(
        ref=Ref("deployment", spec.name),
        description=f"{spec.model} {spec.target}".strip(),
        columns=tuple(FoundColumn(name=view.partition("@")[0]) for view in spec.features),
    )
    put_findable(scope, found)


def check_spec(spec: DeploymentSpec) -> None:
    """Refuse a specification that could never be carried out.

    Raises:
        Invalid: with the value and what is allowed.
    """
    if "/" in check_name(spec.name):
        raise Invalid(
            f"{spec.name!r} holds a slash, and a deployment's name is one part of its address",
            hint=f"write {spec.name.replace('/', '-')}",
        )
    check_key(spec.name)  # the prediction log's folder bears its name
    check_name(spec.model)
    check_rollout(spec.rollout)
    check_objectives(spec.objectives)
    if spec.log:
        check_policy(spec.log)
    if spec.fallback:
        check_fallback(spec.fallback)
    if spec.batching:
        check_batching(spec.batching)
