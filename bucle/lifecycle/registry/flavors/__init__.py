"""Flavors: the formats in which weights are kept, the safest first.

`linear` is numbers that numpy adds up; `onnx` runs without the training library and can not
execute code; `xgboost` and `lightgbm` hold trees in their library's own format; `skops` holds
scikit-learn objects and builds only types on a list; `mlflow` is a directory of MLflow's, read
by one of these; `torch` is a network, of which PyTorch reads parts with pickle; `ensemble` holds
other packages; `python` is a pickle, and executes what is in it.
"""

from typing import Protocol

from bucle.base.errors import Refused
from bucle.lifecycle.registry.flavors import (
    ensemble,
    lightgbm,
    linear,
    mlflow,
    onnx,
    python,
    skops,
    torch,
    xgboost,
)
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import Manifest


class _Flavor(Protocol):
    """What every flavor's module offers."""

    def load(self, weights: bytes, manifest: Manifest, threads: int) -> Runner:
        """Return the model."""
        ...


class _Ensembles:
    """The flavor whose members are of all the others."""

    def load(self, weights: bytes, manifest: Manifest, threads: int) -> Runner:
        """Return the members of an ensemble, loaded."""

        def member(content: bytes, said: Manifest) -> Runner:
            if said.flavor not in FLAVORS:
                raise Refused(
                    f"a member of {manifest.weights!r} has flavor {said.flavor!r}, which this "
                    "release does not know",
                    hint="pip install --upgrade bucle",
                )
            if runs_code(said) and not runs_code(manifest):
                raise Refused(
                    f"a member of {manifest.weights!r} is of flavor {said.flavor}, which runs code "
                    "where it is loaded, and the package does not say so"
                )
            return FLAVORS[said.flavor].load(content, said, threads)

        return ensemble.load(weights, manifest, member)


FLAVORS: dict[str, _Flavor] = {
    "ensemble": _Ensembles(),
    "lightgbm": lightgbm,
    "linear": linear,
    "mlflow": mlflow,
    "onnx": onnx,
    "python": python,
    "skops": skops,
    "torch": torch,
    "xgboost": xgboost,
}


def runs_code(manifest: Manifest) -> bool:
    """Tell whether loading a package runs code that is in its weights."""
    options = manifest.options
    if manifest.flavor == torch.NAME:
        return options.get(torch.FORM) != torch.WEIGHTS
    if manifest.flavor == mlflow.NAME:
        return options.get("loader") == "python"
    if manifest.flavor == ensemble.NAME:
        return options.get(ensemble.CODE) == ensemble.HELD
    return manifest.flavor == "python"
