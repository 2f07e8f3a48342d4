"""What steps hand to each other: each value in the content store, in the safest format it takes.

Tables are Parquet, arrays npy, plain values JSON, records JSON; tuples, lists and dicts of such
are kept part by part, so that a step which takes one part reads and depends on that part only.
The rest is pickled: by our own step, into our own store, and read back only under its digest.
"""

import importlib
import io
import json
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base import codec
from bucle.base.digest import digest_bytes, digest_value
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import (
    content_path,
    has_content,
    read_content,
    store_bytes,
    store_file,
)
from bucle.lifecycle.pipelines.footprint import footprint_of
from bucle.lifecycle.pipelines.origin import Origin

_INLINE_BYTES = 2048
# How a handle leads into a value.
Steps = tuple[int | str, ...]
_SCALARS = (type(None), bool, int, float, str)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A value that was stored.

    Attributes:
        kind: json, table, arrow, frame, array, scalar, record, pickle, or tuple, list, dict.
        digest: of the content; "": the value is in `text`, or in `parts`.
        text: a small JSON value.
        parts: of a tuple, list or dict, with their places or keys.
        type: of a record, as `module:name`.
        code: the footprint of the project's classes that the value is an instance of.
    """

    kind: str
    digest: str = ""
    text: str = ""
    parts: tuple[tuple[str, "Stored"], ...] = ()
    type: str = ""
    code: str = ""

    @property
    def identity(self) -> str:
        """The digest that a step which takes the value depends on."""
        content = self.digest or digest_bytes(self.text.encode())
        inside = [(name, part.identity) for name, part in self.parts]
        return digest_value([self.kind, content, inside, self.type, self.code])


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A stored value, or what lies under a path in it that only its reader can walk."""

    stored: Stored
    path: Steps = ()

    @property
    def identity(self) -> str:
        """The digest that a step which takes the part depends on."""
        whole = self.stored.identity
        return digest_value([whole, self.path]) if self.path else whole


class ValueStore:
    """Stores and loads the values of one project's steps."""

    def __init__(self, blobs: BlobStore, cache: Path, folder: Path) -> None:
        self.blobs = blobs
        self.cache = cache
        self.origin = Origin(folder)

    def store(self, value: object) -> Stored:
        """Store a value.

        Raises:
            Invalid: it can be neither written in a format nor pickled.
        """
        if _is_json(value):
            return self._store_json(value)
        kind = type(value)
        if kind in {list, tuple}:
            assert isinstance(value, list | tuple)
            parts = [(str(place), self.store(part)) for place, part in enumerate(value)]
            return Stored(kind=kind.__name__, parts=tuple(parts))
        if isinstance(value, dict) and kind is dict and all(type(key) is str for key in value):
            named = [(key, self.store(part)) for key, part in value.items()]
            return Stored(kind="dict", parts=tuple(named))
        return self._store_leaf(value)

    def load(self, stored: Stored) -> object:
        """Return a value, after checking that its content is what was stored.

        Raises:
            NotFound: the content was collected.
            Refused: the content was tampered with.
        """
        match stored.kind:
            case "json":
                text = stored.text or read_content(self.blobs, stored.digest).decode()
                return json.loads(text)
            case "tuple":
                return tuple(self.load(part) for _, part in stored.parts)
            case "list":
                return [self.load(part) for _, part in stored.parts]
            case "dict":
                return {name: self.load(part) for name, part in stored.parts}
        return _LOADERS[stored.kind](self, stored)

    def part(self, stored: Stored, path: Steps) -> "Part":
        """Walk a handle's path as far as it goes without reading what the project made.

        Raises:
            Invalid: the value has no such part.
        """
        for place, key in enumerate(path):
            if stored.kind == "json":
                return Part(stored=self._store_json(indexed(self.load(stored), path[place:])))
            if stored.kind not in {"tuple", "list", "dict"}:
                return Part(stored=stored, path=path[place:])
            found = dict(stored.parts).get(str(_from_start(key, len(stored.parts))))
            if found is None:
                raise Invalid(f"a {stored.kind} of {len(stored.parts)} has no part {key!r}")
            stored = found
        return Part(stored=stored)

    def load_part(self, part: "Part") -> object:
        """Return the value of a part."""
        return indexed(self.load(part.stored), part.path)

    def is_there(self, stored: Stored) -> bool:
        """Tell whether all the content of a value is still stored."""
        here = not stored.digest or has_content(self.blobs, stored.digest)
        return here and all(self.is_there(part) for _, part in stored.parts)

    def path(self, stored: Stored) -> Path:
        """Return a local file with the content."""
        return content_path(self.blobs, stored.digest, self.cache)

    def _store_json(self, value: object) -> Stored:
        text = json.dumps(value, separators=(",", ":"))
        if len(text) <= _INLINE_BYTES:
            return Stored(kind="json", text=text)
        return Stored(kind="json", digest=store_bytes(self.blobs, text.encode()))

    def _store_leaf(self, value: object) -> Stored:
        if type(value) is pa.Table:
            return self._store_table(value)
        if type(value) is np.ndarray and not value.dtype.hasobject:
            return Stored(kind="array", digest=store_bytes(self.blobs, _npy(value)))
        if isinstance(value, np.generic) and not value.dtype.hasobject:
            return Stored(kind="scalar", digest=store_bytes(self.blobs, _npy(np.asarray(value))))
        if isinstance(value, msgspec.Struct | Ref) and (stored := self._store_record(value)):
            return stored
        if _is_frame(value) and (stored := self._store_frame(value)):
            return stored
        return self._store_pickle(value)

    def _store_table(self, table: pa.Table, kind: str = "table") -> Stored:
        """Write Parquet, or Arrow's own file where Parquet would lose something."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            path = Path(folder) / "value"
            try:
                pq.write_table(table, path)
                if pq.read_schema(path).equals(table.schema, check_metadata=True):
                    return Stored(kind=kind, digest=store_file(self.blobs, path))
            except pa.ArrowException:
                pass  # Parquet has no such type: Arrow's file has every type
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            return Stored(kind="arrow", digest=store_file(self.blobs, path))

    def _store_frame(self, frame: object) -> Stored | None:
        try:
            table = pa.Table.from_pandas(frame)
        except pa.ArrowException:
            return None  # a column of mixed objects
        if any(pa.types.is_null(column.type) for column in table.schema):
            return None  # the kind of an empty column would be lost
        stored = self._store_table(table, kind="frame")
        same = stored.kind == "frame" and bool(frame.equals(self.load(stored)))  # type: ignore[attr-defined]
        return stored if same else None

    def _store_record(self, value: msgspec.Struct | Ref) -> Stored | None:
        """Write a record as JSON if it reads back as the same record."""
        kind = type(value)
        try:
            content = codec.encode(value)
            same = codec.decode(content, kind) == value
        except (TypeError, Invalid, msgspec.MsgspecError):
            return None
        if not same or "<locals>" in kind.__qualname__:
            return None
        return Stored(
            kind="record",
            digest=store_bytes(self.blobs, content),
            type=f"{kind.__module__}:{kind.__qualname__}",
            code=self._code_of([kind]),
        )

    def _store_pickle(self, value: object) -> Stored:
        file = io.BytesIO()
        pickler = _Pickler(file)
        try:
            pickler.dump(value)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            raise Invalid(
                f"a {kind} cannot be kept as the value of a step: {error}",
                hint="return tables, arrays, plain values, or objects that can be pickled",
            ) from error
        code = self._code_of(list(pickler.seen.values()))
        return Stored(kind="pickle", digest=store_bytes(self.blobs, file.getvalue()), code=code)

    def _code_of(self, things: list[object]) -> str:
        """Return the footprint of those classes and functions that are the project's own."""
        ours = [
            thing for thing in things if self.origin.owns(str(getattr(thing, "__module__", "")))
        ]
        parts: dict[str, str] = {}
        for thing in ours:
            parts |= footprint_of(thing, self.origin).parts
        return digest_value(parts) if parts else ""


