"""What is asked of an explanation, and what it says."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np

from bucle.lifecycle.registry.columns import Array, Columns

# A model on checked columns: `prediction` and, of most classifiers, `probability`.
Ask: TypeAlias = Callable[[Columns], dict[str, Array]]
Class: TypeAlias = str | int | bool | None

# The spaces in which contributions add up to the output.
PREDICTION, PROBABILITY, CHOICE = "prediction", "probability", "choice"
LOG_ODDS, MARGIN, LOGARITHM = "log-odds", "margin before softmax", "logarithm of the prediction"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be explained, and for how much work."""

    of: Class = None  # None: the second class of two, else the one that each row is predicted to be
    calls: int = 20_000  # rows that the model may be asked for
    seed: int = 0  # the same request has the same answer


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What columns add, for every class: rows x classes, and rows x classes x columns."""

    base: Array
    contributions: Array
    errors: Array | None = None  # standard errors; None: the contributions are exact
    calls: int = 0  # rows that the model was asked for

    @property
    def sums(self) -> Array:
        """What base and contributions add up to, rows x classes."""
        found: Array = self.base + self.contributions.sum(axis=2)
        return found


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What each column adds to each row's output; they add up to it exactly."""

    method: str  # trees, linear, exact or sampled
    space: str  # in which they add up
    names: tuple[str, ...]
    classes: tuple[Class, ...]  # of each row; None: the model has none
    base: Array  # of each row: the mean output of the reference
    outputs: Array  # of each row
    contributions: Array  # rows x columns
    errors: Array | None = None  # rows x columns, standard errors; None: they are exact
    reference_rows: int = 0  # 0: what the model itself was trained on
    calls: int = 0


def scores_of(answers: dict[str, Array], classes: tuple[Class, ...]) -> Array | None:
    """Return what a model says as numbers, rows x classes; None: it says no numbers.

    Of a classifier the probability of every class; without one, 1.0 for the class it chose.
    """
    found, probability = answers["prediction"], answers.get("probability")
    if probability is not None:
        one = probability.ndim == 1
        return np.column_stack([1.0 - probability, probability]) if one else probability
    if classes:
        chosen = found.tolist()
        return np.array([[float(value == name) for name in classes] for value in chosen])
    if found.ndim != 1 or found.dtype.kind not in "fiub":
        return None
    return found.astype(np.float64).reshape(-1, 1)
