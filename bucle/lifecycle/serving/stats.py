"""How the variants of a deployment did over a window: the figures that a canary is judged by."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

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
from bucle.lifecycle.serving.differing import drift_of
from bucle.lifecycle.serving.outcomes import REWARD, outcomes
from bucle.lifecycle.serving.predictions import read_predictions
from bucle.lifecycle.serving.read import get_deployment
from bucle.lifecycle.serving.records import Deployment, Variant, VariantStats
from bucle.lifecycle.serving.segments import FEATURE, OUTPUT

PREDICTION_ID, LABEL = "prediction_id", "label"
_ANSWERS = ("prediction", "probability")
_QUANTILES = (0.95, 0.99)


class Window(NamedTuple):
    """What is looked at."""

    since: datetime  # the first moment that counts
    until: datetime  # the first that does not count any more
    labels: pa.Table | None = None  # `prediction_id` and `label`; None: nothing is scored


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
    """Return the figures of each variant that answers now, champion first.

    Args:
        session: where the log and the models are.
        deployment: its name.
        since: the first moment that counts.
        until: the first that does not count any more.
        labels: `prediction_id` and `label`; without them, nothing is scored.
    """
    with session.begin(write=False) as scope:
        served = get_deployment(scope, Ref("deployment", deployment))
    window = Window(since, until, labels)
    return variant_stats(session, served, served.answering, window)


def variant_stats(
    session: Session, served: Deployment, variants: Sequence[Variant], window: Window
) -> tuple[VariantStats, ...]:
    """Return the figures of each of these variants, the first of which is the yardstick."""
    seen = _seen(session, served, variants, window)
    gates = served.spec.rollout.gates
    measure = gates.measure if gates else "psi"
    first = _answers(seen[0][1])
    return tuple(
        _stats(rows, variant, how, drift=drift_of(first, _answers(rows), measure))
        for (variant, rows, how) in seen
    )


def variant_outcomes(
    session: Session, served: Deployment, variants: Sequence[Variant], window: Window
) -> tuple[registry.Array, ...]:
    """Return the outcomes of each variant's labelled rows, by the rollout's metric."""
    found = []
    for _, rows, how in _seen(session, served, variants, window):
        answered = _answered(_labelled(rows), how)
        found.append(
            outcomes(answered, how.metric, how.costs) if len(answered.actual) else np.array([])
        )
    return tuple(found)


def _seen(
    session: Session, served: Deployment, variants: Sequence[Variant], window: Window
) -> list[tuple[Variant, pa.Table, _Judged]]:
    with session.begin(write=False) as scope:
        found = charter.find_charter(scope)
        costs = found.costs if found else None
        judged = [_judged(scope, served, variant, costs) for variant in variants]
    amounts = registry.amount_columns(costs)
    columns = ["id", "model_ref", "latency_us", "error"]
    columns += [OUTPUT + name for name in _ANSWERS] + [FEATURE + name for name in amounts]
    table = read_predictions(session, served.name, window.since, window.until, columns=columns)
    if (labels := window.labels) is not None:
        # A lookup and not a join: Arrow joins no tables with lists (of probabilities) in them.
        place = pc.index_in(table["id"], value_set=labels[PREDICTION_ID].combine_chunks())
        table = table.append_column(LABEL, labels[LABEL].take(place))
    return [
        (variant, table.filter(pc.equal(table["model_ref"], str(variant.model))), how)
        for variant, how in zip(variants, judged, strict=True)
    ]


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


def _stats(
    rows: pa.Table, variant: Variant, judged: _Judged, *, drift: float | None
) -> VariantStats:
    good = rows.filter(pc.equal(rows["error"], ""))
    latency = np.asarray(good["latency_us"].to_numpy())
    labelled = _labelled(rows)
    metric, cost = _score(labelled, judged) if len(labelled) else (None, None)
    p95, p99 = np.quantile(latency, _QUANTILES).tolist() if latency.size else (None, None)
    return VariantStats(
        role=variant.role,
        model=variant.model,
        requests=len(rows),
        errors=len(rows) - int(latency.size),
        p95_ms=None if p95 is None else p95 / 1000,
        p99_ms=None if p99 is None else p99 / 1000,
        labelled=len(labelled),
        metric=metric,
        cost=cost,
        drift=drift,
    )


def _labelled(rows: pa.Table) -> pa.Table:
    """Return the rows that were answered well and have a label."""
    good = rows.filter(pc.equal(rows["error"], ""))
    return good.filter(pc.is_valid(good[LABEL])) if LABEL in good.column_names else good.slice(0, 0)


def _answers(rows: pa.Table) -> registry.Array:
    """Return what was predicted: the probability of the second of two classes, else the answer."""
    good = rows.filter(pc.equal(rows["error"], ""))
    for name in ("probability", "prediction"):
        column = good[OUTPUT + name]
        if len(good) and not pa.types.is_null(column.type) and not pa.types.is_nested(column.type):
            return np.asarray(column.drop_null().to_numpy())
    return np.array([])


def _score(rows: pa.Table, judged: _Judged) -> tuple[float | None, float | None]:
    """Return the rollout's metric and the charter's cost of the mean case."""
    answered, cost = _answered(rows, judged), None
    if judged.costs is not None:
        found = registry.case_costs(answered, judged.costs)
        cost = float(np.mean(found)) if found is not None else None
    if not judged.metric:
        return None, cost
    if judged.metric == REWARD:
        return float(np.mean(outcomes(answered, REWARD, None))), cost
    return registry.score(answered, judged.costs).get(judged.metric), cost


def _answered(rows: pa.Table, judged: _Judged) -> Answered:
    if not len(rows):
        return Answered(task=judged.task, classes=judged.classes, actual=np.array([]), answers={})
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
    return Answered(
        task=judged.task,
        classes=judged.classes,
        actual=_numpy(rows[LABEL]),
        answers=answers,
        amounts=amounts,
    )


def _numpy(column: pa.ChunkedArray) -> registry.Array:
    if pa.types.is_nested(column.type):
        return np.asarray(column.to_pylist(), dtype=np.float64)
    return np.asarray(column.to_numpy())
