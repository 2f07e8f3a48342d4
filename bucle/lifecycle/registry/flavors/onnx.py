"""Flavor `onnx`: scikit-learn models as an ONNX graph, run without scikit-learn.

A graph is taken only if its answers equal the model's (`package.py` compares them): skl2onnx
covers much and not all, and single precision moves some trees over a threshold.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bucle.base.errors import NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.records import TEXT, Field, Manifest

NAME = "onnx"
WEIGHTS = "weights.onnx"
PACKAGES = ("onnxruntime", "numpy")

# What skl2onnx, onnx and ONNX Runtime raise on a model that they do not cover.  The two latter
# derive theirs from `Exception` directly; `conversions` adds those by name.
_UNCOVERED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
_MATRIX = "features"  # the one tensor that models without column names take
_VOTES = "votes"  # the option: how many trees vote; probabilities are votes before the division
_VOTING = frozenset({"RandomForestClassifier", "ExtraTreesClassifier"})
_WHOLE = 1e-6  # a vote this close to a whole one is one, written in single precision
_ELEMENTS = {"double": np.float64, "float": np.float32}


class Conversion:
    """One way in which a model became a graph, or the reason why it did not."""

    def __init__(self, *, weights: bytes = b"", options: dict[str, str], note: str = "") -> None:
        self.weights = weights
        self.options = options
        self.note = note


def conversions(
    model: Any,  # noqa: ANN401 - any scikit-learn estimator
    inputs: tuple[Field, ...],
    *,
    by_name: bool,
) -> Iterator[Conversion]:
    """Yield the graph of a model in double precision, then in single precision.

    Tree ensembles exist in single precision only, which is also what scikit-learn's compare in.
    Those that vote come in single precision first, and with whole votes: shares of them, added up
    in single precision, fall on either side of a tie.
    """
    try:
        import onnxruntime
        import skl2onnx
    except ImportError as error:
        yield Conversion(options={}, note=f"{error.name} is not installed")
        return
    del onnxruntime  # asked for because a graph that can not be run can not be compared
    trees = _voters(model)
    for element in reversed(_ELEMENTS) if trees else _ELEMENTS:
        options = {"element": element, "feed": "columns" if by_name else "matrix"}
        try:
            graph = skl2onnx.convert_sklearn(
                model,
                name="model",  # skl2onnx would draw a random one, and the digest with it
                initial_types=_tensor_types(inputs, element, by_name=by_name),
                options={id(model): {"zipmap": False}} if _is_classifier(model) else None,
            )
        except _UNCOVERED as error:
            yield Conversion(options=options, note=_first_line(error))
            continue
        if element == "float" and trees and _give_whole_votes(graph, trees):
            yield Conversion(
                weights=graph.SerializeToString(), options=options | {_VOTES: str(trees)}
            )
            continue
        yield Conversion(weights=graph.SerializeToString(), options=options)


def load(weights: bytes, manifest: Manifest, threads: int) -> "OnnxRunner":
    """Return the graph, ready to run."""
    return OnnxRunner(weights, manifest, threads)


def runtime_errors() -> tuple[type[Exception], ...]:
    """Return what ONNX Runtime raises on a graph that it can not load or run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = [kind for kind in vars(state).values() if isinstance(kind, type)]
    return (*[kind for kind in found if issubclass(kind, Exception)], *_UNCOVERED)


