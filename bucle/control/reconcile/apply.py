"""Make what is as declared: each change is one call of the room's own verb."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bucle.base.digest import digest_value
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.control.reconcile import store
from bucle.control.reconcile.observe import desired, observed
from bucle.control.reconcile.plan import plan
from bucle.control.reconcile.records import AppliedSpec, Change, Plan
from bucle.control.spec.records import ProjectSpec
from bucle.drivers import git
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import charter, data, features, feedback, monitoring, registry, serving

# What was made stays when it is no longer declared, so that is no change to make.
_STAYING = frozenset({"charter", "dataset", "feature_view", "model"})


def plan_project(scope: Scope, spec: ProjectSpec) -> Plan:
    """Return what applying the declarations would change.

    Raises:
        Invalid: they are another project's.
    """
    scope.require(Permission.CONTROL_READ)
    if spec.project != scope.project:
        raise Invalid(
            f"the file declares project {spec.project!r}, this is {scope.project!r}",
            hint=f"bucle --project {spec.project} plan",
        )
    changes = tuple(
        change
        for change in plan(desired(spec), observed(scope))
        if change.action != "remove" or change.ref.kind not in _STAYING
    )
    return Plan(project=scope.project, digest=digest_value(spec), changes=changes)


def apply_project(session: Session, spec: ProjectSpec, folder: str) -> Plan:
    """Converge, and put the declarations in force; applying twice changes nothing.

    Either everything is applied or nothing: it is one transaction.
    """
    root = git.find_root(Path(folder)) if folder else None
    commit = (git.head_commit(root) if root else None) or ""
    with session.begin() as scope:
        scope.require(Permission.CONTROL_APPLY)
        done = plan_project(scope, spec)
        for change in done.changes:
            _make(scope, spec, change)
        before = store.find_applied(scope.tx, scope.project)
        if before is None or (before.digest, before.folder, before.commit) != (
            done.digest,
            folder,
            commit,
        ):
            applied = AppliedSpec(
                number=store.next_number(scope.tx, scope.project),
                digest=done.digest,
                folder=folder,
                commit=commit,
                applied_at=scope.now,
                applied_by=scope.actor.name,
                spec=spec,
            )
            store.add_applied(scope.tx, scope.project, applied)
            scope.record(
                "project.applied",
                Ref("project", scope.project, applied.number),
                digest=done.digest,
                commit=commit,
                changes=[f"{change.action} {change.ref}" for change in done.changes],
            )
    serving.publish(session)
    return done


def _make(scope: Scope, spec: ProjectSpec, change: Change) -> None:
    """Call the verb that makes one thing as declared; control's own need no call."""
    if change.action == "remove":
        _remove(scope, change.ref)
    elif verb := _VERBS.get(change.ref.kind):
        verb(scope, spec, change.ref.name)


def _set_charter(scope: Scope, spec: ProjectSpec, _: str) -> None:
    assert spec.charter is not None
    said = {field: getattr(spec.charter, field) for field in spec.charter.__struct_fields__}
    charter.set_charter(scope, **said)


_VERBS: Mapping[str, Callable[[Scope, ProjectSpec, str], object]] = {
    "charter": _set_charter,
    "dataset": lambda scope, spec, name: data.declare(scope, spec.datasets[name]),
    "feature_view": lambda scope, spec, name: features.register_view(scope, spec.views[name]),
    "model": lambda scope, spec, name: registry.declare_gates(scope, name, spec.models[name].gates),
    "deployment": lambda scope, spec, name: serving.deploy(scope, spec.deployments[name]),
    "monitor": lambda scope, spec, name: monitoring.declare_monitor(scope, spec.monitors[name]),
    "label": lambda scope, spec, name: feedback.declare_feedback(scope, spec.feedback[name]),
}


def _remove(scope: Scope, ref: Ref) -> None:
    """Stop what is no longer declared; what was made (data, models, history) stays."""
    if ref.kind == "monitor":
        monitoring.remove_monitor(scope, ref.name)
    elif ref.kind == "label":
        feedback.remove_feedback(scope, ref.name)
    elif ref.kind == "deployment":
        serving.retire(scope, ref.name, reason="no longer declared")
