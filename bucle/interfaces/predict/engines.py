"""Loaded models: fetched, checked, warmed on their own example, called in the right place."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
import pyarrow.parquet as pq

from bucle.base.digest import digest_file
from bucle.base.errors import BucleError, Invalid, NotFound, Refused
from bucle.drivers.blobs import BlobStore, open_blobs
from bucle.drivers.blobs.content import content_key
from bucle.lifecycle import registry
from bucle.lifecycle.registry import Field, Predictor
from bucle.lifecycle.serving import Variant

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

_WARM_CALLS = 3
_INLINE_LIMIT_S = 0.002  # a call that takes longer goes to a thread: others must not wait for it
_ANSWER_LIMIT_S = 60.0
_MEMORY = 0.1  # weight of the newest call in the mean duration


class ModelError(Exception):
    """The model raised something of its own: nothing the caller can mend."""


class Engine:
    """One loaded model."""

    def __init__(self, predictor: Predictor, threads: ThreadPoolExecutor) -> None:
        self.inputs: tuple[Field, ...] = predictor.signature.inputs
        self.outputs: tuple[Field, ...] = predictor.signature.outputs
        self.flavor = predictor.flavor
        self._predictor = predictor
        self._threads = threads
        self._duration_s = 0.0

    def warm(self, example: Mapping[str, Sequence[object]]) -> None:
        """Call the model on one row of its example: a model that fails there is not served.

        Raises:
            ModelError: it failed.
            Invalid: the package's example is not what the model takes.
        """
        self._duration_s = min(self.call(example)[1] for _ in range(_WARM_CALLS))

    async def predict(
        self, columns: Mapping[str, Array | Sequence[object]]
    ) -> dict[str, list[Any]]:
        """Predict rows: here if that is quick, else in a thread.

        Raises:
            Invalid: the columns are not what the model takes.
            ModelError: the model raised.
            TimeoutError: it did not answer in a minute.
        """
        if self._duration_s < _INLINE_LIMIT_S:
            outputs, duration_s = self.call(columns)
        else:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                outputs, duration_s = await loop.run_in_executor(self._threads, self.call, columns)
        self._duration_s += _MEMORY * (duration_s - self._duration_s)
        return outputs

    def call(
        self, columns: Mapping[str, Array | Sequence[object]]
    ) -> tuple[dict[str, list[Any]], float]:
        """Predict rows, here and now; return outputs and seconds.

        Columns that the model does not take are left out.  The seconds are the call's own: with
        the wait for a thread in them, a model that was slow once would stay in threads for ever.
        """
        start = perf_counter()
        checked = quick_columns(columns, self.inputs)
        try:
            if checked is not None:
                outputs = self._predictor.predict_checked(checked)
            else:
                outputs = self._predictor.predict(taken(columns, self.inputs))
        except BucleError:
            raise
        except Exception as error:  # the HTTP door: a model is other people's code
            told = (str(error).strip().splitlines() or [""])[0][:300]
            raise ModelError(f"the model failed: {type(error).__name__}: {told}") from error
        answers = {name: column.tolist() for name, column in outputs.items()}
        return answers, perf_counter() - start


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

    The common case in a tenth of the time; the predictor's own check has the last word on
    everything else, and all the words.
    """
    taken_columns = []
    for field in fields:
        values = columns.get(field.name)
        kinds = _QUICK.get(field.type)
        if values is None or kinds is None or not kinds.issuperset(map(type, values)):
            return None
        taken_columns.append(values)
    types = {field.type for field in fields}
    names = [field.name for field in fields]
    try:
        if len(types) == 1:  # one array for all columns: most models take numbers only
            return dict(zip(names, np.array(taken_columns, _DTYPES[types.pop()]), strict=True))
        return {
            field.name: np.array(values, _DTYPES[field.type])
            for field, values in zip(fields, taken_columns, strict=True)
        }
    except OverflowError:  # a whole number that no 64 bits hold
        return None


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
        self, blobs: BlobStore, folder: Path, public_hex: str, threads: ThreadPoolExecutor
    ) -> None:
        self._blobs = blobs
        self._local = open_blobs(f"file://{folder.absolute()}")
        self._folder = folder
        self._public_hex = public_hex
        self._threads = threads
        self._engines: dict[str, Engine] = {}

    def get(self, variant: Variant) -> Engine:
        """Return the engine of a variant, loaded and warm.

        Raises:
            Refused: the package was tampered with, or bears another signature.
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
        predictor = registry.load_package(
            self._local, variant.manifest, variant.signature, self._public_hex, self._folder
        )
        engine = Engine(predictor, self._threads)
        example = registry.file_path(self._local, manifest, registry.EXAMPLE_FILE, self._folder)
        row = pq.read_table(example).slice(0, 1)
        arrays = registry.columns_of(row, engine.inputs)
        engine.warm({name: column.tolist() for name, column in arrays.items()})
        return engine

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
