"""Flavor `mlflow`: a directory that MLflow wrote, read without MLflow where a flavor of ours can.

`sklearn` kept by skops, `xgboost`, `lightgbm` and `onnx` are read; a pickle of `sklearn` only where
the installation's policy takes any (`load.py`), because nobody here said that it may run;
anything else is for `mlflow.pyfunc`.
"""

import msgspec

from bucle.base.errors import Refused
from bucle.lifecycle.registry.flavors import lightgbm, onnx, python, skops, xgboost
from bucle.lifecycle.registry.predictor import Runner
from bucle.lifecycle.registry.records import Manifest

NAME = "mlflow"


def load(weights: bytes, manifest: Manifest, threads: int) -> Runner:
    """Return the model.

    Raises:
        Refused: it is of a flavor that is not read here, or has no signature.
        NotInstalled: the library of its flavor is missing.
    """
    loader = manifest.options.get("loader", "")
    if not manifest.signature.inputs:
        raise Refused(
            "this MLflow model has no signature with named columns, so no row can be checked",
            hint="log it with signature=infer_signature(...), or load it with mlflow.pyfunc",
        )
    if loader == skops.__name__.rpartition(".")[2]:
        return skops.load(weights, manifest, threads)
    if loader == onnx.__name__.rpartition(".")[2]:
        return onnx.load(weights, manifest, threads)
    if loader == xgboost.NAME:
        booster = xgboost.load(weights, manifest, threads).booster
        task, classes = xgboost.task_of(booster)
        known = msgspec.structs.replace(manifest, task=task, classes=classes)
        return xgboost.XGBoostRunner(booster, known, threads)
    if loader == lightgbm.NAME:
        trees = lightgbm.load(weights, manifest, threads).booster
        task, classes = lightgbm.task_of(trees)
        known = msgspec.structs.replace(manifest, task=task, classes=classes)
        return lightgbm.LightGBMRunner(trees, known, threads)
    if loader == "python":  # whoever loads it has asked the policy
        return skops.SkopsRunner(python.load(weights, manifest, threads).model)
    raise Refused(
        f"a model of the flavors {manifest.options.get('flavors') or 'unknown'} is not read here",
        hint="load it with mlflow.pyfunc",
    )
