"""How the variants of a deployment did over a window: the figures that a canary is judged by."""

from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bucle.base.refs import Ref
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle import charter, registry
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry import Answered
from bucle.lifecycle.serving.predictions import read_predictions
from bucle.lifecycle.serving.read import get_deployment
from bucle.lifecycle.serving.records import Deployment, Variant, VariantStats
from bucle.lifecycle.serving.segments import FEATURE, OUTPUT

PREDICTION_ID, LABEL = "prediction_id", "label"
_ANSWERS = ("prediction", "probability")
_P95 = 0.95


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What scoring a model's answers needs to know."""

    task: str
    classes: tuple[str | int | bool, ...]
    metric: str
    costs: ErrorCosts | None


def rollout_stats(
    session: Session,
    deployment: str,
    since: datetime,
    until: datetime,
    labels: pa.Table | None = None,
) -> tuple[VariantStats, ...]:
    """Return the figures of each variant that is served now, champion first.

    Args:
        session: where the log and the models are.
        deployment: its name.
        since: the first moment that counts.
        until: the first that does not count any more.
        labels: `prediction_id` and `label`; without them, nothing is scored.
    """
    with session.begin(write=False) as scope:
        served = get_deployment(scope, Ref("deployment", deployment))
        found = charter.find_charter(scope)
        costs = found.costs if found else None
        judged = [_judged(scope, served, variant, costs) for variant in served.variants]
    amounts = registry.amount_columns(costs)
    columns = ["id", "model_ref", "latency_us", "error"]
    columns += [OUTPUT + name for name in _ANSWERS] + [FEATURE + name for name in amounts]
    table = read_predictions(session, deployment, since, until, columns=columns)
    if labels is not None:
        # A lookup and not a join: Arrow joins no tables with lists (of probabilities) in them.
        place = pc.index_in(table["id"], value_set=labels[PREDICTION_ID].combine_chunks())
        table = table.append_column(LABEL, labels[LABEL].take(place))
    return tuple(
        _stats(table.filter(pc.equal(table["model_ref"], str(variant.model))), variant, how)
        for variant, how in zip(served.variants, judged, strict=True)
    )


def _judged(
    scope: Scope, served: Deployment, variant: Variant, costs: ErrorCosts | None
) -> _Judged:
    version = registry.get_version(scope, variant.model)
    manifest = registry.read_manifest(scope.drivers.blobs, version.manifest)
    return _Judged(
        task=version.task,
        classes=manifest.classes,
        metric=served.spec.rollout.metric,
        costs=costs,
    )


def _stats(rows: pa.Table, variant: Variant, judged: _Judged) -> VariantStats:
    good = rows.filter(pc.equal(rows["error"], ""))
    latency = np.asarray(good["latency_us"].to_numpy())
    metric, labelled = None, 0
    if LABEL in good.column_names:
        good = good.filter(pc.is_valid(good[LABEL]))
        labelled = len(good)
        metric = _score(good, judged) if labelled and judged.metric else None
    return VariantStats(
        role=variant.role,
        model=variant.model,
        requests=len(rows),
        errors=len(rows) - int(latency.size),
        p95_ms=float(np.quantile(latency, _P95)) / 1000 if latency.size else None,
        labelled=labelled,
        metric=metric,
    )


def _score(rows: pa.Table, judged: _Judged) -> float | None:
    answers = {
        name: _numpy(rows[OUTPUT + name])
        for name in _ANSWERS
        if not pa.types.is_null(rows[OUTPUT + name].type)
    }
    amounts = {
        name: _numpy(rows[FEATURE + name])
        for name in registry.amount_columns(judged.costs)
        if not pa.types.is_null(rows[FEATURE + name].type)
    }
    answered = Answered(
        task=judged.task,
        classes=judged.classes,
        actual=_numpy(rows[LABEL]),
        answers=answers,
        amounts=amounts,
    )
    return registry.score(answered, judged.costs).get(judged.metric)


def _numpy(column: pa.ChunkedArray) -> registry.Array:
    if pa.types.is_nested(column.type):
        return np.asarray(column.to_pylist(), dtype=np.float64)
    return np.asarray(column.to_numpy())
