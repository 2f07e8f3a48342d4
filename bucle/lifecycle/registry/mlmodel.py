"""Write the `MLmodel` file of a package, which makes its folder a model that MLflow loads.

What scikit-learn made and skops keeps, MLflow 3 loads by itself; all else it loads through
`pyfunc.py` beside this file, so `bucle` has to be installed there.
"""

import json
from importlib import metadata
from typing import Any

from bucle.base.codec import canonical_json
from bucle.lifecycle.registry.flavors import skops
from bucle.lifecycle.registry.records import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    MATRIX,
    MOMENT,
    TEXT,
    Field,
    Manifest,
)

MLMODEL_FILE = "MLmodel"
_LOADER = "bucle.lifecycle.registry.pyfunc"
_SKOPS = "skops"
_TYPES = {
    FLOAT: "double",
    INTEGER: "long",
    BOOLEAN: "boolean",
    TEXT: "string",
    MOMENT: "datetime",
}


def mlmodel_of(manifest: Manifest, weights: bytes, *, python: str) -> bytes:
    """Return the file: JSON, which is YAML, without a time, so that an equal model gives it again.

    Args:
        manifest: of the package; which files it has is not looked at.
        weights: what the flavor loads.
        python: the version that packed it.
    """
    flavors: dict[str, Any] = {"python_function": {"loader_module": _LOADER}}
    if manifest.flavor == _SKOPS:
        flavors = {
            "python_function": {
                "loader_module": "mlflow.sklearn",
                "model_path": manifest.weights,
                "predict_fn": "predict",
            },
            "sklearn": {
                "code": None,
                "pickled_model": manifest.weights,
                "serialization_format": "skops",
                "skops_trusted_types": skops.types_to_trust(weights),
                "sklearn_version": metadata.version("scikit-learn"),
            },
        }
    flavors["python_function"]["python_version"] = python

    inputs = [_column(field) for field in manifest.signature.inputs]
    return canonical_json(
        {"flavors": flavors, "signature": {"inputs": json.dumps(inputs), "outputs": None}}
    )


def _column(field: Field) -> dict[str, object]:
    kind = {"type": "array", "items": {"type": "double"}} if field.type == MATRIX else None
    plain = {"type": _TYPES[field.type]} if kind is None else kind
    return {**plain, "name": field.name, "required": not field.nullable}
