"""What a model's own library says each column adds: exact, and without asking the model again.

Nothing is believed: `explain.py` takes these only where they add up to what the model answers.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.explain.records import Parts
from bucle.lifecycle.registry.flavors import native
from bucle.lifecycle.registry.flavors.boosted import matrix_of
from bucle.lifecycle.registry.flavors.lightgbm import LightGBMRunner
from bucle.lifecycle.registry.flavors.linear import LinearRunner
from bucle.lifecycle.registry.flavors.skops import SkopsRunner
from bucle.lifecycle.registry.flavors.xgboost import XGBoostRunner
from bucle.lifecycle.registry.predictor import Runner

_CUBE = 3


@runtime_checkable
class _Additive(Protocol):
    """A model that is a sum of what each column says by itself, before its link function."""

    def sums(self, columns: Columns) -> Array:
        """Return the sums: per row, or rows x classes."""
        ...


def own_parts(runner: Runner, columns: Columns, reference: Columns) -> tuple[str, Parts] | None:
    """Return the method and what the library says; None: it says nothing of this model."""
    if isinstance(runner, LinearRunner):
        return "linear", _additive(runner, columns, reference)
    found: Array | None = None
    if isinstance(runner, XGBoostRunner):
        found = _xgboost(runner, columns)
    elif isinstance(runner, LightGBMRunner):
        found = _lightgbm(runner, columns)
    elif isinstance(runner, SkopsRunner):
        found = _trees_of_sklearn(runner.model, columns)
    if found is None:
        return None
    return "trees", Parts(base=found[:, :, -1], contributions=found[:, :, :-1])


def _additive(runner: _Additive, columns: Columns, reference: Columns) -> Parts:
    """Return what each column adds, less what it adds on average: one column changes at a time."""
    names = tuple(columns)
    rows, known = len(columns[names[0]]), len(reference[names[0]])
    first = {name: reference[name][:1] for name in names}

    def alone(name: str, values: Array) -> Array:
        mixed = {other: np.repeat(first[other], len(values)) for other in names}
        return _classes(runner.sums({**mixed, name: values}))

    start = _classes(runner.sums(first))
    shifts = [alone(name, np.asarray(reference[name])).mean(axis=0) - start[0] for name in names]
    added = [
        alone(name, columns[name]) - start - shift
        for name, shift in zip(names, shifts, strict=True)
    ]
    base = start[0] + np.sum(shifts, axis=0)
    return Parts(
        base=np.repeat(base[None, :], rows, axis=0),
        contributions=np.stack(added, axis=2),
        calls=len(names) * (rows + known) + 1,
    )


def _classes(sums: Array) -> Array:
    """Return rows x classes of sums; of two classes the library has one."""
    return sums.reshape(len(sums), -1)


def _xgboost(runner: XGBoostRunner, columns: Columns) -> Array | None:
    import xgboost

    rows = xgboost.DMatrix(matrix_of(columns))
    try:
        found = runner.booster.predict(
            rows,
            pred_contribs=True,
            iteration_range=runner.iterations,
            validate_features=False,
            strict_shape=True,
        )
    except xgboost.core.XGBoostError:  # a booster that can not say
        return None
    return np.asarray(found, dtype=np.float64)


def _lightgbm(runner: LightGBMRunner, columns: Columns) -> Array | None:
    import lightgbm

    matrix = matrix_of(columns)
    try:
        found = runner.booster.predict(matrix, pred_contrib=True, num_threads=1)
    except lightgbm.basic.LightGBMError:  # linear trees can not say
        return None
    return np.asarray(found, dtype=np.float64).reshape(len(matrix), -1, matrix.shape[1] + 1)


def _trees_of_sklearn(model: Any, columns: Columns) -> Array | None:  # noqa: ANN401 - any estimator
    """Return what shap's TreeExplainer says; None: it is not installed, or knows no such model."""
    if hasattr(model, "steps"):  # what columns become on their way is not what was sent
        return None
    try:
        import shap  # type: ignore[import-untyped]
    except ImportError:
        return None
    rows = native.frame_of(columns) if native.takes_names(model) else native.matrix_of(columns)
    try:
        explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
        found = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=np.float64)
    except (
        AssertionError, AttributeError, KeyError, NotImplementedError, TypeError, ValueError,
        shap.utils._exceptions.InvalidModelError,  # noqa: SLF001 - it is named nowhere else
    ):  # fmt: skip
        return None
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    # Rows x columns x classes, or rows x columns of the only sum there is.
    found = found.transpose(0, 2, 1) if found.ndim == _CUBE else found[:, None, :]
    if found.shape[1] != len(base):
        return None
    bases = np.broadcast_to(base[None, :, None], (len(found), len(base), 1))
    return np.concatenate([found, bases], axis=2)
