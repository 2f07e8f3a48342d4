"""Fold a scikit-learn pipeline that is linear from end to end into one sum.

    score = offset + sum of weight x number + sum of what each category adds

Scalers, projections, selections, imputers, one-hot and ordinal encoders, column transformers and
pipelines of these are covered, before any linear model.  Read from the fitted attributes that
scikit-learn documents; nothing of it is imported, and a class that only inherits from one of
these is not taken for it.  What comes out is compared with the model by whoever asked.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from bucle.lifecycle.registry.columns import Array
from bucle.lifecycle.registry.flavors.tensors import dump_tensors
from bucle.lifecycle.registry.records import BOOLEAN, FLOAT, INTEGER, TEXT, Field

_RAW = -1  # a feature that is no input as it came

_NUMBERS = frozenset(
    {"LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV",
     "Lars", "LarsCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "BayesianRidge",
     "ARDRegression", "HuberRegressor", "SGDRegressor", "LinearSVR", "QuantileRegressor",
     "OrthogonalMatchingPursuit", "PassiveAggressiveRegressor", "TheilSenRegressor"}
)  # fmt: skip
_POWERS = frozenset({"PoissonRegressor", "GammaRegressor"})
_LOGISTIC = frozenset({"LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"})
_CHOOSING = frozenset(
    {"RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "Perceptron",
     "PassiveAggressiveClassifier"}
)  # fmt: skip


class NotLinearError(Exception):
    """The model is no sum of its inputs; the message says at which part."""


class _Block:
    """Features as sums of the inputs: inputs x features, and what categories add."""

    def __init__(
        self, raw: list[int], weights: Array, offsets: Array, tables: Mapping[int, Array]
    ) -> None:
        self.raw = raw
        self.weights = weights
        self.offsets = offsets
        self.tables = tables

    def by(self, matrix: Array, offsets: Array | float = 0.0) -> "_Block":
        """Return other features: this block's times a matrix, plus offsets."""
        return _Block(
            [_RAW] * matrix.shape[1],
            self.weights @ matrix,
            self.offsets @ matrix + offsets,
            {place: table @ matrix for place, table in self.tables.items()},
        )

    def take(self, chosen: Sequence[int]) -> "_Block":
        """Return some of the features."""
        index = list(chosen)
        tables = {place: table[:, index] for place, table in self.tables.items()}
        raw = [self.raw[feature] for feature in index]
        return _Block(raw, self.weights[:, index], self.offsets[index], tables)


def fold(model: Any, inputs: Sequence[Field]) -> bytes:  # noqa: ANN401 - any scikit-learn estimator
    """Return the file of the flavor `linear` for a model.

    Raises:
        NotLinearError: some part of it is not covered; the message names it.
    """
    count = len(inputs)
    if odd := [field for field in inputs if field.type not in {FLOAT, INTEGER, BOOLEAN, TEXT}]:
        raise NotLinearError(f"the column {odd[0].name!r} is a {odd[0].type}")
    *before, last = _steps(model)
    folding = _Folding(inputs)
    block = _Block(list(range(count)), np.eye(count), np.zeros(count), {})
    for step in before:
        block = folding.apply(step, block)
    link, coefficients, intercepts = _last(last)
    if len(coefficients) != len(block.raw):
        raise NotLinearError(f"{_name(last)} takes {len(coefficients)} features")
    scores = block.by(coefficients, intercepts)
    if text := [
        place
        for place, field in enumerate(inputs)
        if field.type == TEXT and (place not in folding.categories or scores.weights[place].any())
    ]:
        raise NotLinearError(f"the text of {inputs[text[0]].name!r} is not encoded")
    return folding.file(scores, link)


