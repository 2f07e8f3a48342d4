"""What MLflow calls to load a package that its own flavors do not read (`mlflow.pyfunc`).

MLflow finds this module by the `loader_module` of the package's MLmodel file; nobody here does.
"""

from pathlib import Path
from typing import Any

import numpy as np

from bucle.base.codec import decode
from bucle.base.digest import digest_bytes
from bucle.base.errors import Refused
from bucle.lifecycle.registry.columns import Array
from bucle.lifecycle.registry.flavors import FLAVORS
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import MANIFEST_FILE, Manifest


def _load_pyfunc(path: str) -> "FolderModel":
    """Return the model in a folder; the name is the one that MLflow asks for.

    Raises:
        Refused: the weights are not those of the manifest.
    """
    folder = Path(path)
    manifest = decode((folder / MANIFEST_FILE).read_bytes(), Manifest)
    weights = (folder / manifest.weights).read_bytes()
    if digest_bytes(weights) != manifest.files[manifest.weights].digest:
        raise Refused(
            f"the file {manifest.weights!r} of the package was changed after it was packed",
            hint="download it again",
        )
    runner = FLAVORS[manifest.flavor].load(weights, manifest, 1)
    return FolderModel(Predictor(folder.name, manifest, runner))


class FolderModel:
    """A loaded package as MLflow's `pyfunc` takes it."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def predict(self, rows: Any, params: dict[str, Any] | None = None) -> Array:  # noqa: ANN401, ARG002 - a data frame or columns by name; MLflow's own signature
        """Return the prediction of every row."""
        names = [field.name for field in self._predictor.signature.inputs]
        columns = {name: np.asarray(rows[name]) for name in names}
        return self._predictor.predict(columns)["prediction"]
