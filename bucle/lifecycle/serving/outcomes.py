"""The outcome of one row: what an A/B test and a bandit take the mean of.

A metric such as an AUC is of many rows together and has no such thing; these have.
"""

from collections.abc import Callable, Mapping

import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle import registry
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry import Answered, Array

REWARD = "reward"  # the label itself, where it says how well things went
# name -> whether more is better
OUTCOMES: Mapping[str, bool] = {
    "accuracy": True,
    "cost_per_case": False,
    "mae": False,
    REWARD: True,
}


def is_higher_better(metric: str) -> bool:
    """Tell whether more of a metric is better."""
    return OUTCOMES[metric] if metric in OUTCOMES else registry.METRICS[metric]


def outcomes(rows: Answered, metric: str, costs: ErrorCosts | None) -> Array:
    """Return the outcome of each row.

    Raises:
        Invalid: these rows have no such outcome.
    """
    found = _OUTCOMES[metric](rows, costs)
    if found is None:
        raise Invalid(
            f"the rows of a {rows.task} model have no {metric}",
            hint="the charter has no costs for it, or the labels are of another kind",
        )
    return found


def _accuracy(rows: Answered, _: ErrorCosts | None) -> Array | None:
    if rows.task != "classification":
        return None
    said = [_plain(value) for value in rows.answers["prediction"].tolist()]
    came = [_plain(value) for value in rows.actual.tolist()]
    return np.array([a == b for a, b in zip(said, came, strict=True)], dtype=np.float64)


def _plain(value: object) -> object:
    """Return a class so that 1, 1.0 and true are one, and so are they as texts."""
    if isinstance(value, bool | int | float):
        return float(value)
    text = str(value)
    try:
        return float({"true": "1", "false": "0"}.get(text.lower(), text))
    except ValueError:
        return text


def _mae(rows: Answered, _: ErrorCosts | None) -> Array | None:
    if rows.task != "regression":
        return None
    return np.abs(rows.answers["prediction"].astype(np.float64) - rows.actual.astype(np.float64))


def _cost(rows: Answered, costs: ErrorCosts | None) -> Array | None:
    return registry.case_costs(rows, costs) if costs is not None else None


def _reward(rows: Answered, _: ErrorCosts | None) -> Array | None:
    if rows.actual.dtype.kind not in "fiub":
        return None
    return rows.actual.astype(np.float64)


_OUTCOMES: Mapping[str, Callable[[Answered, ErrorCosts | None], Array | None]] = {
    "accuracy": _accuracy,
    "cost_per_case": _cost,
    "mae": _mae,
    REWARD: _reward,
}
