"""Say which feature views filled in a prediction's features, and from which rows.

The online store holds a view as it was materialized last; the edges that materializing leaves
say from which version of which dataset that was at the moment of the prediction.
"""

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.governance.facts import Edge
from bucle.governance.lineage.trace import trace
from bucle.governance.scope import Scope
from bucle.lifecycle import features
from bucle.lifecycle.features import RegisteredView
from bucle.lifecycle.serving import store
from bucle.lifecycle.serving.records import Deployment, Prediction
from bucle.lifecycle.serving.views import view_for


def filled_by(scope: Scope, prediction: Prediction) -> tuple[Edge, ...]:
    """Return the edges into the deployment that answered, from each view that it reads.

    What a request said itself is not told apart: the log has the features and not who gave them.
    """
    deployment = prediction.deployment
    revision = int(deployment.version or 0)
    answered = store.find_deployment(scope.tx, scope.project, deployment.name, revision)
    edges: list[Edge] = []
    if answered is None:
        return ()
    for name in answered.spec.features:
        view = _view_then(scope, name, prediction, answered)
        if view is None or not prediction.features.keys() & set(view.view.features):
            continue
        if view.view.is_on_demand:
            edges.append(_edge(view.ref, deployment, prediction))
        for ref in view.inputs or (view.ref,):
            rows = Ref("materialization", ref.name, ref.version)
            into = trace(scope, rows, depth=1).edges
            edges.append(_edge(rows, deployment, prediction))
            edges += [edge for edge in into if edge.relation == "defines"]
            edges += _newest(into, prediction)
    return tuple(edges)


def _newest(into: tuple[Edge, ...], prediction: Prediction) -> list[Edge]:
    """Return the last materialization before a prediction."""
    made = [
        (edge.at, int(Ref.parse(edge.source).version or 0), place)
        for place, edge in enumerate(into)
        if edge.relation == "materialized" and edge.at and edge.at <= prediction.at
    ]
    return [into[max(made)[-1]]] if made else []


def _view_then(
    scope: Scope, name: str, prediction: Prediction, answered: Deployment
) -> RegisteredView | None:
    """Return the version that the model was trained on, or that was the newest one then."""
    model = prediction.model
    trained = [ref for variant in answered.variants if variant.model == model
               for ref in variant.views]  # fmt: skip
    view = view_for(scope, name, trained)
    if view.ref in trained:
        return view
    while view.registered_at > prediction.at and "@" not in name:
        try:
            view = features.get_view(scope, view.ref.bare.at(view.number - 1))
        except NotFound:
            return None
    return view


def _edge(rows: Ref, deployment: Ref, prediction: Prediction) -> Edge:
    return Edge(
        source=str(rows), target=str(deployment), relation="filled_in", detail={}, at=prediction.at
    )
