"""Flavor `xgboost`: a booster in XGBoost's own UBJSON, which holds trees and runs no code.

Taken are `xgboost.Booster` and the estimators of `xgboost.sklearn`; loading needs XGBoost and not
scikit-learn.
"""

import json
from typing import Any

from bucle.base.errors import Invalid, NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.boosted import CLASSIFICATION, answers_from, matrix_of
from bucle.lifecycle.registry.records import Manifest

NAME = "xgboost"
WEIGHTS = "weights.ubj"
PACKAGES: tuple[str, ...] = (
    "xgboost",
    "xgboost-cpu",
    "numpy",
)  # of the two that hold it, one is installed
_BEST = "best_iteration"


def claims(model: Any) -> bool:  # noqa: ANN401 - any model
    """Tell whether a model is XGBoost's."""
    return type(model).__module__.partition(".")[0] == "xgboost" and (
        hasattr(model, "get_booster") or hasattr(model, "save_raw")
    )


def is_estimator(model: Any) -> bool:  # noqa: ANN401 - any model of this library
    """Tell whether a model answers as scikit-learn's do, and not as a bare booster."""
    return hasattr(model, "get_booster")


def names_of(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - any model of this library
    """Return the names of the columns it was fitted on; empty if it was shown none."""
    return tuple(_booster(model).feature_names or ())


def task_of(model: Any) -> tuple[str, tuple[int, ...]]:  # noqa: ANN401 - a bare booster
    """Return the task of a bare booster by its objective, and its classes."""
    learner = json.loads(_booster(model).save_config())["learner"]
    objective = str(learner["objective"]["name"])
    if objective.startswith(("binary:", "multi:")):
        count = max(int(learner["learner_model_param"]["num_class"]), 2)
        return CLASSIFICATION, tuple(range(count))
    return ("other" if objective.startswith("rank:") else "regression"), ()


def dump(model: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - any model of this library
    """Return a model's file, and what else is needed to run it."""
    booster = _booster(model)
    best = booster.attr(_BEST)
    options = {"iterations": str(int(best) + 1)} if best is not None else {}
    return bytes(booster.save_raw("ubj")), options


def load(weights: bytes, manifest: Manifest, threads: int) -> "XGBoostRunner":
    """Return the booster.

    Raises:
        Invalid: the file is no booster.
        NotInstalled: XGBoost is missing.
    """
    try:
        import xgboost
    except ImportError as error:
        raise NotInstalled(
            "this model needs a package that is not installed (xgboost)",
            hint="pip install 'bucle[xgboost]'",
        ) from error
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(weights))
    except xgboost.core.XGBoostError as error:
        first = str(error).strip().splitlines()[0][:200]
        raise Invalid(f"{manifest.weights!r} is no model of XGBoost: {first}") from error
    booster.set_param({"nthread": threads})
    return XGBoostRunner(booster, manifest, threads)


def runner_of(model: Any, manifest: Manifest) -> "XGBoostRunner":  # noqa: ANN401 - a bare booster
    """Return the model itself as a runner: what a package's answers must equal."""
    return XGBoostRunner(_booster(model), manifest, 1)


class XGBoostRunner:
    """A booster in this process."""

    def __init__(self, booster: Any, manifest: Manifest, threads: int) -> None:  # noqa: ANN401 - untyped
        self.booster = booster
        self._threads = threads
        self._task, self._classes = manifest.task, manifest.classes
        self.iterations = (0, int(manifest.options.get("iterations", "0")))

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict; `prediction` and, of a classifier, `probability`."""
        import xgboost

        rows = xgboost.DMatrix(matrix_of(columns), nthread=self._threads)
        scores = self.booster.predict(
            rows, iteration_range=self.iterations, validate_features=False, strict_shape=False
        )
        return answers_from(scores, self._task, self._classes)

    def close(self) -> None:
        """Drop the booster."""
        self.booster = None


def _booster(model: Any) -> Any:  # noqa: ANN401 - xgboost.Booster, untyped
    return model.get_booster() if hasattr(model, "get_booster") else model
