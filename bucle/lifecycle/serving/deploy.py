"""Declare a deployment: its model, its rollout and what it owes its callers."""

from itertools import pairwise

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.keys import check_key
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.search.records import Findable, FoundColumn
from bucle.governance.search.write import put_findable
from bucle.lifecycle.features import get_view
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.logged import check_policy
from bucle.lifecycle.serving.records import RETIRED, Deployment, DeploymentSpec, Rollout
from bucle.lifecycle.serving.revise import Revision, revise


def deploy(scope: Scope, spec: DeploymentSpec, *, reason: str = "") -> Deployment:
    """Create a deployment or change its specification; the same specification changes nothing.

    It serves nothing until `serve_version` names a version.

    Raises:
        Invalid: the rollout makes no sense, or another model is named while one is served.
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
    if before.variants and before.spec.model != spec.model:
        raise Invalid(
            f"{before.ref.bare} serves model {before.spec.model!r} and can not change to "
            f"{spec.model!r}: their callers expect other columns",
            hint="give the other model a deployment of its own",
        )
    changed = Revision(
        action="deployment.changed",
        reason=reason,
        spec=spec,
        variants=before.variants,
        rollout_state=before.rollout_state,
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
    _check_rollout(spec.rollout)
    if spec.log:
        check_policy(spec.log)
    if spec.objectives.p95_ms is not None and spec.objectives.p95_ms <= 0:
        raise Invalid(
            f"objectives.p95_ms is {spec.objectives.p95_ms:g}", hint="write milliseconds above 0"
        )


def _check_rollout(rollout: Rollout) -> None:
    steps = rollout.steps
    rising = all(low < high for low, high in pairwise(steps))
    if not rising or any(not 0 < step < 1 for step in steps):
        raise Invalid(
            f"the rollout's steps {list(steps)} are not rising shares between 0 and 1",
            hint="write for example steps: [0.1, 0.5]; the last step to 1 is implied",
        )
    parse_duration(rollout.each)
    if rollout.min_requests < 1:
        raise Invalid(f"rollout.min_requests is {rollout.min_requests}", hint="write 1 or more")
    if rollout.max_error_ratio <= 0:
        raise Invalid(
            f"rollout.max_error_ratio is {rollout.max_error_ratio:g}",
            hint="write 1.0 for 'no worse', 1.1 for 'at most a tenth worse'",
        )
