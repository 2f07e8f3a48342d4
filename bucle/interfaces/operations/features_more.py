"""The verbs of what features look like: statistics, drift, duplicates, use and cost."""

from typing import Annotated

import msgspec
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict, all_ok
from bucle.drivers.blobs.content import content_path
from bucle.governance.cost.read import list_spendings
from bucle.governance.lineage.trace import trace
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.interfaces.operations.fields import Limit, Upload
from bucle.interfaces.operations.table import AnyOperation, Operation
from bucle.lifecycle import features, serving
from bucle.lifecycle.features import stats

_MANY = 1_000


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """At which view to look, and at how many of its entities at most."""

    ref: str
    entities: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what a view's features looked like, the newest first."""

    ref: str
    limit: Limit = 100
    token: str | None = None  # None: the first page


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Which view's statistics to compare, and with what."""

    ref: str
    rows: Upload | None = None  # a training set in Parquet; None: the statistics before
    most: Annotated[float, msgspec.Meta(gt=0)] = 0.2  # population stability index


class FeatureDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How far features moved."""

    view: Ref
    ok: bool
    verdicts: tuple[Verdict, ...]


class Twice(msgspec.Struct, frozen=True, kw_only=True):
    """How alike two features are that are pointed out."""

    at_least: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.98  # correlation


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Whose use to tell."""

    ref: str = ""  # "": of every view


class ViewUse(msgspec.Struct, frozen=True, kw_only=True):
    """Who reads a view, and what it costs."""

    view: Ref
    owner: str
    models: tuple[Ref, ...]  # that were trained on any version of it
    deployments: tuple[Ref, ...]  # that fill requests in from it
    views: tuple[Ref, ...]  # that are computed from it
    runs: int  # that read it
    is_unused: bool  # whether nothing of the kind is there
    entities: int  # that the last materialization wrote
    written_bytes: int  # of these
    cpu_s: float  # of all materializations of all versions
    cost: float  # in the price list's currency


def _drift(session: Session, q: Compare) -> FeatureDrift:
    with session.begin(write=False) as scope:
        view = features.get_view(scope, q.ref)
        found = stats.list_stats(scope, view.ref, limit=1).items
    if not found:
        raise NotFound(f"nobody has looked at {view.ref} yet", hint=f"bucle features stats {q.ref}")
    if q.rows is None:
        verdicts = found[0].drift
    else:
        path = content_path(session.drivers.blobs, q.rows.digest, session.drivers.cache_path)
        rows = pq.read_table(path)
        verdicts = stats.drift_of_rows(session.drivers.engine, found[0].profile, rows, q.most)
    return FeatureDrift(view=view.ref, ok=all_ok(verdicts), verdicts=verdicts)


def _usage(scope: Scope, q: Use) -> tuple[ViewUse, ...]:
    every = features.list_views(scope, limit=_MANY).items
    views = (features.get_view(scope, q.ref),) if q.ref else every
    spent = {one.ref: one for one in list_spendings(scope, kind="feature_view")}
    deployments = serving.list_deployments(scope).items
    found = []
    for view in views:
        refs = [view.ref.bare.at(number) for number in range(1, view.number + 1)]
        ends = {
            Ref.parse(edge.target)
            for ref in refs
            for edge in trace(scope, ref, up=False, depth=1).edges
        }
        served = tuple(
            each.ref
            for each in deployments
            if each.action != serving.RETIRED
            and view.ref.name in {name.partition("@")[0] for name in each.spec.features}
        )
        models, computed, runs = (
            tuple(sorted(end for end in ends if end.kind == kind))
            for kind in ("model", "feature_view", "run")
        )
        costs = [spent[str(ref)] for ref in refs if str(ref) in spent]
        made = features.find_materialization(scope, view.ref)
        found.append(
            ViewUse(
                view=view.ref,
                owner=view.view.owner,
                models=models,
                deployments=served,
                views=computed,
                runs=len(runs),
                is_unused=not (models or served or computed or runs),
                entities=made.rows if made else 0,
                written_bytes=made.written_bytes if made else 0,
                cpu_s=sum(one.usage.cpu_s for one in costs),
                cost=sum(one.cost for one in costs),
            )
        )
    return tuple(sorted(found, key=lambda each: (not each.is_unused, -each.cost, each.view.name)))


ROWS: tuple[AnyOperation, ...] = (
    Operation(
        name="features.stats",
        permission=Permission.FEATURE_WRITE,
        method="POST",
        path="/features/{ref}/stats",
        request=Look,
        response=stats.FeatureStats,
        work=lambda session, q: stats.take_stats(session, q.ref, entities=q.entities),
        events=("feature.measured",),
        positional=("ref",),
        summary="Look at a view's features: missing values, range, quantiles, freshness, drift.",
        summary_es="Mira las características de una vista: faltan, rango, cuantiles, frescura y "
        "deriva.",
    ),
    Operation(
        name="features.looks",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features/{ref}/stats",
        request=Looks,
        response=Page[stats.FeatureStats],
        run=lambda scope, q: stats.list_stats(scope, q.ref, limit=q.limit, token=q.token),
        positional=("ref",),
        summary="List what a view's features looked like, the newest first.",
        summary_es="Lista cómo eran las características de una vista, lo último primero.",
    ),
    Operation(
        name="features.drift",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/features/{ref}/drift",
        request=Compare,
        response=FeatureDrift,
        work=_drift,
        positional=("ref", "rows"),
        is_good=lambda found: found.ok,
        summary="Compare a view's features with those before, or with a training set.",
        summary_es="Compara las características de una vista con las de antes o con un conjunto "
        "de entrenamiento.",
    ),
    Operation(
        name="features.duplicates",
        permission=Permission.FEATURE_READ,
        method="GET",
        path="/feature-duplicates",
        request=Twice,
        response=tuple[stats.Duplicate, ...],
        work=lambda session, q: stats.find_duplicates(session, at_least=q.at_least),
        summary="Point out features that are defined twice, or are nearly the same.",
        summary_es="Señala características definidas dos veces o casi iguales.",
    ),
    Operation(
        name="features.usage",
        permission=Permission.LINEAGE_READ,
        method="GET",
        path="/feature-usage",
        request=Use,
        response=tuple[ViewUse, ...],
        run=_usage,
        positional=("ref",),
        summary="Tell who reads each view and what it costs, the unused ones first.",
        summary_es="Dice quién lee cada vista y qué cuesta; primero las que nadie usa.",
    ),
)
