"""The verbs of features."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.page import Page
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import features


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """The definition of a feature view."""

    name: str
    entity: features.Entity
    source: str
    time: str
    columns: tuple[str, ...] = ()
    aggregations: tuple[features.Aggregation, ...] = ()
    sql: str = ""
    ttl: str = ""
    delay: str = ""
    owner: str = ""
    description: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A feature view, or one of its versions: `spending@2`."""

    ref: str


class List(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the views."""

    limit: Limit = 100
    token: str | None = None  # None: the first page


class Materialize(msgspec.Struct, frozen=True, kw_only=True):
    """Which view to bring to the online store, and as of when."""

    ref: str
    until: datetime | None = None  # None: now


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """Which features of which entities to read; a key has as many parts as the view's entity."""

    ref: str
    keys: tuple[tuple[str | int | float | bool, ...], ...]


class OnlineRows(msgspec.Struct, frozen=True, kw_only=True):
    """The features of each entity, in the order of the keys."""

    rows: list[dict[str, Any]]


def _online(session: Session, q: Online) -> OnlineRows:
    with session.begin(write=False) as scope:
        found = features.get_view(scope, q.ref)
    view = features.online_view(found.view, found.ref, session.project)
    drivers = session.drivers
    return OnlineRows(rows=features.read_online(drivers.online, view, q.keys, drivers.clock.now()))


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="features.register",
        permission=Permission.FEATURE_WRITE,
        method="PUT",
        path="/features/{name}",
        request=Register,
        response=features.RegisteredView,
        run=lambda scope, q: features.register_view(
            scope, features.FeatureView(**msgspec.structs.asdict(q))
        ),
        events=("feature.registered",),
        positional=("name",),
        summary="Register a feature view; a changed definition is a new version.",
        summary_es="Registra una vista de características; si cambia, es otra versión.",
    ),
    Operation(
        name="features.list",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features",
        request=List,
        response=Page[features.RegisteredView],
        run=lambda scope, q: features.list_views(scope, limit=q.limit, token=q.token),
        summary="List the newest version of each feature view.",
        summary_es="Lista la versión última de cada vista de características.",
    ),
    Operation(
        name="features.get",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features/{ref}",
        request=View,
        response=features.RegisteredView,
        run=lambda scope, q: features.get_view(scope, q.ref),
        positional=("ref",),
        summary="Show a feature view.",
        summary_es="Muestra una vista de características.",
    ),
    Operation(
        name="features.materialize",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/materialize",
        request=Materialize,
        response=features.Materialization,
        work=lambda session, q: features.materialize(session, q.ref, q.until),
        events=("feature.materialized",),
        positional=("ref",),
        summary="Bring the latest features of every entity to the online store.",
        summary_es="Lleva al almacén en línea las características últimas de cada entidad.",
    ),
    Operation(
        name="features.online",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features/{ref}/online",
        request=Online,
        response=OnlineRows,
        work=_online,
        positional=("ref",),
        summary="Read the features of some entities from the online store.",
        summary_es="Lee del almacén en línea las características de unas entidades.",
    ),
)
