"""The verbs of features."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.control import privacy
from bucle.drivers.blobs.content import store_file
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.interfaces.operations import features_more, features_parity, features_stream
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import data, features
from bucle.lifecycle.data import sensitivity


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


class Train(msgspec.Struct, frozen=True, kw_only=True):
    """The entities (Parquet, CSV, ...: keys, moments, labels) and the views to join to them."""

    entities: Upload
    views: tuple[str, ...]
    at: str = "at"  # the column of the moments
    known: bool = True  # False: rows are seen before a view's `created`, as is known today


class TrainingSet(msgspec.Struct, frozen=True, kw_only=True):
    """A training set, as a Parquet file in the content store."""

    digest: str
    rows: int
    columns: tuple[str, ...]
    inputs: tuple[Ref, ...]


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """Which features of which entities to read; a key has as many parts as the view's entity."""

    ref: str
    keys: tuple[tuple[str | int | float | bool, ...], ...]
    # What the request says of each key: [{"amount": 9.5}]; of on-demand views.
    request: tuple[dict[str, Any], ...] = ()


class OnlineRows(msgspec.Struct, frozen=True, kw_only=True):
    """The features of each entity, in the order of the keys."""

    rows: list[dict[str, Any]]
    # The moment that they were materialized for, or of a stream's newest event; None: never.
    as_of: datetime | None
    age_s: float | None  # since then


def _train(session: Session, q: Train) -> TrainingSet:
    for view in q.views:
        ref = Ref.parse(view, kind="feature_view")
        sensitivity.require_visible(ref, privacy.hidden(session, ref), session.actor.name)
    entities = data.open_file(session, q.entities.digest, name=q.entities.name or "x.parquet")
    drivers = session.drivers
    drivers.cache_path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=drivers.cache_path, prefix="training-") as folder:
        path = Path(folder, "training.parquet")
        inputs = features.write_training_set(
            session, entities, q.views, path, at=q.at, known=q.known
        )
        return TrainingSet(
            digest=store_file(drivers.blobs, path),
            rows=pq.read_metadata(path).num_rows,
            columns=tuple(pq.read_schema(path).names),
            inputs=inputs,
        )


def _online(session: Session, q: Online) -> OnlineRows:
    with session.begin(write=False) as scope:
        found = features.get_view(scope, q.ref)
        view = features.reading(scope, found)
    read = features.read_features(session.drivers, view, q.keys, _said(q))
    now = session.drivers.clock.now()
    out = privacy.hidden(session, found.ref)
    rows = [sensitivity.masked_row(row, out) for row in read.rows] if out else read.rows
    age_s = (now - read.as_of).total_seconds() if read.as_of else None
    return OnlineRows(rows=rows, as_of=read.as_of, age_s=age_s)


def _said(q: Online) -> dict[str, list[Any]]:
    """Return what the request says, by column."""
    if q.request and len(q.request) != len(q.keys):
        raise Invalid(
            f"the request has {len(q.request)} rows, and there are {len(q.keys)} keys",
            hint='give a row for each key: [{"amount": 9.5}]',
        )
    names = dict.fromkeys(name for row in q.request for name in row)
    return {name: [row.get(name) for row in q.request] for name in names}


_ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="features.register",
        permission=Permission.FEATURE_WRITE,
        method="PUT",
        path="/features/{name}",
        request=features.FeatureView,
        response=features.RegisteredView,
        run=features.register_view,
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
        name="features.train",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/training",
        request=Train,
        response=TrainingSet,
        work=_train,
        positional=("entities", "views"),
        summary="Join feature views to entities, as they were known at each moment.",
        summary_es="Une vistas de características a entidades, como se conocían en su momento.",
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

ROWS: tuple[AnyOperation, ...] = (
    *_ROWS,
    *features_more.ROWS,
    *features_parity.ROWS,
    *features_stream.ROWS,
)
