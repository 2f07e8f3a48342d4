"""Flavor `torch`: a network of PyTorch as an exported program, TorchScript or named weights.

Weights alone (`tensors.py`) need the class that they are of, which is imported by its name from
what is installed, and never taken from the file.  An exported program and TorchScript bring
their operations along; PyTorch reads parts of both with `pickle`, so they are treated as code
wherever pickles are.  PyTorch is nobody's dependency here.
"""

import importlib
import io
import json
from types import ModuleType
from typing import Any

import numpy as np

from bucle.base.errors import Invalid, NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.tensors import dump_tensors, load_tensors
from bucle.lifecycle.registry.records import Manifest

NAME = "torch"
PACKAGES: tuple[str, ...] = ("torch", "numpy")
EXPORTED, SCRIPT, WEIGHTS = "exported", "script", "weights"  # the option `form`
FILES = {
    EXPORTED: "weights.pt2",
    SCRIPT: "weights.torchscript.pt",
    WEIGHTS: "weights.torch.safetensors",
}
FORM, CLASS, ARGUMENTS, SCORES = "form", "class", "arguments", "scores"
LOGITS, PROBABILITIES = "logits", "probabilities"  # the option `scores`, of a classifier

_EXPORT = "torch.export"


def claims(model: Any) -> bool:  # noqa: ANN401 - any model
    """Tell whether a model is a module of PyTorch, scripted or not, or an exported program."""
    parents = {f"{kind.__module__}.{kind.__name__}" for kind in type(model).__mro__}
    return bool(
        parents
        & {"torch.nn.modules.module.Module", "torch.export.exported_program.ExportedProgram"}
    )


def dump(model: Any, rows: Array, form: str) -> tuple[bytes, dict[str, str]]:  # noqa: ANN401 - claimed
    """Return a model's file in a form, and what else is needed to run it.

    Args:
        model: one that is claimed.
        rows: rows x inputs in single precision, two at least: what it is exported with.
        form: `exported`, `script` or `weights`.

    Raises:
        Invalid: the form does not keep the model.
    """
    torch = library()
    target = io.BytesIO()
    if form == EXPORTED:
        torch.export.save(_exported(torch, model, rows), target)
        return target.getvalue(), {FORM: form}
    if form == SCRIPT:
        torch.jit.save(model, target)
        return target.getvalue(), {FORM: form}
    kind = type(model)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if kind.__module__ == "__main__" or "<locals>" in name:
        raise Invalid(
            f"the weights of {name} need their class, and nobody else can import it",
            hint="move the class to an installed module",
        )
    state = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    arguments = json.dumps(getattr(model, ARGUMENTS, {}), sort_keys=True)
    return dump_tensors(state, {}), {FORM: form, CLASS: name, ARGUMENTS: arguments}


def load(weights: bytes, manifest: Manifest, threads: int) -> "TorchRunner":
    """Return the model.

    Raises:
        Invalid: the file is no model of that form.
        NotInstalled: PyTorch, or the class of the weights, is missing.
    """
    torch = library()
    form = manifest.options.get(FORM, "")
    try:
        if form == EXPORTED:
            module = torch.export.load(io.BytesIO(weights)).module()
        elif form == SCRIPT:
            module = torch.jit.load(io.BytesIO(weights), map_location="cpu")
        else:
            module = _built(torch, weights, manifest)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Invalid(f"{manifest.weights!r} is no model of PyTorch: {first}") from error
    return TorchRunner(torch, module, manifest, threads)


def library() -> ModuleType:
    """Return PyTorch.

    Raises:
        NotInstalled: it is missing.
    """
    try:
        return importlib.import_module(NAME)
    except ImportError as error:
        raise NotInstalled(
            "this model needs a package that is not installed (torch)", hint="pip install torch"
        ) from error


