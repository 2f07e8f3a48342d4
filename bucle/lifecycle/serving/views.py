"""Which versions of feature views are served: those that the model version was trained on.

A view may have become another one since the model was trained.  A request is filled in as the
model knows it: each variant of a deployment has the versions that its model was trained on; the
newest ones where nobody noted any, and that which the deployment names where it names one.
"""

from collections.abc import Sequence

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.lifecycle import features
from bucle.lifecycle.features import OnlineView, RegisteredView
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import Deployment, Variant


def view_for(scope: Scope, name: str, trained_on: Sequence[Ref]) -> RegisteredView:
    """Return the version of a view that a deployment means by a name, for such a model."""
    same = [ref for ref in trained_on if ref.name == name]
    newest = max(same, key=lambda ref: int(ref.version or 0), default=None)
    return features.get_view(scope, newest or name)


def views_for(scope: Scope, deployment: Deployment, variant: Variant) -> tuple[OnlineView, ...]:
    """Return what a variant's missing features are read from."""
    found = (view_for(scope, name, variant.views) for name in deployment.spec.features)
    return tuple(features.reading(scope, each) for each in found)


def views_in_use(scope: Scope) -> tuple[Ref, ...]:
    """Return the versions of views with rows that deployments read now, each once."""
    found: dict[Ref, None] = {}
    for deployment in store.list_deployments(scope.tx, scope.project):
        for variant in deployment.variants:
            for view in views_for(scope, deployment, variant):
                found |= dict.fromkeys(each.ref for each in view.inputs or (view,))
    return tuple(found)
