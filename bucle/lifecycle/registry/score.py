"""Metrics of predictions against what came: plain numpy, so that judging needs no training library.

A metric that these rows can not give (an AUC of one class) is left out, never made up.  The
formulas are those of scikit-learn's user guide, section 3.4, against which they are tested;
`calibration_error` is the expected calibration error of Naeini, Cooper and Hauskrecht (2015).
"""

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry.columns import Array

# name -> whether more is better
METRICS: dict[str, bool] = {
    "accuracy": True,
    "auc": True,
    "average_precision": True,
    "brier": False,
    "calibration_error": False,
    "cost_per_case": False,
    "f1": True,
    "log_loss": False,
    "mae": False,
    "precision": True,
    "r2": True,
    "recall": True,
    "rmse": False,
}
_BINS = 10
_TINY = float(np.finfo(np.float64).eps)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with what a model said of them and what came."""

    task: str
    classes: tuple[str | int | bool, ...]
    actual: Array
    answers: Mapping[str, Array]
    amounts: Mapping[str, Array] = {}  # the columns that the charter's costs name

    def take(self, rows: Array) -> "Answered":
        """Return some of the rows."""
        return msgspec.structs.replace(
            self,
            actual=self.actual[rows],
            answers={name: column[rows] for name, column in self.answers.items()},
            amounts={name: column[rows] for name, column in self.amounts.items()},
        )


def score(rows: Answered, costs: ErrorCosts | None = None) -> dict[str, float]:
    """Return every metric that these rows can give."""
    if not len(rows.actual):
        return {}
    if rows.task == "regression":
        found = _regression(rows)
    elif rows.task == "classification":
        found = _classification(rows)
    else:
        return {}
    if costs is not None and (cost := _cost(rows, costs)) is not None:
        found["cost_per_case"] = cost
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def amount_columns(costs: ErrorCosts | None) -> tuple[str, ...]:
    """Return the columns that the costs of errors are read from."""
    if costs is None:
        return ()
    cells = (costs.false_positive, costs.false_negative, costs.true_positive, costs.true_negative)
    return tuple(dict.fromkeys(cell.removeprefix("-") for cell in cells if isinstance(cell, str)))


def _regression(rows: Answered) -> dict[str, float]:
    actual = rows.actual.astype(np.float64)
    errors = rows.answers["prediction"].astype(np.float64) - actual
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return {
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "r2": 1 - float(np.sum(errors**2)) / spread if spread else math.nan,
    }


def _classification(rows: Answered) -> dict[str, float]:
    said, came = _codes(rows.answers["prediction"], rows.classes), _codes(rows.actual, rows.classes)
    if (strange := np.flatnonzero(came < 0)).size:
        raise Invalid(
            f"the target holds {rows.actual[strange[0]]!r}, which is no class of the model",
            hint=f"its classes are {', '.join(map(repr, rows.classes))}",
        )
    count = len(rows.classes)
    found = {"accuracy": float((said == came).mean())}
    # Of two classes the second is the positive one; of more, the plain mean over classes.
    asked = [1] if count == 2 else list(range(count))  # noqa: PLR2004 - a binary classifier
    parts = np.array([_precision_recall(said == code, came == code) for code in asked])
    found |= dict(zip(("precision", "recall", "f1"), parts.mean(axis=0).tolist(), strict=True))
    if "probability" in rows.answers:
        found |= _probabilistic(rows.answers["probability"], came, count)
    return found


def _codes(values: Array, classes: tuple[str | int | bool, ...]) -> Array:
    place = {label: code for code, label in enumerate(classes)}
    return np.array([place.get(value, -1) for value in values.tolist()])


def _precision_recall(said: Array, came: Array) -> tuple[float, float, float]:
    """Return precision, recall and F1; 0 where nothing was said or came, as scikit-learn does."""
    hits = float(np.count_nonzero(said & came))
    precision = hits / max(int(np.count_nonzero(said)), 1)
    recall = hits / max(int(np.count_nonzero(came)), 1)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _probabilistic(probability: Array, came: Array, count: int) -> dict[str, float]:
    matrix = (
        probability if probability.ndim > 1 else np.column_stack([1 - probability, probability])
    )
    chosen = matrix[np.arange(len(came)), came]
    found = {"log_loss": float(-np.log(np.clip(chosen, _TINY, 1.0)).mean())}
    # Of two classes: is the second as frequent as is said?  Of more: is the likeliest?
    likely = matrix.argmax(axis=1)
    said = matrix[:, 1] if count == 2 else matrix[np.arange(len(came)), likely]  # noqa: PLR2004
    right = came == 1 if count == 2 else came == likely  # noqa: PLR2004 - a binary classifier
    found["calibration_error"] = _calibration_error(said, right)
    if count == 2:  # noqa: PLR2004 - a binary classifier
        positive = came == 1
        found["auc"] = _auc(matrix[:, 1], positive)
        found["average_precision"] = _average_precision(matrix[:, 1], positive)
        found["brier"] = float(np.mean((matrix[:, 1] - positive) ** 2))
    return found


def _calibration_error(said: Array, came: Array) -> float:
    """Return the mean gap between what was said and how often it came, in ten equal bins.

    Bins are open below and closed above; each weighs as many rows as it holds.
    """
    bins = np.clip(np.ceil(said * _BINS).astype(int) - 1, 0, _BINS - 1)
    rows = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(
        np.bincount(bins, said, minlength=_BINS) - np.bincount(bins, came, minlength=_BINS)
    )
    return float(gaps.sum() / rows.sum())


def _auc(scores: Array, positive: Array) -> float:
    """Return the share of (positive, negative) pairs in the right order; ties count half."""
    hits, misses = np.count_nonzero(positive), np.count_nonzero(~positive)
    if not hits or not misses:
        return math.nan
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _average_precision(scores: Array, positive: Array) -> float:
    if not positive.any():
        return math.nan
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    precision, recall = hits[ends] / (ends + 1), hits[ends] / hits[-1]
    return float(np.sum(np.diff(np.append(0.0, recall)) * precision))


def case_costs(rows: Answered, costs: ErrorCosts) -> Array | None:
    """Return the charter's cost of each case; None if a named amount is not in the rows."""
    if rows.task == "regression":
        errors = rows.answers["prediction"].astype(np.float64) - rows.actual.astype(np.float64)
        over, under = np.clip(errors, 0, None), np.clip(-errors, 0, None)
        return costs.over * over + costs.under * under
    if len(rows.classes) != 2 or not set(amount_columns(costs)).issubset(rows.amounts):  # noqa: PLR2004
        return None
    said = _codes(rows.answers["prediction"], rows.classes) == 1
    came = _codes(rows.actual, rows.classes) == 1
    cells = (
        (said & ~came, costs.false_positive),
        (~said & came, costs.false_negative),
        (said & came, costs.true_positive),
        (~said & ~came, costs.true_negative),
    )
    found = np.zeros(len(said))
    for cell, price in cells:
        found[cell] = _amount(rows, price)[cell]
    return found


def _cost(rows: Answered, costs: ErrorCosts) -> float | None:
    """Return the charter's cost of the mean case; None if a named amount is not in the rows."""
    found = case_costs(rows, costs)
    return None if found is None else float(np.mean(found))


def _amount(rows: Answered, price: float | str) -> Array:
    if isinstance(price, str):
        amounts = rows.amounts[price.removeprefix("-")].astype(np.float64)
        return -amounts if price.startswith("-") else amounts
    return np.full(len(rows.actual), price)
