"""Flavors: the formats in which weights are kept, the safest first.

`linear` is numbers that numpy adds up; `onnx` runs without the training library and can not
execute code; `xgboost` and `lightgbm` hold
trees in their library's own format; `skops` holds scikit-learn objects and builds only types on a
list; `mlflow` is a directory of MLflow's, read by one of these; `python` is a pickle, and executes
what is in it.
"""

from typing import Protocol

from bucle.lifecycle.registry.flavors import lightgbm, linear, mlflow, onnx, python, skops, xgboost
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import Manifest


class _Flavor(Protocol):
    """What every flavor's module offers."""

    def load(self, weights: bytes, manifest: Manifest, threads: int) -> Runner:
        """Return the model."""
        ...


FLAVORS: dict[str, _Flavor] = {
    "lightgbm": lightgbm,
    "linear": linear,
    "mlflow": mlflow,
    "onnx": onnx,
    "python": python,
    "skops": skops,
    "xgboost": xgboost,
}
