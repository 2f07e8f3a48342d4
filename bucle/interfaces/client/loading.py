"""Batches of a version for training: shuffled by a seed, shared between workers, taken up again.

The row groups come in an order that the seed and the epoch give, the rows of some of them are
shuffled together in a buffer, and each shard takes its part of that order: every row goes to one
shard, and shards differ by one row at most.  The same seed, epoch and shards give the same batches
on every machine.  No more is in memory than two buffers and one row group.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from bucle.base.errors import Invalid, NotInstalled

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Batch: TypeAlias = "dict[str, np.ndarray]"


class Shuffle(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are shuffled."""

    seed: int
    buffer_rows: int = 262_144  # that are shuffled together; more mix better, and take memory


class Shard(msgspec.Struct, frozen=True):
    """One of several readers that share the rows between them."""

    rank: int = 0
    world: int = 1


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a loader got: to be kept beside a checkpoint of the model."""

    epoch: int = 0
    batches: int = 0  # of that epoch, that were given


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of one row group."""

    path: str
    group: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """How many there are, before a condition."""
        return self.stop - self.start


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is read, and how it is dealt out."""

    schema: Any  # pyarrow: the columns of a batch, in their order
    columns: Any  # pyarrow: all columns of the version, which a condition may ask for
    where: Any = None  # pyarrow: the condition that rows must meet; None: all do
    rows: int = 1024
    shuffle: Shuffle | None = None  # None: the rows come as they were committed
    shard: Shard = Shard()


class Loader:
    """An iterable of batches, each a dict of NumPy arrays; every iteration is the next epoch.

    A whole number that may be missing comes as a fraction (a missing one is NaN), a text as an
    object and a time as `datetime64`.
    """

    def __init__(self, paths: Sequence[Path], wanted: Wanted) -> None:
        if wanted.rows < 1:
            raise Invalid(f"a batch of {wanted.rows} rows", hint="write rows=1024")
        shard = wanted.shard
        if not 0 <= shard.rank < shard.world:
            raise Invalid(f"rank {shard.rank} of {shard.world}", hint="write Shard(0, 2)")
        self._paths = [str(path) for path in paths]
        self.wanted = wanted
        self._position = Position()

    @property
    def position(self) -> Position:
        """How far the last iteration got."""
        return self._position

    def resume(self, position: Position) -> None:
        """Go on behind a position that was kept: the batches to come are those that would have."""
        self._position = position

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch anew."""
        self._position = Position(epoch=epoch)

    def __iter__(self) -> Iterator[Batch]:
        epoch, done = self._position.epoch, self._position.batches
        for batch in self.epoch(epoch, skip=done):
            done += 1
            self._position = Position(epoch=epoch, batches=done)
            yield batch
        self._position = Position(epoch=epoch + 1)

    def epoch(self, epoch: int, *, skip: int = 0, shard: Shard | None = None) -> Iterator[Batch]:
        """Yield an epoch's batches of a shard, behind those that are skipped; remember nothing."""
        import pyarrow as pa

        rows, left = self.wanted.rows, skip * self.wanted.rows
        waiting: list[pa.Table] = []
        there = 0
        for table in self._tables(epoch, shard or self.wanted.shard, left):
            gone = min(left, table.num_rows)
            left -= gone
            if gone == table.num_rows:
                continue
            waiting.append(table.slice(gone))
            there += table.num_rows - gone
            if there < rows:
                continue
            whole = pa.concat_tables(waiting)
            for start in range(0, there - rows + 1, rows):
                yield self._arrays(whole.slice(start, rows))
            waiting = [whole.slice(there // rows * rows)]
            there %= rows
        if there:
            yield self._arrays(pa.concat_tables(waiting))

    def _tables(self, epoch: int, shard: Shard, skipped: int) -> Iterator["pa.Table"]:
        """Yield the rows of each buffer; of buffers that are skipped whole, nothing but rows."""
        import numpy as np
        import pyarrow as pa

        shuffle = self.wanted.shuffle
        pieces = _shared(_ordered(self._pieces(), shuffle, epoch), shard)
        most = shuffle.buffer_rows if shuffle else 1
        for number, buffer in enumerate(_buffers(pieces, most)):
            rows = sum(piece.rows for piece in buffer)
            if self.wanted.where is None and skipped >= rows:
                skipped -= rows
                yield _nothing(rows)  # they were given before: nobody looks at them
                continue
            table = pa.concat_tables([self._read(piece) for piece in buffer])
            if shuffle:
                chance = np.random.default_rng((shuffle.seed, epoch, shard.rank, number))
                table = table.take(pa.array(chance.permutation(table.num_rows)))
            yield table

    def _pieces(self) -> list[Piece]:
        """Return the row groups that may hold a row that is wanted, in their order."""
        found = []
        for path in self._paths:
            for fragment in _fragment(path).split_by_row_group(
                self.wanted.where, schema=self.wanted.columns
            ):
                (group,) = fragment.row_groups
                found.append(Piece(path=path, group=group.id, start=0, stop=group.num_rows))
        return found

    def _read(self, piece: Piece) -> "pa.Table":
        fragment = _fragment(piece.path).subset(row_group_ids=[piece.group])
        (group,) = fragment.row_groups
        whole = self.wanted.where is None or piece.rows == group.num_rows
        names = self.wanted.schema.names
        asked = {"schema": self.wanted.columns, "use_threads": False}
        if whole:
            table = fragment.to_table(columns=names, filter=self.wanted.where, **asked)
            return table.slice(piece.start, piece.rows) if self.wanted.where is None else table
        part = fragment.to_table(**asked).slice(piece.start, piece.rows)
        return part.filter(self.wanted.where).select(names)

    def _arrays(self, table: "pa.Table") -> Batch:
        return {field.name: _array(table.column(field.name), field) for field in self.wanted.schema}

    def torch(self) -> Any:  # noqa: ANN401 - torch's IterableDataset
        """Return the loader as a dataset of PyTorch: numbers and times are tensors.

        `DataLoader(loader.torch(), batch_size=None, num_workers=2)` deals the shard out to its
        workers.  Each pass is of the loader's position when it begins.

        Raises:
            NotInstalled: PyTorch is not.
        """
        return torch_dataset(self)


def torch_dataset(loader: Loader) -> Any:  # noqa: ANN401 - torch's IterableDataset
    """Return a loader as a dataset of PyTorch; see `Loader.torch`."""
    try:
        from torch.utils.data import IterableDataset, get_worker_info
    except ImportError as error:
        raise NotInstalled(
            "a dataset of PyTorch needs a package that is not installed (torch)",
            hint="pip install torch",
        ) from error

    class Rows(IterableDataset):  # type: ignore[misc]
        """The batches of a loader."""

        def __iter__(self) -> Iterator[dict[str, Any]]:
            worker = get_worker_info()
            number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
            own, at = loader.wanted.shard, loader.position
            if at.batches and workers > 1 and loader.wanted.where is not None:
                raise Invalid(
                    "with a filter nobody knows which worker gave how many batches",
                    hint="resume with num_workers=1, or at the beginning of an epoch",
                )
            # The batches of an epoch come from the workers in turn, and go on with whose it was.
            number = (number + at.batches) % workers
            shard = Shard(own.rank * workers + number, own.world * workers)
            skip = (at.batches - number + workers - 1) // workers
            for batch in loader.epoch(at.epoch, skip=skip, shard=shard):
                yield {name: _tensor(values) for name, values in batch.items()}

        def __reduce__(self) -> tuple[Any, ...]:
            return torch_dataset, (loader,)

    return Rows()


def _tensor(values: "np.ndarray") -> Any:  # noqa: ANN401 - a tensor, or a list of texts
    import torch

    if values.dtype.kind == "O":
        return values.tolist()
    if values.dtype.kind == "M":
        values = values.astype("int64")
    return torch.from_numpy(values.copy() if not values.flags.writeable else values)


def _fragment(path: str) -> Any:  # noqa: ANN401 - a fragment of Arrow's
    import pyarrow.dataset as ds

    (fragment,) = ds.dataset(path, format="parquet").get_fragments()
    return fragment


def _ordered(pieces: list[Piece], shuffle: Shuffle | None, epoch: int) -> list[Piece]:
    import numpy as np

    if shuffle is None:
        return pieces
    chance = np.random.default_rng((shuffle.seed, epoch))
    return [pieces[place] for place in chance.permutation(len(pieces))]


def _shared(pieces: Sequence[Piece], shard: Shard) -> list[Piece]:
    """Return a shard's part of the order: as many rows as each other's, the first one more."""
    share, over = divmod(sum(piece.rows for piece in pieces), shard.world)
    first, last = (number * share + min(number, over) for number in (shard.rank, shard.rank + 1))
    found, at = [], 0
    for piece in pieces:
        start, stop = max(first - at, 0), min(last - at, piece.rows)
        if start < stop:
            found.append(
                msgspec.structs.replace(piece, start=piece.start + start, stop=piece.start + stop)
            )
        at += piece.rows
    return found


def _buffers(pieces: Sequence[Piece], most: int) -> Iterator[list[Piece]]:
    """Put pieces together while they are not more rows than a buffer holds."""
    waiting: list[Piece] = []
    rows = 0
    for piece in pieces:
        if waiting and rows + piece.rows > most:
            yield waiting
            waiting, rows = [], 0
        waiting.append(piece)
        rows += piece.rows
    if waiting:
        yield waiting


def _nothing(rows: int) -> "pa.Table":
    import pyarrow as pa

    return pa.table({"": pa.nulls(rows)})


def _array(column: "pa.ChunkedArray", field: "pa.Field") -> "np.ndarray":
    import pyarrow as pa

    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = values.chunk(0) if values.num_chunks else pa.array([], field.type)
    if pa.types.is_integer(values.type) and field.nullable:
        try:
            values = values.cast(pa.float64())
        except pa.ArrowInvalid as error:
            raise Invalid(
                f"{field.name!r} may be missing, and has a whole number above 2**53: {error}",
                hint="read it with batches(), or let it be always there",
            ) from error
    found: np.ndarray = values.to_numpy(zero_copy_only=False)
    return found
