"""Run a scikit-learn model itself, on checked columns: what a package's answers must equal."""

from typing import Any

import numpy as np

from bucle.base.errors import NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.onnx import probability


def takes_names(model: Any) -> bool:  # noqa: ANN401 - any scikit-learn estimator
    """Tell whether the model was fitted on a frame, and wants one again."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return False
    # LightGBM makes names up where it was shown none.
    return [str(name) for name in names] != [f"Column_{place}" for place in range(len(names))]


def selects_by_name(model: Any) -> bool:  # noqa: ANN401 - any scikit-learn estimator
    """Tell whether some part of the model picks columns by their names."""
    steps = [model, *(step for _, step in getattr(model, "steps", ()))]
    inner = [getattr(step, "estimator", None) or getattr(step, "regressor", None) for step in steps]
    inner = [part for part in inner if part is not None and part is not model]
    return any(hasattr(step, "transformers") for step in steps) or any(
        selects_by_name(part) for part in inner
    )


def run_model(model: Any, columns: Columns) -> dict[str, Array]:  # noqa: ANN401 - any estimator
    """Predict with the model itself: `prediction` and, where it has one, `probability`."""
    features = frame_of(columns) if takes_names(model) else matrix_of(columns)
    answers: dict[str, Array] = {"prediction": plain(model.predict(features))}
    if hasattr(model, "classes_") and hasattr(model, "predict_proba"):
        answers["probability"] = probability(model.predict_proba(features))
    return answers


def matrix_of(columns: Columns) -> Array:
    """Return rows x columns, of numbers where all columns are numbers."""
    parts = list(columns.values())
    if any(part.dtype.kind == "O" for part in parts):
        return np.column_stack([part.astype(object) for part in parts])
    return np.column_stack(parts).astype(np.float64, copy=False)


def frame_of(columns: Columns) -> Any:  # noqa: ANN401 - a pandas DataFrame
    """Return a pandas frame of the columns.

    Raises:
        NotInstalled: pandas is missing.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise NotInstalled(
            "this model was fitted on named columns and needs a package that is not installed "
            "(pandas)",
            hint="pip install 'bucle[pandas]'",
        ) from error
    return pd.DataFrame(dict(columns))


def plain(answers: Any) -> Array:  # noqa: ANN401 - whatever a model's predict returns
    """Return predictions as one numpy column of a plain type."""
    column = np.asarray(answers)
    if column.ndim > 1 and column.shape[-1] == 1:
        column = column.reshape(-1)
    if column.dtype.kind == "f":
        return column.astype(np.float64, copy=False)
    if column.dtype.kind in "iu":
        return column.astype(np.int64, copy=False)
    return column.astype(object) if column.dtype.kind in "UT" else column


def use_threads(model: Any, threads: int) -> None:  # noqa: ANN401 - any scikit-learn estimator
    """Let a loaded model use so many threads: one row is no work to spread over a machine."""
    jobs = [name for name in model.get_params(deep=True) if name.rpartition("__")[2] == "n_jobs"]
    model.set_params(**dict.fromkeys(jobs, threads))
