"""`Predictor`: a loaded model, whatever it was made with; columns in, columns out."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from bucle.lifecycle.registry.columns import Array, Columns, RawColumns, check_columns
from bucle.lifecycle.registry.records import BOOLEAN, FLOAT, INTEGER, Field, Manifest, Signature

_NUMBERS = frozenset({FLOAT, INTEGER, BOOLEAN})


class Runner(Protocol):
    """What a flavor gives: the model itself, on columns that were checked already."""

    def run(self, columns: Columns) -> dict[str, Array]:
        """Return `prediction`, and `probability` where the model has one, of every row."""
        ...

    def close(self) -> None:
        """Give back the model's memory."""
        ...


@runtime_checkable
class MatrixRunner(Protocol):
    """A runner that is quicker where all inputs are numbers and stand in one array."""

    @property
    def takes_matrix(self) -> bool:
        """Whether this model does: one may take text, another of its flavor not."""
        ...

    def run_matrix(self, matrix: Array) -> dict[str, Array]:
        """Return the answers to inputs x rows of float64, in the order of the signature."""
        ...


class Predictor:
    """A loaded package.  Any thread may predict at any time."""

    def __init__(self, digest: str, manifest: Manifest, runner: Runner) -> None:
        self.digest = digest
        self.manifest = manifest
        self._runner = runner
        self._matrix = _matrix_call(runner, manifest.signature.inputs)
        self._names = tuple(field.name for field in manifest.signature.inputs)

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.manifest.signature

    @property
    def flavor(self) -> str:
        """What the model runs with: one of `flavors`."""
        return self.manifest.flavor

    def predict(self, columns: RawColumns) -> dict[str, Array]:
        """Predict every row of columns given by name.

        Returns:
            `prediction`, one value per row, and for most classifiers `probability`: that of
            the second class where there are two (`manifest.classes`), else rows x classes.

        Raises:
            Invalid: a column is missing, unknown, or of a wrong type; the message names it.
        """
        return self._runner.run(check_columns(columns, self.manifest.signature.inputs))

    def predict_checked(self, columns: Columns) -> dict[str, Array]:
        """Predict rows that the caller has checked.

        Every column of the signature in its order, as an array of its type, without nulls: the
        model server checks one row in a tenth of the time that `predict` takes.
        """
        return self._runner.run(columns)

    @property
    def takes_matrix(self) -> bool:
        """Whether `predict_matrix` may be called: all inputs are numbers, and may be floats."""
        floats = all(field.type == FLOAT for field in self.signature.inputs)
        return floats or self._matrix is not None

    def predict_matrix(self, matrix: Array) -> dict[str, Array]:
        """Predict rows that the caller has checked, where `takes_matrix`.

        Args:
            matrix: inputs x rows of float64, inputs in the order of the signature.
        """
        if self._matrix is not None:
            return self._matrix(matrix)
        return self._runner.run(dict(zip(self._names, matrix, strict=True)))

    def close(self) -> None:
        """Give back the model's memory."""
        self._runner.close()


def _matrix_call(
    runner: Runner, inputs: tuple[Field, ...]
) -> Callable[[Array], dict[str, Array]] | None:
    """Return what runs one array; None: the runner wants columns."""
    numbers = all(field.type in _NUMBERS for field in inputs)
    if numbers and isinstance(runner, MatrixRunner) and runner.takes_matrix:
        return runner.run_matrix
    return None