class _Folding:
    """What is learnt of the inputs on the way: their fill-ins and their categories."""

    def __init__(self, inputs: Sequence[Field]) -> None:
        self._inputs = inputs
        self._fills: dict[int, float] = {}
        self._refuses: set[int] = set()
        self.categories: dict[int, list[object]] = {}
        self._known: dict[str, Callable[[Any, _Block], _Block]] = {
            "StandardScaler": _scaled,
            "RobustScaler": _scaled,
            "MinMaxScaler": _stretched,
            "MaxAbsScaler": _stretched,
            "PCA": _projected,
            "TruncatedSVD": _projected,
            "SimpleImputer": self._imputed,
            "OneHotEncoder": self._one_hot,
            "OrdinalEncoder": self._ordinal,
            "ColumnTransformer": self._side_by_side,
            "Pipeline": self._one_by_one,
        }

    def apply(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a fitted transformer
        """Return the features after a transformer."""
        if step is None or step == "passthrough":
            return block
        if step == "drop":
            return block.take([])
        if _name(step) == "FunctionTransformer" and step.func is None:
            return block  # what a column transformer makes of `passthrough`
        if not type(step).__module__.startswith("sklearn."):
            raise NotLinearError(f"{_name(step)} is not scikit-learn's")
        if _name(step) in self._known:
            return self._known[_name(step)](step, block)
        if hasattr(step, "get_support"):
            return block.take(np.flatnonzero(step.get_support()).tolist())
        raise NotLinearError(f"{_name(step)} is not folded into a sum")

    def file(self, scores: _Block, link: str) -> bytes:
        """Return the weights as a file; columns that nothing looks at have weight 0."""
        arrays: dict[str, Array] = {"weights": scores.weights, "offsets": scores.offsets}
        categories = {}
        for place, values in sorted(self.categories.items()):
            table = scores.tables.get(place)
            if table is None:
                table = np.zeros((len(values) + 1, len(scores.offsets)))
            known = place in self._refuses
            arrays[f"table.{place}"] = table[:-1] if known else table
            categories[str(place)] = values
            if scores.weights[place].any():
                raise NotLinearError(f"{self._inputs[place].name!r} is a category and a number")
        if self._fills:
            fills = np.full(len(self._inputs), np.nan)
            fills[list(self._fills)] = list(self._fills.values())
            arrays["fills"] = fills
        if not all(np.isfinite(array).all() for name, array in arrays.items() if name != "fills"):
            raise NotLinearError("a weight is no finite number")
        words = {"link": link} | ({"categories": json.dumps(categories)} if categories else {})
        return dump_tensors(arrays, words)

    def _one_by_one(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a pipeline
        for _, part in step.steps:
            block = self.apply(part, block)
        return block

    def _side_by_side(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a column transformer
        if getattr(step, "transformer_weights", None):
            raise NotLinearError("ColumnTransformer has weights")
        parts = []
        for name, part, _ in step.transformers_:
            chosen = step._transformer_to_input_indices[name]  # noqa: SLF001 - names resolved
            if len(chosen):
                parts.append(self.apply(part, block.take([int(place) for place in chosen])))
        return _beside(parts, len(self._inputs))

    def _imputed(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - an imputer
        is_nan = isinstance(step.missing_values, float) and math.isnan(step.missing_values)
        if not is_nan or step.add_indicator:
            raise NotLinearError("SimpleImputer looks for another value than NaN, or adds columns")
        for place, fill in zip(self._raw(step, block), step.statistics_, strict=True):
            if self._inputs[place].type == TEXT or not isinstance(fill, float | int | np.number):
                raise NotLinearError("SimpleImputer fills text in")
            value = float(fill)
            if math.isnan(value) or self._fills.setdefault(place, value) != value:
                raise NotLinearError(f"{self._inputs[place].name!r} is filled in two ways")
        return block

    def _one_hot(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - an encoder
        if any(found is not None for found in getattr(step, "infrequent_categories_", ())):
            raise NotLinearError("OneHotEncoder gathers rare categories")
        dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(step.categories_)
        codes = []
        for values, out in zip(step.categories_, dropped, strict=True):
            rows = np.eye(len(values) + 1, len(values))
            codes.append(rows if out is None else np.delete(rows, int(out), axis=1))
        return self._coded(step, block, codes, refuses=step.handle_unknown == "error")

    def _ordinal(self, step: Any, block: _Block) -> _Block:  # noqa: ANN401 - an encoder
        if any(found is not None for found in getattr(step, "infrequent_categories_", ())):
            raise NotLinearError("OrdinalEncoder gathers rare categories")
        refuses = step.handle_unknown == "error"
        other = 0.0 if refuses else float(step.unknown_value)
        if math.isnan(other):
            raise NotLinearError("OrdinalEncoder makes NaN of what it does not know")
        codes = [
            np.append(np.arange(len(values), dtype=np.float64), other)[:, None]
            for values in step.categories_
        ]
        return self._coded(step, block, codes, refuses=refuses)

    def _coded(
        self,
        step: Any,  # noqa: ANN401 - an encoder
        block: _Block,
        codes: Sequence[Array],
        *,
        refuses: bool,
    ) -> _Block:
        """Return the features of an encoder: for each column, categories + others x features."""
        parts = []
        for place, values, rows in zip(
            self._raw(step, block), step.categories_, codes, strict=True
        ):
            plain = np.asarray(values).tolist()
            if any(value is None or value != value for value in plain):  # noqa: PLR0124 - NaN
                raise NotLinearError(f"{_name(step)} has a category for missing values")
            if self.categories.setdefault(place, plain) != plain:
                raise NotLinearError(f"{self._inputs[place].name!r} is encoded in two ways")
            if refuses:
                self._refuses.add(place)
            width = rows.shape[1]
            nothing = np.zeros((len(self._inputs), width))
            parts.append(_Block([_RAW] * width, nothing, np.zeros(width), {place: rows}))
        return _beside(parts, len(self._inputs))

    def _raw(self, step: Any, block: _Block) -> list[int]:  # noqa: ANN401 - a fitted transformer
        if _RAW in block.raw:
            raise NotLinearError(f"{_name(step)} comes after another transformer")
        return block.raw


def _scaled(step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a scaler that centres, then divides
    centre = getattr(step, "center_", None)
    if _name(step) == "StandardScaler":
        centre = step.mean_ if step.with_mean else None
    scale = step.scale_ if step.scale_ is not None else np.ones(len(block.raw))
    centre = centre if centre is not None else np.zeros(len(block.raw))
    return block.by(np.diag(1.0 / scale), -centre / scale)


def _stretched(step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a scaler that multiplies, then adds
    if getattr(step, "clip", False):
        raise NotLinearError(f"{_name(step)} clips")
    if _name(step) == "MaxAbsScaler":
        return block.by(np.diag(1.0 / step.scale_))
    return block.by(np.diag(step.scale_), step.min_)


def _projected(step: Any, block: _Block) -> _Block:  # noqa: ANN401 - a projection
    if getattr(step, "whiten", False):
        raise NotLinearError("PCA whitens")
    matrix = step.components_.T
    centre = getattr(step, "mean_", None)
    return block.by(matrix, -(centre @ matrix) if centre is not None else 0.0)


def _beside(parts: Sequence[_Block], inputs: int) -> _Block:
    """Return the features of several blocks, one after the other."""
    if not parts:
        return _Block([], np.zeros((inputs, 0)), np.zeros(0), {})
    width = sum(len(part.raw) for part in parts)
    tables: dict[int, Array] = {}
    start = 0
    for part in parts:
        end = start + len(part.raw)
        for place, table in part.tables.items():
            whole = tables.setdefault(place, np.zeros((len(table), width)))
            whole[:, start:end] += table
        start = end
    return _Block(
        [place for part in parts for place in part.raw],
        np.hstack([part.weights for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        tables,
    )


def _steps(model: Any) -> list[Any]:  # noqa: ANN401 - any scikit-learn estimator
    """Return the transformers of a model and what predicts, searches and pipelines opened."""
    if type(model).__module__.startswith("sklearn.") and hasattr(model, "best_estimator_"):
        return _steps(model.best_estimator_)
    if _name(model) != "Pipeline":
        return [model]
    *before, (_, last) = model.steps
    return [*(step for _, step in before), *_steps(last)]


def _last(model: Any) -> tuple[str, Array, Array]:  # noqa: ANN401 - what predicts
    """Return the link, the coefficients (features x scores) and the intercepts."""
    name = _name(model)
    if not type(model).__module__.startswith("sklearn."):
        raise NotLinearError(f"{name} is not scikit-learn's")
    link = _link(model, name)
    coefficients = np.atleast_2d(np.asarray(model.coef_, np.float64)).T
    if link in {"identity", "exp"} and coefficients.shape[1] != 1:
        raise NotLinearError(f"{name} gives several numbers for a row")
    intercepts = np.broadcast_to(np.ravel(model.intercept_), (coefficients.shape[1],))
    return link, coefficients, intercepts.astype(np.float64)


def _link(model: Any, name: str) -> str:  # noqa: ANN401 - what predicts
    if name in _NUMBERS:
        return "identity"
    if name in _POWERS:
        return "exp"
    is_binary = len(getattr(model, "classes_", ())) == 2  # noqa: PLR2004 - the second or not
    if name in _CHOOSING or (name == "SGDClassifier" and not hasattr(model, "predict_proba")):
        return "sign" if is_binary else "argmax"
    if name in _LOGISTIC:
        each = getattr(model, "solver", "") == "liblinear"
        return "sigmoid" if is_binary else "each" if each else "softmax"
    if name == "SGDClassifier" and model.loss == "log_loss":
        return "sigmoid" if is_binary else "each"
    raise NotLinearError(f"{name} is no linear model")


def _name(step: Any) -> str:  # noqa: ANN401 - any part of a model
    return type(step).__name__
