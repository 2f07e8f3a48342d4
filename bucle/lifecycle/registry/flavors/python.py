"""Flavor `python`: any function or object with `predict`, as a pickle.

Loading a pickle runs what is in it, so packing one needs `allow_pickle=True`; the signature
says who packed it.  The project's own functions and classes go by value, so that the process
that serves them needs no copy of the project.
"""

import io
import pickle
import pickletools
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from bucle.base.errors import Invalid, NotInstalled
from bucle.lifecycle.registry.columns import Array, Columns
from bucle.lifecycle.registry.flavors.native import plain
from bucle.lifecycle.registry.records import Manifest

WEIGHTS = "weights.pkl"
_TEXT_OPCODES = frozenset({"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"})


def dump(model: Any) -> bytes:  # noqa: ANN401 - any function or object
    """Return a model's pickle.

    Raises:
        Invalid: it can not be pickled (an open file, a lock).
    """
    try:
        import cloudpickle
    except ImportError as error:
        raise NotInstalled(
            "a python model needs a package that is not installed (cloudpickle)",
            hint="pip install 'bucle[sklearn]'",
        ) from error
    try:
        with _by_value(cloudpickle, model):
            content: bytes = cloudpickle.dumps(model, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid(f"the model can not be pickled: {error}") from error
    return content


def packages_of(weights: bytes) -> tuple[str, ...]:
    """Return the distributions whose modules a pickle names, without loading it."""
    owners = metadata.packages_distributions()
    mentioned = {name.partition(".")[0] for name in _texts(weights)}
    found = {owner for name in mentioned for owner in owners.get(name, ())}
    return tuple(sorted(found - {"bucle"} | {"cloudpickle", "numpy"}))


def load(weights: bytes, manifest: Manifest, threads: int) -> "PythonRunner":
    """Return the model; the caller has checked the signature of these very bytes."""
    del manifest, threads
    try:
        return PythonRunner(pickle.load(io.BytesIO(weights)))  # noqa: S301 - signed, and asked for
    except ImportError as error:
        raise NotInstalled(
            f"this model needs a module that is not here ({error.name})",
            hint="install the package's requirements.txt",
        ) from error


def run_model(model: Any, columns: Columns) -> dict[str, Array]:  # noqa: ANN401 - any function
    """Call `model.predict(columns)` or `model(columns)` with a dict of numpy columns."""
    call = model.predict if hasattr(model, "predict") else model
    answers = call(dict(columns))
    if not isinstance(answers, Mapping):
        answers = {"prediction": answers}
    if "prediction" not in answers:
        raise Invalid(
            f"the model gave {', '.join(map(str, answers))} and no 'prediction'",
            hint="return an array, or a dict of arrays with the key 'prediction'",
        )
    rows = len(next(iter(columns.values())))
    found = {str(name): plain(np.asarray(column)) for name, column in answers.items()}
    for name, column in found.items():
        if column.ndim == 0 or len(column) != rows:
            raise Invalid(f"the model gave {name!r} of shape {column.shape} for {rows} rows")
    return found


class PythonRunner:
    """A function or an object in this process."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any function or object
        self.model = model

    def run(self, columns: Columns) -> dict[str, Array]:
        """Call the model."""
        return run_model(self.model, columns)

    def close(self) -> None:
        """Drop the model."""
        self.model = None


@contextmanager
def _by_value(cloudpickle: ModuleType, model: Any) -> Iterator[None]:  # noqa: ANN401 - any model
    """Let the modules of the project itself, and no installed one, be pickled by value."""
    home = sys.modules.get(getattr(model, "__module__", "") or type(model).__module__)
    file = getattr(home, "__file__", None)
    folder = Path(file).parent if file else None
    ours = [
        module
        for name, module in list(sys.modules.items())
        if folder
        and name.partition(".")[0] not in {"__main__", "bucle"}
        and _is_under(module, folder)
    ]
    if folder is None or _is_installed(folder):
        ours = []
    for module in ours:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in ours:
            cloudpickle.unregister_pickle_by_value(module)


def _is_under(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    if not file:
        return False
    return Path(file).is_relative_to(folder) and not _is_installed(Path(file))


def _is_installed(path: Path) -> bool:
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return any(path.is_relative_to(place) for place in places)


def _texts(weights: bytes) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(weights):
        if opcode.name == "GLOBAL" or opcode.name in _TEXT_OPCODES:
            yield str(argument).partition(" ")[0]
