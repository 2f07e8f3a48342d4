"""Put what is declared and what is into the same plain shape, so that they can be compared.

A pipeline, a trigger and a budget exist only as declarations: what is of them is what was
applied last.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from bucle.base.codec import to_builtins
from bucle.base.refs import Ref
from bucle.control.reconcile.applied import find_applied
from bucle.control.spec.records import CharterSpec, ProjectSpec
from bucle.governance.scope import Scope
from bucle.lifecycle import charter, data, features, feedback, monitoring, registry, serving

_MANY = 1000  # more things than a project declares
Things = dict[str, dict[str, Any]]


def desired(spec: ProjectSpec) -> Things:
    """Return what is declared: the text of a ref -> its plain fields."""
    things: Things = {}
    if spec.charter is not None:
        _put(things, "charter", spec.project, spec.charter)
    for name, dataset in spec.datasets.items():
        _put(things, "dataset", name, dataset)
    # Those that are computed from others come after them, to be registered in this order.
    for name, view in sorted(spec.views.items(), key=lambda each: each[1].is_on_demand):
        _put(things, "feature_view", name, view)
    for name, model in spec.models.items():
        _put(things, "model", name, model.gates)
    for name, deployment in spec.deployments.items():
        _put(things, "deployment", name, deployment)
    for name, monitor in spec.monitors.items():
        _put(things, "monitor", name, monitor)
    for name, one in spec.feedback.items():
        _put(things, "label", name, one)
    return things | _of_control(spec)


def observed(scope: Scope) -> Things:
    """Return what is, of the kinds of things that can be declared."""
    things: Things = {}
    if found := _charter(scope):
        _put(things, "charter", scope.project, found)
    for dataset in data.list_datasets(scope, limit=_MANY).items:
        if dataset.spec is not None:
            _put(things, "dataset", dataset.spec.name, dataset.spec)
    views = features.list_views(scope, limit=_MANY).items
    newest = {view.ref for view in views}
    for view in views:
        _put(things, "feature_view", view.ref.name, _as_it_is(view, newest))
    for model in registry.list_models(scope, limit=_MANY).items:
        if model.gates is not None:
            _put(things, "model", model.ref.name, model.gates)
    _put_served(things, scope)
    applied = find_applied(scope)
    return things | (_of_control(applied.spec) if applied else {})


def _as_it_is(view: features.RegisteredView, newest: Collection[Ref]) -> features.FeatureView:
    """Return a definition; with the versions of its inputs, where they are not the newest ones."""
    names = [
        str(read).partition(":")[2] if "@" not in said and read not in newest else said
        for said, read in zip(view.view.inputs, view.inputs, strict=True)
    ]
    return msgspec.structs.replace(view.view, inputs=tuple(names)) if names else view.view


def _put_served(things: Things, scope: Scope) -> None:
    for deployment in serving.list_deployments(scope).items:
        if deployment.action != serving.RETIRED:
            _put(things, "deployment", deployment.name, deployment.spec)
    for monitor in monitoring.list_monitors(scope):
        _put(things, "monitor", monitor.name, monitor)
    for one in feedback.list_feedback(scope):
        _put(things, "label", one.name, one)


def _charter(scope: Scope) -> CharterSpec | None:
    found = charter.find_charter(scope)
    if found is None:
        return None
    return CharterSpec(
        problem=found.problem,
        kpi=found.kpi,
        costs=found.costs,
        stop_rule=found.stop_rule,
        sponsor=found.sponsor,
    )


def _of_control(spec: ProjectSpec) -> Things:
    things: Things = {}
    for name, pipeline in spec.pipelines.items():
        _put(things, "pipeline", name, pipeline)
    for name, trigger in spec.triggers.items():
        _put(things, "trigger", name, trigger)
    rest: dict[str, Any] = {
        "features": spec.features and {"views": spec.features.views, "every": spec.features.every},
        "budgets": spec.budgets,
        "reconcile": spec.reconcile,
        "models": {name: model.pipeline for name, model in spec.models.items()},
    }
    if spec.scoring:
        rest["scoring"] = spec.scoring
    _put(things, "project", spec.project, rest)
    return things


def _put(things: Things, kind: str, name: str, record: object) -> None:
    things[str(Ref(kind, name))] = to_builtins(record)
