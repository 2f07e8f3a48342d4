"""What the flavors of gradient boosting share: raw scores of rows become predictions."""

import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.records import BOOLEAN, FLOAT, INTEGER, Field

CLASSIFICATION = "classification"
Classes = tuple[str | int | bool, ...]


def answers_from(scores: Array, task: str, classes: Classes) -> dict[str, Array]:
    """Return `prediction`, and `probability` of a classifier, from what the trees say.

    Args:
        scores: of a classifier P(second class) of two, or rows x classes; else values.
        task: what the model is for.
        classes: in the order of the scores.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if task != CLASSIFICATION:
        return {"prediction": scores.ravel() if scores.shape[-1:] == (1,) else scores}
    chosen = scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0.5).astype(int)  # noqa: PLR2004 - the likelier of two
    names = np.asarray(classes)
    names = names.astype(object) if names.dtype.kind in "UT" else names
    return {"prediction": names[chosen], "probability": scores}


def matrix_of(columns: Columns) -> Array:
    """Return rows x columns of numbers; NaN where a value is missing."""
    return np.column_stack([column.astype(np.float64, copy=False) for column in columns.values()])


def check_numbers(inputs: tuple[Field, ...], what: str) -> None:
    """Refuse inputs that are no numbers.

    Raises:
        Invalid: one is text or a time, which only a data frame with categories could carry.
    """
    odd = [field for field in inputs if field.type not in {FLOAT, INTEGER, BOOLEAN}]
    if odd:
        raise Invalid(
            f"the column {odd[0].name!r} of a {what} model is {odd[0].type}; numbers are taken",
            hint="encode categories as numbers before fitting",
        )
