"""Loaded models: fetched, checked, warmed on their own example, called in the right place."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import numpy as np

from bucle.base.codec import decode
from bucle.base.digest import digest_file
from bucle.base.errors import BucleError, Invalid, NotFound, Refused
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.blobs.content import content_key
from bucle.interfaces.predict.isolated import IsolatedRunner, Isolation, Task
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Field, Manifest, Pickles, Predictor
from bucle.lifecycle.serving import Variant

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

T = TypeVar("T")

_WARM_CALLS = 3
_EXACT = 2.0**53


class ModelError(Exception):
    """The model raised something of its own: nothing the caller can mend."""


class Engine:
    """One loaded model."""

    def __init__(self, predictor: Predictor) -> None:
        self.inputs: tuple[Field, ...] = predictor.signature.inputs
        self.outputs: tuple[Field, ...] = predictor.signature.outputs
        self.flavor = predictor.flavor
        self.predictor = self._predictor = predictor
        self._reference: dict[str, Array] | None = None  # None: nobody asked for it yet
        self._read_reference: Callable[[], dict[str, Array]] = dict
        self._duration_s = 0.0
        self.example: dict[str, Sequence[object]] = {}  # one row, once it is warm
        self.takes_matrix = predictor.takes_matrix

    @property
    def reference(self) -> dict[str, Array]:
        """The package's example rows, read when somebody asks for them; {}: there are none."""
        if self._reference is None:
            self._reference = self._read_reference()
        return self._reference

    def reads_reference(self, read: Callable[[], dict[str, Array]]) -> None:
        """Say where the example rows come from."""
        self._read_reference = read

    def warm(self, example: Mapping[str, Sequence[object]]) -> None:
        """Call the model on one row of its example: a model that fails there is not served.

        Raises:
            ModelError: it failed.
            Invalid: the package's example is not what the model takes.
        """
        self.example = dict(example)
        self._duration_s = min(self.call(example)[1] for _ in range(_WARM_CALLS))

    @property
    def row_s(self) -> float:
        """What one row took when the model was warmed up; 0: it was not."""
        return self._duration_s

    def call(self, columns: Mapping[str, Sequence[object]]) -> tuple[dict[str, list[Any]], float]:
        """Predict rows, here and now; return outputs and seconds.

        Columns that the model does not take are left out.  The seconds are the call's own: with
        the wait for a thread in them, a model that was slow once would stay in threads for ever.
        """
        start = perf_counter()
        matrix = self.matrix(columns)
        if matrix is not None:
            outputs = self.call_matrix(matrix)
        else:
            outputs = self.call_arrays(self.checked(columns))
        answers = {name: column.tolist() for name, column in outputs.items()}
        return answers, perf_counter() - start

    def matrix(self, columns: Mapping[str, Array | Sequence[object]]) -> Array | None:
        """Return checked columns as one array, inputs x rows, where that is all the model needs.

        Those of several callers may be put side by side and given to `call_matrix` together.
        None: the model takes other things than numbers, or `checked` has to look more closely.
        """
        return quick_matrix(columns, self.inputs) if self.takes_matrix else None

    def checked(self, columns: Mapping[str, Array | Sequence[object]]) -> dict[str, Array]:
        """Return the columns that the model takes, in its order and its types, without the rest.

        Those of several callers may be put one after the other and given to `call_arrays`
        together.

        Raises:
            Invalid: a column is missing, or holds what the model does not take; it is named.
        """
        quick = quick_columns(columns, self.inputs)
        if quick is not None:
            return quick
        return registry.check_columns(taken(columns, self.inputs), self.inputs)

    def call_arrays(self, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Predict rows that `checked` has checked, here and now; outputs stay arrays.

        Raises:
            Invalid: the model takes a value for an error, such as a category it has never seen.
            ModelError: the model raised.
        """
        return self._guarded(self._predictor.predict_checked, columns)

    def call_matrix(self, matrix: Array) -> dict[str, Array]:
        """Predict rows that `matrix` has checked, here and now; outputs stay arrays.

        Raises:
            ModelError: the model raised.
        """
        return self._guarded(self._predictor.predict_matrix, matrix)

    def _guarded(self, predict: Callable[[T], dict[str, Array]], rows: T) -> dict[str, Array]:
        try:
            return predict(rows)
        except BucleError:
            raise
        except Exception as error:  # the HTTP door: a model is other people's code
            raise _failed(error) from error


def _failed(error: Exception) -> ModelError:
    told = (str(error).strip().splitlines() or [""])[0][:300]
    return ModelError(f"the model failed: {type(error).__name__}: {told}")


def quick_matrix(
    columns: Mapping[str, Array | Sequence[object]], fields: Sequence[Field]
) -> Array | None:
    """Return columns of plain numbers as one array, inputs x rows; None: look more closely."""
    rows = []
    for field in fields:
        values = columns.get(field.name)
        if values is None or not _QUICK[field.type].issuperset(map(type, values)):
            return None
        rows.append(values)
    try:
        matrix = np.array(rows, np.float64)
    except (OverflowError, ValueError):  # a number that no 64 bits hold, or uneven columns
        return None
    # Whole numbers up to here are what they were; the closer look keeps larger ones apart.
    return matrix if matrix.size and np.abs(matrix).max() <= _EXACT else None


def taken(
    columns: Mapping[str, Array | Sequence[object]], fields: Sequence[Field]
) -> dict[str, Array | Sequence[object]]:
    """Return the columns of the signature that were sent, with times read from text."""
    return {
        field.name: _moments(columns[field.name], field.name)
        if field.type == "timestamp"
        else columns[field.name]
        for field in fields
        if field.name in columns
    }


def quick_columns(
    columns: Mapping[str, Array | Sequence[object]], fields: Sequence[Field]
) -> dict[str, Array] | None:
    """Return plain columns without nulls as arrays; None where a closer look is needed.

    The common case in a tenth of the time; the closer look has the last word on everything
    else, and all the words.
    """
    found: dict[str, Array] = {}
    for field in fields:
        values = columns.get(field.name)
        column = None if values is None else _quick_column(values, field.type)
        if column is None:
            return None
        found[field.name] = column
    counts = set(map(len, found.values()))
    return found if len(counts) == 1 and 0 not in counts else None


def _quick_column(values: Array | Sequence[object], kind: str) -> Array | None:
    dtype = _DTYPES.get(kind)
    if isinstance(values, np.ndarray):
        is_plain = dtype is not None and values.dtype == dtype and values.ndim == 1
        return values if is_plain and _is_plain(values) else None
    if dtype is None or not _QUICK[kind].issuperset(map(type, values)):
        return None
    try:
        if kind == "float64" and not all(map(isfinite, values)):  # type: ignore[arg-type]
            return None
        return np.array(values, dtype)
    except OverflowError:  # a number that no 64 bits hold
        return None


def _is_plain(column: Array) -> bool:
    """Tell whether an array may pass as it is: no text to look at, nothing missing or infinite."""
    kind = column.dtype.kind
    return kind in "ib" or (kind == "f" and bool(np.isfinite(column).all()))


_QUICK: dict[str, frozenset[type]] = {
    "float64": frozenset({float, int}),
    "int64": frozenset({int}),
    "bool": frozenset({bool}),
    "string": frozenset({str}),
}
_DTYPES: dict[str, Any] = {
    "float64": np.float64,
    "int64": np.int64,
    "bool": np.bool_,
    "string": object,
}


def _moments(values: Array | Sequence[object], name: str) -> Array:
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return values
    return np.array([_moment(value, name) for value in values], dtype="datetime64[us]")


def _moment(value: object, name: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise Invalid(
            f"the column {name!r} takes a time, not {value!r}", hint="write 2026-01-31T12:00:00Z"
        )
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


class EngineShop:
    """Gets engines: from memory, from this machine's disk, or from the blob store."""

    def __init__(
        self,
        blobs: BlobStore,
        folder: Path,
        public_hex: str,
        *,
        pickles: Pickles = "asked",
        isolation: Isolation | None = None,  # None: models share this process
    ) -> None:
        self._blobs = blobs
        self._local = open_blobs(f"file://{folder.absolute()}")
        self._folder = folder
        self._public_hex = public_hex
        self._pickles: Pickles = pickles
        self._isolation = isolation
        self._engines: dict[str, Engine] = {}

    def get(self, variant: Variant) -> Engine:
        """Return the engine of a variant, loaded and warm.

        Raises:
            Refused: the package was tampered with, bears another signature, or runs code that
                the policy does not let run.
            Unavailable: it is not on this disk, and the blob store does not answer.
            NotInstalled: it needs a library that is not installed.
            ModelError: it fails on its own example.
        """
        key = f"{variant.manifest}/{variant.signature}"
        if key not in self._engines:
            self._engines[key] = self._load(variant)
        return self._engines[key]

    def forget_all_but(self, variants: Sequence[Variant]) -> None:
        """Drop engines that nobody asks for any more; calls in flight keep theirs."""
        wanted = {f"{variant.manifest}/{variant.signature}" for variant in variants}
        for key in [key for key in self._engines if key not in wanted]:
            del self._engines[key]

    def _load(self, variant: Variant) -> Engine:
        self._fetch(variant.manifest, registry.MANIFEST_FILE)
        manifest = registry.read_manifest(self._local, variant.manifest)
        for name, file in manifest.files.items():
            self._fetch(file.digest, name)
        engine = Engine(self._open(variant, manifest))
        engine.reads_reference(lambda: self._example(manifest, engine.inputs))
        engine.warm(self._first_row(manifest, engine.inputs))
        return engine

    def _open(self, variant: Variant, manifest: Manifest) -> Predictor:
        """Load the package here, or in a process of its own."""
        if self._isolation is not None:
            task = Task(
                str(self._folder.absolute()),
                variant.manifest,
                variant.signature,
                self._public_hex,
                self._pickles,
            )
            return Predictor(variant.manifest, manifest, IsolatedRunner(task, self._isolation))
        return registry.load_package(
            self._local,
            variant.manifest,
            variant.signature,
            self._public_hex,
            self._folder,
            pickles=self._pickles,
        )

    def _first_row(
        self, manifest: registry.Manifest, inputs: Sequence[Field]
    ) -> dict[str, list[object]]:
        """Return the first row of a package's example."""
        if registry.FIRST_ROW_FILE in manifest.files:
            path = registry.file_path(self._local, manifest, registry.FIRST_ROW_FILE, self._folder)
            row = decode(path.read_bytes(), dict[str, Any])
            return {name: [value] for name, value in row.items()}
        example = self._example(manifest, inputs)  # an older package
        return {name: column[:1].tolist() for name, column in example.items()}

    def _example(self, manifest: registry.Manifest, inputs: Sequence[Field]) -> dict[str, Array]:
        """Return the rows of a package's example."""
        # Here, because it takes pyarrow, and that takes pandas where it is installed.
        import pyarrow.parquet as pq

        path = registry.file_path(self._local, manifest, registry.EXAMPLE_FILE, self._folder)
        return registry.columns_of(pq.read_table(path), inputs)

    def _fetch(self, digest: str, name: str) -> None:
        """Bring a file to this disk and check it; what is here and whole is not asked for."""
        path = self._local.local_path(content_key(digest))
        assert path is not None
        if path.is_file() and digest_file(path) == digest:
            return
        try:
            self._blobs.download(content_key(digest), path)
        except NotFound as error:
            raise Refused(
                f"the file {name!r} of the package is missing from {self._blobs.url}",
                hint="restore the content store from a backup, or register the model again",
            ) from error
        if digest_file(path) != digest:
            path.unlink()
            raise Refused(
                f"the file {name!r} of the package was changed after it was registered",
                hint="do not use it; restore the content store from a backup",
            )
