"""`Predictor`: a loaded model, whatever it was made with; columns in, columns out."""

from typing import Protocol

from bucle.lifecycle.registry.columns import Array, Columns, RawColumns, check_columns
from bucle.lifecycle.registry.records import Manifest, Signature


class Runner(Protocol):
    """What a flavor gives: the model itself, on columns that were checked already."""

    def run(self, columns: Columns) -> dict[str, Array]:
        """Return `prediction`, and `probability` where the model has one, of every row."""
        ...

    def close(self) -> None:
        """Give back the model's memory."""
        ...


class Predictor:
    """A loaded package.  Any thread may predict at any time."""

    def __init__(self, digest: str, manifest: Manifest, runner: Runner) -> None:
        self.digest = digest
        self.manifest = manifest
        self._runner = runner

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self.manifest.signature

    @property
    def flavor(self) -> str:
        """What the model runs with: onnx, skops or python."""
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

    def close(self) -> None:
        """Give back the model's memory."""
        self._runner.close()
