"""Gather the rows of one source from many frames, and make one table of them.

A column of numbers is put together from what models were given and gave, in bytes: the thread
that does this holds the interpreter's lock for a small part of its time, so that serving goes on
beside it.  Frames are not kept: there may be ten thousand of a row each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bucle.interfaces.predict.wal import (
    ID_LETTERS,
    KINDS,
    MATRIX,
    WIDTH,
    Packed,
    Rows,
    Source,
    sixty_four,
)
from bucle.lifecycle.serving.log_types import TYPES, UNTYPABLE, typed
from bucle.lifecycle.serving.segments import FEATURE, FRAME, OUTPUT

_MATRIX = MATRIX.encode()


class _Column:
    """The values of one column so far: packed as they came, or one by one where they differ."""

    def __init__(self, *, is_output: bool) -> None:
        self.rows = 0
        self._is_output = is_output
        self._head = b""  # what the packed pieces are
        self._pieces: list[bytes] = []
        self._values: list[Any] = []

    def add(self, piece: Packed, before: int, count: int) -> None:
        """Add the values of some rows, of which so many came before."""
        lacking = before - self.rows
        self.rows = before + count
        if isinstance(piece, bytes) and not lacking and not self._values:
            head = piece[: _head_of(piece)]
            if not self._pieces or head == self._head:
                self._head = head
                self._pieces.append(piece)
                return
        if self._pieces:
            self._values = self._from_memory(self._pieces).to_pylist()
            self._pieces = []
        if lacking:
            self._values += [None] * lacking
        self._values += (
            self._from_memory([piece]).to_pylist() if isinstance(piece, bytes) else piece
        )

    def _from_memory(self, pieces: Sequence[bytes]) -> pa.Array:
        return _from_memory(pieces, is_output=self._is_output)

    def array(self, type_: str | None, rows: int) -> pa.Array:
        """Return the column in its signature's type; one without a type in whatever fits.

        A missing number among a model's inputs is NaN in memory, and null in the log.
        """
        if self._pieces and self.rows == rows:
            whole = self._from_memory(self._pieces)
            try:
                return whole.cast(TYPES.get(type_ or "", whole.type))
            except UNTYPABLE:
                return whole
        if self._pieces:
            self._values = self._from_memory(self._pieces).to_pylist()
        return typed(self._values + [None] * (rows - self.rows), type_)


class Gathered:
    """The rows of one source so far."""

    def __init__(self, source: Source) -> None:
        self.rows = 0
        self._source = source
        self._ids: list[bytes] = []
        self._moments: list[bytes] = []
        self._latency: list[bytes] = []
        self._errors: list[str] = []  # fewer than rows: the others did not fail
        self._shares: list[float] = []
        self._counts: list[int] = []
        self._inputs = {field.name: _Column(is_output=False) for field in source.inputs}
        self._outputs = {field.name: _Column(is_output=True) for field in source.outputs}

    @property
    def about(self) -> tuple[str, str]:
        """The project and the deployment."""
        return self._source.project, self._source.deployment.partition(":")[2].rpartition("@")[0]

    def add(self, rows: Rows) -> None:
        """Add the rows of a frame."""
        count, before = len(rows.ids) // ID_LETTERS, self.rows
        self._ids.append(rows.ids)
        at = rows.at_us
        self._moments.append(at if isinstance(at, bytes) else sixty_four([at]) * count)
        self._latency.append(rows.latency_us)
        if rows.errors is not None:
            self._errors += [""] * (before - len(self._errors)) + rows.errors
        self._shares.append(rows.share)
        self._counts.append(count)
        for known, sent in ((self._inputs, rows.columns), (self._outputs, rows.outputs)):
            for name, piece in sent.items():
                column = known.get(name)
                if column is None:
                    column = known[name] = _Column(is_output=known is self._outputs)
                column.add(piece, before, count)
        self.rows = before + count

    def table(self) -> pa.Table:
        """Return all rows by id."""
        ids, source = b"".join(self._ids), self._source
        moments = np.frombuffer(b"".join(self._moments), "<i8")
        columns: dict[str, pa.Array] = {
            "id": _texts(ids, self.rows),
            "at": pa.array(moments).cast(FRAME.field("at").type),
            "deployment_ref": pa.repeat(source.deployment, self.rows),
            "model_ref": pa.repeat(source.model, self.rows),
            "variant": pa.repeat(source.variant, self.rows),
            "latency_us": pa.array(np.frombuffer(b"".join(self._latency), "<i8")),
            "error": pa.array(self._errors + [""] * (self.rows - len(self._errors)), pa.string()),
            "share": pa.array(np.repeat(self._shares, self._counts)),
        }
        types = {field.name: field.type for field in source.inputs}
        types |= dict.fromkeys(source.hashed, "string")
        for name, column in self._inputs.items():
            if name not in source.left_out:
                columns[FEATURE + name] = column.array(types.get(name), self.rows)
        types = {field.name: field.type for field in source.outputs}
        for name, column in self._outputs.items():
            columns[OUTPUT + name] = column.array(types.get(name), self.rows)
        return _sorted(ids, columns)


def _sorted(ids: bytes, columns: dict[str, pa.Array]) -> pa.Table:
    schema = pa.schema(
        [FRAME.field(name) if name in FRAME.names else pa.field(name, column.type)
         for name, column in columns.items()]
    )  # fmt: skip
    table = pa.Table.from_arrays(list(columns.values()), schema=schema)
    letters = np.frombuffer(ids, f"S{ID_LETTERS}")
    return table if bool((letters[1:] >= letters[:-1]).all()) else table.sort_by("id")


def _texts(letters: bytes, count: int) -> pa.Array:
    """Return ids, which are all of one length, as a column of text."""
    places = np.arange(0, (count + 1) * ID_LETTERS, ID_LETTERS, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(places), pa.py_buffer(letters))


def _head_of(piece: bytes) -> int:
    """Return how many bytes of a piece say what the others are."""
    return 1 + WIDTH.size if piece[:1] == _MATRIX else 1


def _from_memory(pieces: Sequence[bytes], *, is_output: bool) -> pa.Array:
    start = _head_of(pieces[0])
    whole = b"".join([piece[start:] for piece in pieces])
    if start > 1:
        (width,) = WIDTH.unpack(pieces[0][1:start])
        values = pa.array(np.frombuffer(whole, KINDS["d"]))
        places = np.arange(0, len(values) + 1, max(width, 1), dtype=np.int32)
        return pa.ListArray.from_arrays(pa.array(places), values)
    numbers = np.frombuffer(whole, KINDS[pieces[0][:1].decode()])
    made = pa.array(numbers, from_pandas=not is_output)
    return made.cast(TYPES["timestamp"]) if numbers.dtype.kind == "M" else made