class _Pickler(pickle.Pickler):
    """Pickles, and remembers the classes and functions that reading it back will look up."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.seen: dict[int, object] = {}

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - as pickle has it
        """Note what is about to be pickled, and let pickle go on."""
        thing = value if hasattr(value, "__qualname__") else type(value)
        self.seen[id(thing)] = thing
        return NotImplemented


def _load_record(store: ValueStore, stored: Stored) -> object:
    module, _, name = stored.type.partition(":")
    kind: object = importlib.import_module(module)
    for part in name.split("."):
        kind = getattr(kind, part)
    return codec.decode(read_content(store.blobs, stored.digest), kind)  # type: ignore[arg-type]


def _load_arrow(store: ValueStore, stored: Stored) -> object:
    with pa.memory_map(str(store.path(stored))) as file:
        return pa.ipc.open_file(file).read_all()


def _load_table(store: ValueStore, stored: Stored) -> pa.Table:
    # Not read_table(): it takes a folder called `a=b` for a column.
    with pq.ParquetFile(store.path(stored), memory_map=True) as file:
        return file.read()


def _load_array(store: ValueStore, stored: Stored) -> np.ndarray:
    array: np.ndarray = np.load(
        io.BytesIO(read_content(store.blobs, stored.digest)), allow_pickle=False
    )
    return array


def _load_pickle(store: ValueStore, stored: Stored) -> object:
    content = read_content(store.blobs, stored.digest)
    return pickle.loads(content)  # noqa: S301 - our own step's bytes, under their digest


_LOADERS: dict[str, Callable[[ValueStore, Stored], object]] = {
    "table": _load_table,
    "arrow": _load_arrow,
    "frame": lambda store, stored: _load_table(store, stored).to_pandas(),
    "array": _load_array,
    "scalar": lambda store, stored: _load_array(store, stored)[()],
    "record": _load_record,
    "pickle": _load_pickle,
}


def _is_json(value: object) -> bool:
    """Tell whether JSON keeps a value as it is: no tuples, no subclasses, keys of text."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is list:
        return all(_is_json(part) for part in value)  # type: ignore[attr-defined]
    if kind is dict:
        return all(type(key) is str and _is_json(part) for key, part in value.items())  # type: ignore[attr-defined]
    return False


def _is_frame(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) is pandas.DataFrame


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _from_start(key: int | str, count: int) -> int | str:
    return key + count if isinstance(key, int) and key < 0 else key


def indexed(value: object, path: Steps) -> object:
    """Return what lies under a path in a value.

    Raises:
        Invalid: nothing does.
    """
    for key in path:
        try:
            value = value[key]  # type: ignore[index]
        except (TypeError, KeyError, IndexError) as error:
            raise Invalid(f"a {type(value).__name__} has no part {key!r}") from error
    return value
