"""Flavor `lightgbm`: a booster in LightGBM's own text, which holds trees and runs no code.

Taken are `lightgbm.Booster` and the estimators of `lightgbm.sklearn`; loading needs LightGBM and
not scikit-learn.
"""

from typing import Any

from bucle.base.errors import Invalid, NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.boosted import CLASSIFICATION, answers_from, matrix_of
from bucle.lifecycle.registry.records import Manifest

NAME = "lightgbm"
WEIGHTS = "weights.lightgbm.txt"
PACKAGES: tuple[str, ...] = ("lightgbm", "numpy")


def claims(model: Any) -> bool:  # noqa: ANN401 - any model
    """Tell whether a model is LightGBM's."""
    return type(model).__module__.partition(".")[0] == "lightgbm" and (
        hasattr(model, "booster_") or hasattr(model, "model_to_string")
    )


def is_estimator(model: Any) -> bool:  # noqa: ANN401 - any model of this library
    """Tell whether a model answers as scikit-learn's do, and not as a bare booster."""
    return not hasattr(model, "model_to_string")


def names_of(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - any model of this library
    """Return the names of the columns it was fitted on; empty if it was shown none."""
    names = tuple(_booster(model).feature_name())
    own = tuple(f"Column_{place}" for place in range(len(names)))
    return () if names == own else names


def task_of(model: Any) -> tuple[str, tuple[int, ...]]:  # noqa: ANN401 - a bare booster
    """Return the task of a bare booster by its objective, and its classes."""
    booster = _booster(model)
    objective = _objective(booster)
    if objective in {"binary", "multiclass", "multiclassova"}:
        return CLASSIFICATION, tuple(range(max(booster.num_model_per_iteration(), 2)))
    return ("other" if objective in {"lambdarank", "rank_xendcg"} else "regression"), ()


def dump(model: Any) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - any model of this library
    """Return a model's file: the trees up to the best iteration, if there is one."""
    return str(_booster(model).model_to_string()).encode(), {}


def load(weights: bytes, manifest: Manifest, threads: int) -> "LightGBMRunner":
    """Return the booster.

    Raises:
        Invalid: the file is no booster.
        NotInstalled: LightGBM is missing.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise NotInstalled(
            "this model needs a package that is not installed (lightgbm)",
            hint="pip install 'bucle[lightgbm]'",
        ) from error
    try:
        booster = lightgbm.Booster(model_str=weights.decode())
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise Invalid(f"{manifest.weights!r} is no model of LightGBM: {error}") from error
    return LightGBMRunner(booster, manifest, threads)


def runner_of(model: Any, manifest: Manifest) -> "LightGBMRunner":  # noqa: ANN401 - a bare booster
    """Return the model itself as a runner: what a package's answers must equal."""
    return LightGBMRunner(_booster(model), manifest, 1)


class LightGBMRunner:
    """A booster in this process."""

    def __init__(self, booster: Any, manifest: Manifest, threads: int) -> None:  # noqa: ANN401 - untyped
        self.booster = booster
        self._threads = threads
        self._task, self._classes = manifest.task, manifest.classes

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict; `prediction` and, of a classifier, `probability`."""
        scores = self.booster.predict(matrix_of(columns), num_threads=self._threads)
        return answers_from(scores, self._task, self._classes)

    def close(self) -> None:
        """Drop the booster."""
        self.booster = None


def _booster(model: Any) -> Any:  # noqa: ANN401 - lightgbm.Booster, untyped
    return model if hasattr(model, "model_to_string") else model.booster_


def _objective(booster: Any) -> str:  # noqa: ANN401 - lightgbm.Booster, untyped
    text = booster.model_to_string(num_iteration=1)
    lines = [line for line in text.splitlines() if line.startswith("objective=")]
    return lines[0].removeprefix("objective=").split()[0] if lines else ""
