"""Read an `MLmodel` file without `mlflow`: flavors, signature, input example.

The file is what MLflow writes beside a model (`mlflow/models/model.py` of its package).  What it
says and we have no word for is left out; the files themselves are kept whole.
"""

import io
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.records import (
    BOOLEAN,
    FLOAT,
    INTEGER,
    MATRIX,
    MOMENT,
    TEXT,
    Field,
    Signature,
)

MLMODEL = "MLmodel"
_TYPES = {
    "double": FLOAT,
    "float": FLOAT,
    "long": INTEGER,
    "integer": INTEGER,
    "boolean": BOOLEAN,
    "string": TEXT,
    "datetime": MOMENT,
}
_KINDS = {"f": FLOAT, "i": INTEGER, "u": INTEGER, "b": BOOLEAN, "s": TEXT, "o": TEXT}
_MOST_BYTES = 4 << 20
_MOST_EXAMPLE_ROWS = 100


class MlModel(msgspec.Struct, frozen=True, kw_only=True):
    """What an MLmodel file says that is of use here."""

    flavors: tuple[str, ...]
    loader: str = ""  # the flavor of ours that reads its weights; "": none
    weights: str = ""  # the file that the loader reads
    task: str = "other"
    signature: Signature
    example: str = ""  # the file of a table of input rows; "": none that we read


def read_mlmodel(content: bytes) -> MlModel:
    """Return what a file says.

    Raises:
        Invalid: it is no MLmodel file.
    """
    plain = _yaml(content)
    flavors = _mapping(plain.get("flavors"))
    loader, weights, task = _loader(flavors)
    info = _mapping(plain.get("saved_input_example_info"))
    is_table = info.get("type") == "dataframe" and info.get("pandas_orient") == "split"
    return MlModel(
        flavors=tuple(sorted(map(str, flavors))),
        loader=loader,
        weights=weights,
        task=task,
        signature=_signature(_mapping(plain.get("signature"))),
        example=str(info.get("artifact_path", "")) if is_table else "",
    )


def example_table(content: bytes) -> pa.Table | None:
    """Return the rows of an input example in pandas' `split` form; None: not in that form."""
    try:
        plain = json.loads(content)
        names, rows = plain["columns"], plain["data"][:_MOST_EXAMPLE_ROWS]
        return pa.table({str(name): [row[at] for row in rows] for at, name in enumerate(names)})
    except (ValueError, KeyError, TypeError, IndexError, pa.ArrowException):
        return None


def _yaml(content: bytes) -> Mapping[str, Any]:
    if len(content) > _MOST_BYTES:
        raise Invalid(f"{MLMODEL} has {len(content):,} bytes; {_MOST_BYTES:,} are read")
    try:
        plain = YAML(typ="safe", pure=True).load(io.BytesIO(content))
    except (YAMLError, ValueError, RecursionError) as error:
        raise Invalid(f"{MLMODEL} is not YAML: {str(error)[:200]}") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("flavors"), dict):
        raise Invalid(f"{MLMODEL} names no flavors", hint="it is what mlflow's save_model writes")
    return plain


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _loader(flavors: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the loader of ours, the file that it reads, and the task; empty if there is none."""
    for name in ("sklearn", "xgboost", "lightgbm", "onnx"):
        said = _mapping(flavors.get(name))
        if not said:
            continue
        file = str(said.get("pickled_model" if name == "sklearn" else "data") or "")
        kind = str(said.get("model_class") or "")
        task = "classification" if kind.endswith("Classifier") else "other"
        if name == "sklearn":
            is_skops = said.get("serialization_format") == "skops"
            return ("skops" if is_skops else "python"), file, task
        return name, file, task
    return "", "", "other"


def _signature(said: Mapping[str, Any]) -> Signature:
    inputs = _columns(said.get("inputs"))
    outputs = _columns(said.get("outputs"))
    # What a model here answers is `prediction`; other outputs keep the names that they have.
    if len(outputs) == 1:
        outputs = (msgspec.structs.replace(outputs[0], name="prediction"),)
    return Signature(inputs=inputs, outputs=outputs or (Field(name="prediction", type=FLOAT),))


def _columns(text: object) -> tuple[Field, ...]:
    """Return the columns of a schema; none where it is no table of plain columns."""
    try:
        entries = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return ()
    fields = []
    for entry in entries if isinstance(entries, list) else []:
        kind = _type(entry) if isinstance(entry, dict) else None
        if kind is None:
            return ()
        is_optional = not entry.get("required", True)
        fields.append(Field(name=str(entry.get("name", "")), type=kind, nullable=is_optional))
    return tuple(fields)


def _type(entry: Mapping[str, Any]) -> str | None:
    if entry.get("type") != "tensor":
        return _TYPES.get(str(entry.get("type")))
    tensor = _mapping(entry.get("tensor-spec"))
    shape = tensor.get("shape")
    kind = _KINDS.get(str(tensor.get("dtype", "?"))[:1])
    if not isinstance(shape, list) or kind is None:
        return None
    return kind if len(shape) == 1 else MATRIX
