"""Write anew what can be found: for what was there before the catalogue was.

Here and not in a room, as it asks every room that can be searched.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data, features, registry, serving
from bucle.lifecycle.registry import catalog

T = TypeVar("T")

_PAGE = 500


class Reindex(msgspec.Struct, frozen=True, kw_only=True):
    """No field."""


class Reindexed(msgspec.Struct, frozen=True, kw_only=True):
    """How many things can be found now."""

    datasets: int
    feature_views: int
    models: int
    deployments: int


def reindex(scope: Scope, _: Reindex) -> Reindexed:
    """Write what can be found of everything in the project, over what was written."""
    scope.require(Permission.CONTROL_RUN)
    datasets = [one.ref.name for one in _all(lambda token: _datasets(scope, token))]
    for name in datasets:
        data.keep_found(scope, name)
    views = [one.view for one in _all(lambda token: _views(scope, token))]
    for view in views:
        features.keep_view_found(scope, view)
    models = [one.ref.name for one in _all(lambda token: registry.list_models(scope, token=token))]
    for name in models:
        catalog.keep_found(scope, name)
    deployed = serving.list_deployments(scope).items
    alive = [one.spec for one in deployed if one.action != serving.RETIRED]
    for spec in alive:
        serving.keep_deployment_found(scope, spec)
    counts = {
        "datasets": len(datasets), "feature_views": len(views), "models": len(models),
        "deployments": len(alive),
    }  # fmt: skip
    scope.record("project.reindexed", Ref("project", scope.project), **counts)
    return Reindexed(**counts)


def _datasets(scope: Scope, token: str | None) -> Page[data.Dataset]:
    return data.list_datasets(scope, limit=_PAGE, token=token)


def _views(scope: Scope, token: str | None) -> Page[features.RegisteredView]:
    return features.list_views(scope, limit=_PAGE, token=token)


def _all(ask: Callable[[str | None], Page[T]]) -> Iterator[T]:
    token, more = None, True
    while more:
        page = ask(token)
        yield from page.items
        token, more = page.next_token, page.next_token is not None


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="data.reindex",
        permission=Permission.CONTROL_RUN,
        method="POST",
        path="/search/reindex",
        request=Reindex,
        response=Reindexed,
        run=reindex,
        events=("project.reindexed",),
        summary="Write anew what can be found, as after an upgrade from before the catalogue.",
        summary_es="Vuelve a anotar lo que se puede buscar, como tras actualizar de antes.",
    ),
)
