"""`bucle.model("churn@champion")`: a registered model in this process.

It is the package that model servers and batches load, checked and called as they do: the same
rows give the same numbers.  From afar the package is downloaded once, and kept.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.blobs import open_blobs
from bucle.drivers.blobs.content import content_key
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.datasets import as_table
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.runs import default_client, find_active_run
from bucle.lifecycle import registry
from bucle.lifecycle.features import OnlineView
from bucle.lifecycle.registry import Array, PackageFiles
from bucle.lifecycle.registry.answers import answers_table
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.serving.scoring.rows import columns_from, filled, views_of

if TYPE_CHECKING:
    from bucle.governance.session import Session
    from bucle.lifecycle.registry import Field, Predictor

_PREDICTION, _PROBABILITY = "prediction", "probability"
_PLANE = 2  # dimensions of a matrix


class Model:
    """A loaded version of a model.  Any thread may predict at any time."""

    def __init__(
        self,
        ref: Ref,
        predictor: "Predictor",
        session: "Session | None" = None,
        views: tuple[OnlineView, ...] = (),
    ) -> None:
        self.ref = ref
        self._predictor = predictor
        self._session = session  # None: the installation is elsewhere
        self._views = views

    def __repr__(self) -> str:
        return f"Model({str(self.ref)!r})"

    @property
    def inputs(self) -> "tuple[Field, ...]":
        """What the model takes, in its order."""
        return self._predictor.signature.inputs

    @property
    def classes(self) -> tuple[str | int | bool, ...]:
        """The classes of a classifier, in the order of their probabilities."""
        return self._predictor.manifest.classes

    def predict(self, rows: Any) -> Any:  # noqa: ANN401 - the kind of the rows
        """Return what the model says of rows, as the kind that they come in.

        A data frame gives one with its index, an Arrow table a table, a dict of lists a dict of
        lists, a list of dicts a list of dicts: with all of the model's outputs.  A NumPy matrix,
        its columns in the model's order, gives the predictions as an array; `outputs` has the
        rest.  Columns that the model does not take are passed over; features that the model was
        trained on and the rows lack are read online, where the installation is here.

        Raises:
            Invalid: the rows are not what the model takes; the message names the column.
        """
        outputs = self.outputs(rows)
        if isinstance(rows, np.ndarray):
            return outputs[_PREDICTION]
        if isinstance(rows, Mapping):
            return {name: values.tolist() for name, values in outputs.items()}
        if hasattr(rows, "iloc"):
            import pandas as pd

            columns = {name: values if values.ndim == 1 else values.tolist()
                       for name, values in outputs.items()}  # fmt: skip
            return pd.DataFrame(columns, index=rows.index)
        table = answers_table(outputs)
        return table.to_pylist() if isinstance(rows, list) else table

    def predict_proba(self, rows: object) -> Array:
        """Return the probability of each class: rows by classes, as scikit-learn does.

        Raises:
            Invalid: the model gives none.
        """
        found = self.outputs(rows).get(_PROBABILITY)
        if found is None:
            raise Invalid(f"{self.ref} gives no probabilities", hint="ask predict(rows)")
        return found if found.ndim == _PLANE else np.column_stack([1 - found, found])

    def outputs(self, rows: object) -> dict[str, Array]:
        """Return every output of the model as an array."""
        return self._predictor.predict(self._columns(rows))

    def close(self) -> None:
        """Give back the model's memory."""
        self._predictor.close()

    def _columns(self, rows: object) -> Mapping[str, Any]:
        names = [field.name for field in self.inputs]
        if isinstance(rows, np.ndarray):
            return _of_matrix(rows, names)
        if isinstance(rows, pa.RecordBatch):
            rows = pa.Table.from_batches([rows])
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            said = self._filled(rows) if self._views else rows
            return columns_from(said, self.inputs)
        if isinstance(rows, Mapping):
            return self._of_lists(rows, names)
        table = as_table(rows)
        lacking = [name for name in names if name not in table.column_names]
        if lacking and self._views:
            return columns_from(self._filled(table.to_pylist()), self.inputs)
        return columns_of(table, self.inputs)

    def _of_lists(self, rows: Mapping[str, Any], names: list[str]) -> Mapping[str, Any]:
        """Return columns of equal length, with times read from text."""
        lengths = {name: len(values) for name, values in rows.items() if hasattr(values, "__len__")}
        if len(lengths) < len(rows) or len({*lengths.values()}) > 1:
            raise Invalid(
                "the columns are no lists of one length",
                hint=f'give {{"{names[0]}": [...], ...}}, or a list of rows',
            )
        listed = [
            dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)
        ]
        return columns_from(self._filled(listed) if self._views else listed, self.inputs)

    def _filled(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self._session is None:
            return rows
        made = [dict(row) for row in rows]
        errors = filled(self._session.drivers, self._views, self.inputs, made)
        if reason := next((error for error in errors if error), ""):
            raise Invalid(reason, hint=f"give {', '.join(field.name for field in self.inputs)}")
        return made


def model(ref: Ref | str, *, client: Client | None = None) -> Model:
    """Return a version of a model (`churn@champion`, `churn@7`), loaded in this process.

    Where a run is going on here, it notes that it read the version.

    Raises:
        NotFound: no such model, version or alias.
        Refused: the package was changed, or bears another signature.
        NotInstalled: it needs a library that is not installed.
    """
    active = find_active_run()
    client = client or (active.client if active else default_client())
    asked = Ref.parse(ref, kind="model") if isinstance(ref, str) else ref
    found: PackageFiles = client.call("registry.package", ref=str(asked))
    if active:
        active.add_input(found.ref)
    if not isinstance(client.transport, InProcess):
        return Model(found.ref, _from_afar(client, found))
    session = client.transport.session
    with session.begin(write=False) as scope:
        version = registry.get_version(scope, found.ref)
        inputs = registry.manifest_of(session.drivers, version.manifest).signature.inputs
        views = tuple(views_of(scope, version, inputs))
    return Model(found.ref, registry.open_version(session, version), session, views)


def _from_afar(client: Client, found: PackageFiles) -> "Predictor":
    """Load a package whose files lie at a server; each is checked against its digest."""
    folder = client.transport.cache_path / "models"
    blobs = open_blobs(f"file://{folder.absolute()}")
    for digest in (found.manifest, *(file.digest for file in found.files.values())):
        if not blobs.exists(content_key(digest)):
            blobs.put(content_key(digest), client.content_file(digest))
    return registry.load_package(blobs, found.manifest, found.signature, found.public_key, folder)


def _of_matrix(rows: Array, names: list[str]) -> dict[str, Array]:
    if rows.ndim != _PLANE or rows.shape[1] != len(names):
        raise Invalid(
            f"the array has shape {rows.shape}", hint=f"rows by {len(names)}: {', '.join(names)}"
        )
    return {name: rows[:, place] for place, name in enumerate(names)}
