"""Draft a package of an ONNX graph that was made elsewhere: taken as it is, and tried."""

from functools import partial
from typing import Any

import msgspec
import numpy as np

from bucle.base.errors import Invalid
from bucle.lifecycle.registry.columns import Array, Columns, columns_of
from bucle.lifecycle.registry.draft import Draft, Packaging, outputs_of
from bucle.lifecycle.registry.flavors import onnx
from bucle.lifecycle.registry.records import TEXT, Field, Manifest, Signature


def claims(model: Any) -> bool:  # noqa: ANN401 - any model
    """Tell whether a model is an ONNX graph."""
    kind = type(model)
    return kind.__name__ == "ModelProto" and kind.__module__.partition(".")[0].startswith("onnx")


def draft_graph(
    model: Any,  # noqa: ANN401 - an onnx.ModelProto
    packaging: Packaging,
    inputs: tuple[Field, ...],
    task: str,
) -> Draft:
    """Return the graph, fed by column or with one matrix as its inputs say.

    Its first output is the prediction and, of a classifier, its second the probabilities.

    Raises:
        Invalid: its inputs are not columns of the example, or ONNX Runtime does not run it.
        NotInstalled: ONNX Runtime is missing.
    """
    names = [entry.name for entry in model.graph.input]
    taken = {entry.name for entry in model.graph.initializer}
    names = [name for name in names if name not in taken]
    by_name = {field.name: field for field in inputs}
    feed = "columns" if set(names) <= set(by_name) else "matrix"
    if feed == "matrix" and (len(names) != 1 or any(field.type == TEXT for field in inputs)):
        raise Invalid(
            f"the graph takes {', '.join(names)}, and the example has {', '.join(by_name)}",
            hint="name the example's columns as the graph's inputs, or give it one matrix",
        )
    inputs = tuple(by_name[name] for name in names) if feed == "columns" else inputs
    weights = model.SerializeToString()
    manifest = Manifest(
        flavor=onnx.NAME,
        task=task,
        signature=Signature(inputs=inputs, outputs=(Field(name="probability", type="float64"),)),
        target=packaging.target,
        weights=onnx.WEIGHTS,
        options={"element": "given", "feed": feed},
        files={},
    )
    columns = columns_of(packaging.example, inputs)
    answers = _asked(weights, manifest, columns)
    if task == "classification":
        manifest = msgspec.structs.replace(manifest, classes=_classes(answers))
    signature = Signature(inputs=inputs, outputs=outputs_of(answers))
    manifest = msgspec.structs.replace(manifest, signature=signature)
    runner = onnx.load(weights, manifest, 1)
    return Draft(
        manifest=manifest,
        weights=weights,
        packages=onnx.PACKAGES,
        ask=partial(_run, runner),
    )


def _run(runner: onnx.OnnxRunner, columns: Columns) -> dict[str, Array]:
    return runner.run(columns)


def _asked(weights: bytes, manifest: Manifest, columns: Columns) -> dict[str, Array]:
    failures = onnx.runtime_errors()
    try:
        return onnx.load(weights, manifest, 1).run(columns)
    except failures as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Invalid(
            f"ONNX Runtime does not run the graph on the example: {first}",
            hint="the example's columns are the graph's inputs, in its types",
        ) from error


def _classes(answers: dict[str, Array]) -> tuple[int, ...]:
    """Return the classes of a graph that says labels: the numbers of its probabilities."""
    if "probability" not in answers:
        return ()
    scores = answers["probability"]
    width = scores.shape[1] if scores.ndim > 1 else 2
    kind = answers["prediction"].dtype.kind
    if kind not in "iu" or int(np.max(answers["prediction"])) >= width:
        raise Invalid(
            "the graph's labels are not the numbers of its probabilities",
            hint="export it with labels 0, 1, ..., or as task='other'",
        )
    return tuple(range(width))