class TorchRunner:
    """A network in this process."""

    def __init__(self, torch: Any, module: Any, manifest: Manifest, threads: int) -> None:  # noqa: ANN401 - untyped
        self._torch = torch
        self._module = module
        self._is_classifier = manifest.task == "classification"
        self._is_logits = manifest.options.get(SCORES, LOGITS) == LOGITS
        names = np.array(manifest.classes)
        self._names = names.astype(object) if names.dtype.kind in "UT" else names
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)

    @property
    def takes_matrix(self) -> bool:
        """Whether `run_matrix` may be called: always."""
        return True

    def run(self, columns: Columns) -> dict[str, Array]:
        """Predict; `prediction` and, of a classifier, `probability`."""
        parts = list(columns.values())
        matrix = np.concatenate(parts, dtype=np.float32, casting="unsafe")
        return self.run_matrix(matrix.reshape(len(parts), -1))

    def run_matrix(self, matrix: Array) -> dict[str, Array]:
        """Predict numbers that stand as inputs x rows, in the order of the signature."""
        rows = np.ascontiguousarray(matrix.T, np.float32)
        scores = scores_of(self._torch, self._module, rows)
        if not self._is_classifier:
            return {"prediction": scores}
        return self._chosen(scores)

    def close(self) -> None:
        """Drop the network."""
        self._module = None

    def _chosen(self, scores: Array) -> dict[str, Array]:
        if scores.ndim == 1:
            found = _sigmoid(scores) if self._is_logits else scores
            return {"prediction": self._names[(found > 0.5).view(np.int8)], "probability": found}  # noqa: PLR2004 - the likelier of two
        found = _softmax(scores) if self._is_logits else scores
        chosen = self._names[scores.argmax(axis=1)]
        two = found.shape[1] == 2  # noqa: PLR2004 - as every binary classifier
        return {"prediction": chosen, "probability": found[:, 1] if two else found}


def scores_of(torch: Any, module: Any, rows: Array) -> Array:  # noqa: ANN401 - untyped
    """Return what a network says of rows x inputs: a value per row, or rows x scores."""
    with torch.inference_mode():
        said = module(torch.from_numpy(rows))
    if not isinstance(said, torch.Tensor):
        raise Invalid(
            f"the network gives a {type(said).__name__}, and not one tensor",
            hint="wrap it in a module whose forward returns one tensor",
        )
    scores: Array = said.detach().cpu().numpy().astype(np.float64)
    if scores.ndim == 0 or scores.ndim > 2 or len(scores) != len(rows):  # noqa: PLR2004 - rows x scores
        raise Invalid(f"the network gives shape {scores.shape} for {len(rows)} rows")
    return scores.reshape(-1) if scores.ndim > 1 and scores.shape[1] == 1 else scores


def _exported(torch: Any, model: Any, rows: Array) -> Any:  # noqa: ANN401 - untyped
    if type(model).__module__.startswith(_EXPORT):
        return model
    dimension = torch.export.Dim("rows")
    example = (torch.from_numpy(rows),)
    try:
        return torch.export.export(model, example, dynamic_shapes=({0: dimension},))
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Invalid(f"torch.export does not take it: {first}") from error


def _built(torch: Any, weights: bytes, manifest: Manifest) -> Any:  # noqa: ANN401 - untyped
    module, _, name = manifest.options[CLASS].partition(":")
    try:
        kind: Any = importlib.import_module(module)
        for part in name.split("."):
            kind = getattr(kind, part)
    except (ImportError, AttributeError) as error:
        raise NotInstalled(
            f"the weights are of {manifest.options[CLASS]}, which is not installed here",
            hint=f"install the package that holds {module}",
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise Invalid(f"{manifest.options[CLASS]} is no module of PyTorch")
    made = kind(**json.loads(manifest.options.get(ARGUMENTS, "{}")))
    arrays, _ = load_tensors(weights)
    made.load_state_dict({key: torch.from_numpy(np.array(part)) for key, part in arrays.items()})
    return made.eval()


def _sigmoid(scores: Array) -> Array:
    found: Array = 1.0 / (1.0 + np.exp(-np.maximum(scores, -700.0)))
    return found


def _softmax(scores: Array) -> Array:
    powers: Array = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
