"""Flavor `linear`: a linear model with everything before it folded in, answered by numpy alone.

What scalers, imputers and one-hot encoders do before a linear model is a part of the same sum
(`fold.py` adds it up), so a row costs one product of a few numbers: less than ONNX Runtime's own
overhead, without its memory.  Numbers lie in a file that can execute nothing (`tensors.py`).
"""

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.tensors import load_tensors
from bucle.lifecycle.registry.records import Field, Manifest

NAME = "linear"
WEIGHTS = "weights.linear.safetensors"
PACKAGES: tuple[str, ...] = ("numpy",)

LINKS = ("identity", "exp", "sign", "argmax", "sigmoid", "softmax", "each")
_LEAST = -700.0  # exp(700) is the last that double precision holds, near enough


def load(weights: bytes, manifest: Manifest, threads: int) -> "LinearRunner":
    """Return the model.

    Raises:
        Invalid: the file is no linear model of this signature.
    """
    del threads  # one product of a few numbers is no work to spread
    arrays, words = load_tensors(weights)
    try:
        return LinearRunner(manifest, arrays, words)
    except (KeyError, ValueError, TypeError) as error:
        raise Invalid(f"{manifest.weights!r} is no linear model: {error}") from error


class LinearRunner:
    """Scores by one product, one table look-up per category, and a link function."""

    def __init__(
        self, manifest: Manifest, arrays: Mapping[str, Array], words: Mapping[str, str]
    ) -> None:
        self._inputs = manifest.signature.inputs
        weights = np.array(arrays["weights"], np.float64)
        if len(weights) != len(self._inputs):
            raise ValueError(f"{len(weights)} rows of weights, {len(self._inputs)} inputs")
        self._one = weights.shape[1] == 1
        self._weights = weights[:, 0].copy() if self._one else weights
        offsets = np.array(arrays["offsets"], np.float64)
        self._offsets = float(offsets[0]) if self._one else offsets
        self._fills = np.array(arrays["fills"])[:, None] if "fills" in arrays else None
        self._tables = _tables(self._inputs, arrays, words, one=self._one)
        coded = {table.place for table in self._tables}
        self._numbers = [place for place in range(len(self._inputs)) if place not in coded]
        self._names = _names(manifest.classes)
        self._answer = self._links()[words["link"]]

    @property
    def takes_matrix(self) -> bool:
        """Whether `run_matrix` may be called: there is nothing but numbers."""
        return not self._tables

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict; `prediction` and, of a classifier that has one, `probability`."""
        parts = list(columns.values())
        if not self._tables:
            matrix = np.concatenate(parts, dtype=np.float64, casting="unsafe")
            return self.run_matrix(matrix.reshape(len(parts), -1))
        rows = len(parts[0])
        matrix = np.zeros((len(parts), rows))
        for place in self._numbers:
            matrix[place] = parts[place]
        scores = self._scores(matrix)
        for table in self._tables:
            scores = scores + table.look_up(parts[table.place].tolist())
        return self._answer(scores)

    def run_matrix(self, matrix: Array) -> dict[str, Array]:
        """Predict numbers that stand as inputs x rows, in the order of the signature."""
        return self._answer(self._scores(matrix))

    def close(self) -> None:
        """Drop the tables."""
        self._tables = []

    def _scores(self, matrix: Array) -> Array:
        """Return one score per row, or rows x classes."""
        if self._fills is not None:
            matrix = np.where(np.isnan(matrix), self._fills, matrix)
        scores: Array = self._weights @ matrix if self._one else matrix.T @ self._weights
        scores += self._offsets
        return scores

    def _links(self) -> dict[str, Callable[[Array], dict[str, Array]]]:
        return {
            "identity": lambda scores: {"prediction": scores},
            "exp": lambda scores: {"prediction": np.exp(scores)},
            "sign": lambda scores: {"prediction": self._names[(scores > 0).view(np.int8)]},
            "argmax": lambda scores: {"prediction": self._names[scores.argmax(axis=1)]},
            "sigmoid": self._sigmoid,
            "softmax": self._softmax,
            "each": self._each,
        }

    def _sigmoid(self, scores: Array) -> dict[str, Array]:
        chosen = self._names[(scores > 0).view(np.int8)]
        return {"prediction": chosen, "probability": _sigmoid(scores)}

    def _softmax(self, scores: Array) -> dict[str, Array]:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        powers /= powers.sum(axis=1, keepdims=True)
        return {"prediction": self._names[scores.argmax(axis=1)], "probability": powers}

    def _each(self, scores: Array) -> dict[str, Array]:
        """One against the rest, for each class: their probabilities, made to sum to 1."""
        found = _sigmoid(scores)
        found /= found.sum(axis=1, keepdims=True)
        return {"prediction": self._names[scores.argmax(axis=1)], "probability": found}


class _Table:
    """What each category of a column adds to the scores; the last row is of all others."""

    def __init__(self, place: int, field: Field, rows: Array, categories: Sequence[object]) -> None:
        self.place = place
        self._field = field
        self._rows = rows
        self._categories = categories
        self._refuses = len(rows) == len(categories)
        self._index = {value: number for number, value in enumerate(categories)}

    def look_up(self, values: Sequence[object]) -> Array:
        """Return what a column adds, row by row.

        Raises:
            Invalid: a value that the model was not fitted on, and takes for an error.
        """
        others = len(self._categories)
        index = [self._index.get(value, others) for value in values]
        if self._refuses and max(index) == others:
            raise Invalid(
                f"the column {self._field.name!r} holds {values[index.index(others)]!r}, which "
                "the model was not fitted on",
                hint=f"it takes {', '.join(map(str, self._categories[:20]))}",
            )
        found: Array = self._rows[index]
        return found


def _tables(
    inputs: Sequence[Field], arrays: Mapping[str, Array], words: Mapping[str, str], *, one: bool
) -> list[_Table]:
    made = []
    for name, categories in json.loads(words.get("categories", "{}")).items():
        rows = np.array(arrays[f"table.{name}"], np.float64)
        if len(rows) - len(categories) not in {0, 1}:
            raise ValueError(f"{len(rows)} rows for {len(categories)} categories")
        rows = rows[:, 0].copy() if one else rows
        made.append(_Table(int(name), inputs[int(name)], rows, categories))
    return made


def _names(classes: Sequence[object]) -> Array:
    """Return the classes as an array from which answers are picked."""
    if all(isinstance(name, str) for name in classes):
        return np.array(classes, dtype=object)
    return np.array(classes)


def _sigmoid(scores: Array) -> Array:
    """Return 1 / (1 + exp(-score)), exact where it is small, without an overflow."""
    found: Array = np.maximum(scores, _LEAST)
    np.negative(found, out=found)
    np.exp(found, out=found)
    found += 1.0
    return np.reciprocal(found, out=found)