class OnnxRunner:
    """A graph in ONNX Runtime."""

    def __init__(self, weights: bytes, manifest: Manifest, threads: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise NotInstalled(
                "this model needs a package that is not installed (onnxruntime)",
                hint="pip install 'bucle[onnx]'",
            ) from error
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = threads
        settings.log_severity_level = 3  # errors: warnings go to stderr, which is for people
        self._session: Any = onnxruntime.InferenceSession(
            weights, settings, providers=["CPUExecutionProvider"]
        )
        self._inputs = manifest.signature.inputs
        self._dtype = _ELEMENTS[manifest.options["element"]]
        self._by_name = manifest.options["feed"] == "columns"
        self._task = manifest.task
        self._outputs = {field.name for field in manifest.signature.outputs}
        self._votes = int(manifest.options.get(_VOTES, "0"))
        self._wanted = [output.name for output in self._session.get_outputs()]
        if self._votes:
            self._wanted = self._wanted[1:2]
        names = np.array(manifest.classes)
        self._names = names.astype(object) if names.dtype.kind in "UT" else names

    @property
    def takes_matrix(self) -> bool:
        """Whether `run_matrix` may be called: the graph takes one matrix of numbers."""
        return not self._by_name

    def run(self, columns: Columns) -> dict[str, Array]:
        """Run the graph; `prediction` and, of a classifier, `probability`."""
        return self._answers(self._session.run(self._wanted, self._feed(columns)))

    def run_matrix(self, matrix: Array) -> dict[str, Array]:
        """Run the graph on numbers that stand as inputs x rows, in the order of the signature."""
        rows = np.ascontiguousarray(matrix.T, self._dtype)
        return self._answers(self._session.run(self._wanted, {_MATRIX: rows}))

    def _answers(self, answers: Sequence[Any]) -> dict[str, Array]:
        if self._votes:
            return self._elected(answers[0])
        if self._task != "classification":
            return {"prediction": np.ravel(answers[0]).astype(np.float64, copy=False)}
        found = {"prediction": np.asarray(answers[0])}
        if "probability" in self._outputs:
            found["probability"] = probability(answers[1])
        return found

    def _elected(self, votes: Array) -> dict[str, Array]:
        """Return what most trees say; of as many votes, the first class wins, as in the model."""
        shares = probability(votes)
        shares /= self._votes
        if shares.ndim > 1:
            return {"prediction": self._names[shares.argmax(axis=1)], "probability": shares}
        chosen = self._names[(shares > 0.5).view(np.int8)]  # noqa: PLR2004 - a half is a tie
        return {"prediction": chosen, "probability": shares}

    def _feed(self, columns: Columns) -> dict[str, Array]:
        if not self._by_name:
            parts = [columns[field.name] for field in self._inputs]
            # column_stack in a fifth of its time, which counts when there is one row.
            matrix = np.concatenate(parts, dtype=self._dtype, casting="unsafe")
            return {_MATRIX: np.ascontiguousarray(matrix.reshape(len(parts), -1).T)}
        return {
            field.name: columns[field.name].reshape(-1, 1)
            if field.type == TEXT
            else columns[field.name].astype(self._dtype, copy=False).reshape(-1, 1)
            for field in self._inputs
        }

    def close(self) -> None:
        """Drop the session."""
        self._session = None


def probability(scores: Any) -> Array:  # noqa: ANN401 - an array, or a list of rows
    """Return P(second class) of two, else rows x classes."""
    matrix: Array = np.asarray(scores, dtype=np.float64)
    two = matrix.ndim == 2 and matrix.shape[1] == 2  # noqa: PLR2004 - a binary classifier
    return matrix[:, 1] if two else matrix


def _tensor_types(
    inputs: tuple[Field, ...], element: str, *, by_name: bool
) -> list[tuple[str, Any]]:
    from skl2onnx.common import data_types

    numbers = data_types.DoubleTensorType if element == "double" else data_types.FloatTensorType
    if not by_name:
        return [(_MATRIX, numbers([None, len(inputs)]))]
    return [
        (
            field.name,
            data_types.StringTensorType([None, 1]) if field.type == TEXT else numbers([None, 1]),
        )
        for field in inputs
    ]


def _voters(model: Any) -> int:  # noqa: ANN401 - any scikit-learn estimator
    """Return how many trees vote in what predicts; 0: it is no such forest."""
    while type(model).__name__ == "Pipeline":
        model = model.steps[-1][1]
    is_forest = type(model).__name__ in _VOTING and type(model).__module__.startswith("sklearn.")
    return len(model.estimators_) if is_forest else 0


def _give_whole_votes(graph: Any, trees: int) -> bool:  # noqa: ANN401 - onnx.ModelProto, untyped
    """Multiply what the leaves say by the number of trees; tell whether there was what to."""
    forests = [node for node in graph.graph.node if node.op_type == "TreeEnsembleClassifier"]
    if len(forests) != 1:
        return False
    for attribute in forests[0].attribute:
        if attribute.name == "class_weights":
            votes = np.array(attribute.floats, np.float64) * trees
            whole = np.round(votes)
            votes = np.where(np.abs(votes - whole) < _WHOLE, whole, votes)
            attribute.floats[:] = votes.astype(np.float32).tolist()
            return True
    return False


def _is_classifier(model: Any) -> bool:  # noqa: ANN401 - any scikit-learn estimator
    return hasattr(model, "classes_")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
