"""Make a package of what nobody signed: a directory of MLflow's, or a single file of a model.

Only what can be read without running code is taken without further asking; what a model takes
has to be known from its file, since nobody here saw it being trained.
"""

import io
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.codec import canonical_json
from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, NotInstalled, Refused
from bucle.lifecycle.registry.catalog.mlmodel import MLMODEL, example_table, read_mlmodel
from bucle.lifecycle.registry.columns import Columns, columns_of
from bucle.lifecycle.registry.draft import outputs_of
from bucle.lifecycle.registry.flavors import FLAVORS, lightgbm, mlflow, onnx, xgboost
from bucle.lifecycle.registry.records import (
    EXAMPLE_FILE,
    Field,
    Manifest,
    PackageFile,
    Signature,
)

_EXAMPLES: dict[str, pa.Array] = {
    "float64": pa.array([0.0]),
    "int64": pa.array([0]),
    "bool": pa.array([False]),
    "string": pa.array([""]),
    "timestamp": pa.array([0], pa.timestamp("us")),
}
_KINDS = {"tensor(float)": "float64", "tensor(double)": "float64", "tensor(int64)": "int64",
          "tensor(int32)": "int64", "tensor(bool)": "bool", "tensor(string)": "string"}  # fmt: skip


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """A package that was made here."""

    manifest: bytes
    files: dict[str, bytes | Path]  # by digest


def draft_of(path: Path) -> Drafted:
    """Return a package of a directory or file.

    Raises:
        NotFound: it is no kind of model that is known.
        Invalid: what the model takes is not known.
        NotInstalled: the model needs a library that is not installed.
    """
    if (path / MLMODEL).is_file():
        return _of_mlflow(path)
    drafts = {".onnx": _of_graph, ".ubj": _of_booster, ".json": _of_booster, ".txt": _of_booster}
    draft = drafts.get(path.suffix) if path.is_file() else None
    if draft is None:
        raise NotFound(
            f"{path} holds no model",
            hint="name an exported folder, one of MLflow's, or a .onnx, .ubj, .json or .txt",
        )
    return draft(path)


def _of_mlflow(folder: Path) -> Drafted:
    said = read_mlmodel((folder / MLMODEL).read_bytes())
    weights = folder / said.weights
    if not said.weights or not weights.is_file():
        raise Refused(
            f"a model of the flavors {', '.join(said.flavors)} is not read here",
            hint="log it as sklearn with serialization_format='skops', xgboost, lightgbm or onnx",
        )
    if not weights.resolve().is_relative_to(folder.resolve()):
        raise Invalid(f"{MLMODEL} names {said.weights!r}, which is outside of its folder")
    manifest = Manifest(
        flavor=mlflow.NAME,
        task=said.task,
        signature=said.signature,
        weights=weights.name,
        options={"loader": said.loader, "flavors": ", ".join(said.flavors)},
        files={},
    )
    example = example_table((folder / said.example).read_bytes()) if said.example else None
    return _drafted(manifest, weights.read_bytes(), example)


def _of_booster(path: Path) -> Drafted:
    library = lightgbm if path.suffix == ".txt" else xgboost
    content = path.read_bytes()
    bare = Manifest(
        flavor=library.NAME,
        task="regression",
        signature=Signature(inputs=(), outputs=()),
        weights=library.WEIGHTS,
        files={},
    )
    booster = library.load(content, bare, 1).booster
    names = library.names_of(booster)
    if not names:
        raise Invalid(
            f"{path} does not name the columns that it takes",
            hint="train it on a data frame, or register it with an example: bucle.log_model(...)",
        )
    task, classes = library.task_of(booster)
    inputs = tuple(Field(name=name, type="float64", nullable=True) for name in names)
    manifest = msgspec.structs.replace(
        bare, task=task, classes=classes, signature=Signature(inputs=inputs, outputs=())
    )
    # Kept in the format that is read without guessing.
    weights = library.dump(booster)[0]
    return _drafted(_answering(manifest, weights), weights, None)


def _of_graph(path: Path) -> Drafted:
    try:
        import onnxruntime
    except ImportError as error:
        raise NotInstalled(
            "this model needs a package that is not installed (onnxruntime)",
            hint="pip install 'bucle[onnx]'",
        ) from error
    content = path.read_bytes()
    failures = onnx.runtime_errors()
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except failures as error:
        told = (str(error).strip().splitlines() or [""])[0][:200]
        raise Invalid(f"{path} is no ONNX graph that runs here: {told}") from error
    takes = [(one.name, one.type, list(one.shape or ())) for one in session.get_inputs()]
    feed, inputs = (
        "columns",
        tuple(Field(name=name, type=_KINDS.get(kind, "")) for name, kind, _ in takes),
    )
    only = takes[0]
    if len(takes) == 1 and len(only[2]) == 2 and isinstance(only[2][1], int) and only[2][1] > 1:  # noqa: PLR2004 - rows x columns
        kind = _KINDS.get(only[1], "")
        feed, inputs = "matrix", tuple(Field(name=f"x{at}", type=kind) for at in range(only[2][1]))
    if not all(field.type for field in inputs):
        told = ", ".join(f"{name}: {kind}{shape}" for name, kind, shape in takes)
        raise Invalid(
            f"{path} takes {told}, which are no columns",
            hint="register it with an example: bucle.log_model(...)",
        )
    outputs = [one.name for one in session.get_outputs()]
    manifest = Manifest(
        flavor="onnx",
        task="other",
        signature=Signature(inputs=inputs, outputs=(Field(name=outputs[0], type="float64"),)),
        weights=onnx.WEIGHTS,
        options={"element": "given", "feed": feed},
        files={},
    )
    return _drafted(_answering(manifest, content), content, None)


def _answering(manifest: Manifest, weights: bytes) -> Manifest:
    """Return the manifest with the outputs that the model gives of one row."""
    runner = FLAVORS[manifest.flavor].load(weights, manifest, 1)
    answers = runner.run(_row(manifest.signature.inputs))
    runner.close()
    signature = Signature(inputs=manifest.signature.inputs, outputs=outputs_of(answers))
    return msgspec.structs.replace(manifest, signature=signature)


def _row(inputs: tuple[Field, ...]) -> Columns:
    return {name: np.asarray(column) for name, column in
            columns_of(_example(inputs), inputs).items()}  # fmt: skip


def _example(inputs: tuple[Field, ...]) -> pa.Table:
    return pa.table({field.name: _EXAMPLES[field.type] for field in inputs})


def _drafted(manifest: Manifest, weights: bytes, example: pa.Table | None) -> Drafted:
    inputs = manifest.signature.inputs
    if not inputs:
        raise Invalid(
            "the model has no signature with named columns, so no row can be checked",
            hint="log it with signature=infer_signature(...)",
        )
    table = example if example is not None else _example(inputs)
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), sink, compression="zstd")
    contents = {manifest.weights: weights, EXAMPLE_FILE: sink.getvalue()}
    files: dict[str, bytes | Path] = {digest_bytes(each): each for each in contents.values()}
    listed = {
        name: PackageFile(digest=digest_bytes(each), size_bytes=len(each))
        for name, each in contents.items()
    }
    made = msgspec.structs.replace(manifest, files=listed)
    return Drafted(manifest=canonical_json(made), files=files)
