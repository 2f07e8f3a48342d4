"""Open a model from a folder: a package of ours, or a directory that MLflow wrote.

Needs no installation: no database, no blob store, no home.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bucle.base.codec import decode
from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, NotInstalled, Refused, Unavailable
from bucle.governance.keys import verify
from bucle.lifecycle.registry.catalog.mlmodel import MLMODEL, MlModel, read_mlmodel
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors import FLAVORS
from bucle.lifecycle.registry.flavors.mlflow import NAME as ELSEWHERE
from bucle.lifecycle.registry.flavors.native import frame_of, plain
from bucle.lifecycle.registry.load import FORMAT, Pickles, require_allowed, statement
from bucle.lifecycle.registry.predictor import Predictor
from bucle.lifecycle.registry.records import MANIFEST_FILE, Manifest

SIGNATURE_FILE = "bucle-model.sig"  # beside a manifest: the signature of its digest, hexadecimal


def open_folder(folder: Path, *, pickles: Pickles = "asked", public_hex: str = "") -> Predictor:
    """Return the model in a folder.

    Args:
        folder: a package (`bucle-model.json` and its files), or what MLflow saved (`MLmodel`).
        pickles: whether a model that runs code where it is loaded may.
        public_hex: a package must be signed by this key; "": whoever has the folder trusts it.

    Raises:
        NotFound: there is no model in it.
        Refused: a file was changed, the signature is not this key's, or the policy says no.
        NotInstalled: the model needs a library that is not installed.
    """
    if (folder / MANIFEST_FILE).is_file():
        return _open_package(folder, pickles, public_hex)
    if (folder / MLMODEL).is_file():
        if public_hex:
            raise Refused(
                f"{folder} is a directory of MLflow's, which nobody signed",
                hint="register it, or open it without a key",
            )
        return _open_mlflow(folder, pickles)
    raise NotFound(
        f"{folder} holds no model", hint=f"a folder with {MANIFEST_FILE} or {MLMODEL} is one"
    )


def _open_package(folder: Path, pickles: Pickles, public_hex: str) -> Predictor:
    content = _read(folder / MANIFEST_FILE)
    digest = digest_bytes(content)
    if public_hex and not verify(public_hex, statement(digest), _signature(folder)):
        raise Refused(
            f"the package in {folder} is not signed by the key {public_hex[:12]}",
            hint=f"put its signature into {folder / SIGNATURE_FILE}",
        )
    manifest = decode(content, Manifest)
    if manifest.format != FORMAT or manifest.flavor not in FLAVORS:
        raise Refused(
            f"the package in {folder} has format {manifest.format} and flavor "
            f"{manifest.flavor!r}, which this release does not know",
            hint="pip install --upgrade bucle",
        )
    require_allowed(manifest, pickles)
    weights = b""
    for name, file in manifest.files.items():
        found = _read(folder / _plain_name(name))
        if digest_bytes(found) != file.digest:
            raise Refused(
                f"the file {name!r} of the package was changed after it was packed",
                hint="download it again",
            )
        weights = found if name == manifest.weights else weights
    runner = FLAVORS[manifest.flavor].load(weights, manifest, 1)
    return Predictor(digest, manifest, runner)


def _open_mlflow(folder: Path, pickles: Pickles) -> Predictor:
    content = _read(folder / MLMODEL)
    said = read_mlmodel(content)
    manifest = Manifest(
        flavor=ELSEWHERE,
        task=said.task,
        signature=said.signature,
        weights=said.weights,
        options={"loader": said.loader, "flavors": ", ".join(said.flavors)},
        files={},
    )
    if said.loader:
        require_allowed(manifest, pickles)
        weights = _read(_weights_of(folder, said))
        return Predictor(
            digest_bytes(content), manifest, FLAVORS[ELSEWHERE].load(weights, manifest, 1)
        )
    return _open_pyfunc(folder, manifest, pickles)


def _open_pyfunc(folder: Path, manifest: Manifest, pickles: Pickles) -> Predictor:
    """Return any other model of MLflow's, run by MLflow itself where the policy takes any."""
    if pickles != "any":
        raise Refused(
            f"a model of the flavors {manifest.options['flavors']} runs code where it is loaded",
            hint="set BUCLE_PICKLES=any, if you trust whoever made it",
        )
    if not manifest.signature.inputs:
        raise Refused(
            "this MLflow model has no signature with named columns, so no row can be checked",
            hint="log it with signature=infer_signature(...)",
        )
    runner = PyfuncRunner(_mlflow().load_model(str(folder)))
    return Predictor(digest_bytes(_read(folder / MLMODEL)), manifest, runner)


class PyfuncRunner:
    """A model that MLflow loaded."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - mlflow.pyfunc.PyFuncModel, untyped
        self._model = model

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict with a data frame; `prediction`, or the columns that the model gives."""
        said = self._model.predict(frame_of(columns))
        if hasattr(said, "columns"):
            found = {str(name): plain(said[name].to_numpy()) for name in said.columns}
            only = next(iter(found.values()))
            return found if "prediction" in found or len(found) > 1 else {"prediction": only}
        return {"prediction": plain(np.asarray(said))}

    def close(self) -> None:
        """Drop the model."""
        self._model = None


def _weights_of(folder: Path, said: MlModel) -> Path:
    path = folder / said.weights
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Invalid(f"{MLMODEL} names {said.weights!r}, which is outside of its folder")
    return path


def _plain_name(name: str) -> str:
    if Path(name).name != name:
        raise Invalid(f"a package has no file {name!r}: its files lie side by side")
    return name


def _signature(folder: Path) -> str:
    path = folder / SIGNATURE_FILE
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Refused(
            f"the file {path.name!r} of the model is missing", hint=f"it should be {path}"
        ) from error
    except OSError as error:
        raise Unavailable(f"{path} can not be read: {error.strerror}") from error


def _mlflow() -> ModuleType:
    try:
        return importlib.import_module("mlflow.pyfunc")
    except ImportError as error:
        raise NotInstalled(
            "this model needs a package that is not installed (mlflow)", hint="pip install mlflow"
        ) from error
