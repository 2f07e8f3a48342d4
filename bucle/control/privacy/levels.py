"""Follow sensitive columns into splits, feature views, models and what is served of them."""

from bucle.base.errors import Invalid
from bucle.base.refs import KINDS, Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import data, features, registry, serving
from bucle.lifecycle.data.sensitivity.follow import dataset_levels, is_any_declared
from bucle.lifecycle.data.sensitivity.records import ColumnLevel, Levels, levels_of
from bucle.lifecycle.registry.levels import model_levels, taken, view_levels

_KINDS = ("dataset", "split", "feature_view", "model", "deployment")


def levels(session: Session, ref: Ref | str) -> Levels:
    """Return how sensitive the columns of a thing are, and why.

    Of a model the columns are its inputs and its target, of a deployment the inputs that the
    prediction log keeps.

    Raises:
        NotFound: there is no such thing.
        Invalid: it is of a kind that has no columns.
    """
    found = _parsed(ref) if isinstance(ref, str) else ref
    with session.begin(write=False) as scope:
        match found.kind:
            case "dataset":
                return dataset_levels(scope, found)
            case "split":
                split = data.get_split(scope, found)
                return levels_of(split.ref, dataset_levels(scope, split.dataset).columns)
            case "feature_view":
                return view_levels(scope, features.get_view(scope, found))
            case "model":
                return model_levels(scope, registry.get_version(scope, found))
            case "deployment":
                return _deployment(scope, serving.get_deployment(scope, found))
    raise Invalid(f"{found} has no columns", hint=f"one of: {', '.join(_KINDS)}")


def _parsed(text: str) -> Ref:
    """Read a reference; the kind may be left out of a dataset's."""
    kind, colon, _ = text.partition(":")
    named = bool(colon) and (kind in _KINDS or kind in KINDS)
    return Ref.parse(text) if named else Ref.parse(text, kind="dataset")


def hidden(session: Session, ref: Ref | str) -> frozenset[str]:
    """Return the columns of a thing whose values the caller may not see."""
    if session.actor.may(Permission.SENSITIVE_READ, session.project):
        return frozenset()
    with session.begin(write=False) as scope:
        if not is_any_declared(scope):
            return frozenset()
    found = levels(session, ref).columns
    return frozenset(each.column for each in found if each.level != "none")


def _deployment(scope: Scope, deployment: serving.Deployment) -> Levels:
    models = [registry.get_version(scope, each.model) for each in deployment.variants]
    found: dict[str, list[ColumnLevel]] = {}
    for version in models:
        inputs = model_levels(scope, version)
        target = version.target
        for each in inputs.columns:
            if each.column != target:
                found.setdefault(each.column, []).append(each)
    return levels_of(
        deployment.ref,
        (taken(deployment.ref, name, "column", columns) for name, columns in found.items()),
    )
