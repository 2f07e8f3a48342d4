"""A dataset in hand: commit tables, frames and files to it, read its versions as tables.

The bytes travel as files under their digests, so it is the same here and at a server.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.engine.relation import Connection, Relation, open_relation
from bucle.interfaces.client.loading import Loader, Shard, Shuffle, Wanted
from bucle.interfaces.client.readers import (
    Filter,
    condition,
    open_polars,
    open_scan,
    require_pandas,
    schema_of,
)
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data import DatasetVersion, PartFile

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.dataset as ds

Mode = Literal["replace", "append"]
Call = Callable[..., Any]
Note = Callable[[DatasetVersion, int], None]  # told of a version and of how many rows were read

_ALONE = Shard()


class Dataset:
    """One dataset of a client's project."""

    def __init__(self, name: str, *, call: Call, put: Callable[[bytes | Path], str],
                 get: Callable[[str], Path]) -> None:  # fmt: skip
        named = Ref.parse(name, kind="dataset")
        self.name = named.name
        self._version = named.version  # None: the newest, unless a reader says otherwise
        self._call = call
        self._put = put
        self._get = get
        self._note: Note | None = None  # None: nobody keeps book of what is read

    def noted_by(self, note: Note) -> Self:
        """Have somebody told of what is read from now on; return the dataset itself."""
        self._note = note
        return self

    def __repr__(self) -> str:
        return f"Dataset({str(Ref('dataset', self.name, self._version))!r})"

    def commit(
        self,
        content: object,
        *,
        mode: Mode = "replace",
        message: str = "",
        if_head: str | None = None,
        evolve: bool = False,
        branch: str = "main",
    ) -> DatasetVersion:
        """Commit a table, a data frame, rows as dicts, or files, as the next version.

        Args:
            content: a `pa.Table`, anything else that Arrow reads (pandas, Polars, DuckDB), a
                list of dicts, or the path of a CSV, Parquet, Arrow or JSON file, or several.
            mode: `append` keeps the rows that are there.
            message: why.
            if_head: the version that must still be the head; `Conflict` if it is not.
            evolve: let new columns in.
            branch: to which.

        Raises:
            Invalid: nothing is known of how to read the content.
            Refused: what was declared of the dataset does not hold; carries the verdicts.
        """
        answer: DatasetVersion = self._call(
            "data.commit",
            name=self.name,
            files=self._files(content),
            mode=mode,
            message=message,
            if_head=if_head,
            evolve=evolve,
            branch=branch,
        )
        return answer

    def upsert(
        self,
        content: object,
        *,
        message: str = "",
        if_head: str | None = None,
        branch: str = "main",
    ) -> DatasetVersion:
        """Put rows in place of those that have their keys, and add the rest.

        Takes what `commit` takes.

        Raises:
            Invalid: the dataset has no key.
            Refused: an expectation does not hold, or two of the rows have one key.
        """
        answer: DatasetVersion = self._call(
            "data.upsert",
            name=self.name,
            files=self._files(content),
            message=message,
            if_head=if_head,
            branch=branch,
        )
        return answer

    def delete(
        self,
        keys: object,
        *,
        message: str = "",
        if_head: str | None = None,
        branch: str = "main",
    ) -> DatasetVersion:
        """Take out the rows with these keys: a table, a frame, a list of dicts or a file of them.

        Older versions keep the rows.

        Raises:
            Invalid: the dataset has no key, or no row would be left.
            Refused: an expectation does not hold of the rows that are left.
        """
        answer: DatasetVersion = self._call(
            "data.delete",
            name=self.name,
            files=self._files(keys),
            message=message,
            if_head=if_head,
            branch=branch,
        )
        return answer

    def read(
        self,
        version: str | int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: Filter = None,  # noqa: A002 - what every reader of Parquet calls it
    ) -> "pa.Table":
        """Read a version: of a number, tag, ISO time or digest.

        Without one, that of the name (`dataset:trips@3`), or the newest.  `filter` is an
        expression of Arrow, or conditions that must all hold: `[("fare", ">", 5)]`.

        Raises:
            Invalid: the version does not have one of the columns, or the filter is none.
        """
        found = self.version(version)
        if filter is None:
            table = read_version(found, self._get, columns=columns)
        else:
            wanted = _wanted(found, columns)
            where = condition(filter, found.column_names)
            table = self._scan(found).to_table(columns=wanted, filter=where)
        if self._note:
            self._note(found, table.num_rows)
        return table

    def scan(self, version: str | int | None = None) -> "ds.Dataset":
        """Open a version as a dataset of Arrow: nothing is read before somebody asks for rows."""
        return self._scan(self._opened(version))

    def relation(
        self, version: str | int | None = None, *, connection: "Connection | None" = None
    ) -> Relation:
        """Open a version as a relation of DuckDB, of a connection or of a database of its own.

        `trips.relation().filter("fare > 5").aggregate("avg(fare)")` reads one column.
        """
        files, schema = self._files_of(self._opened(version))
        return open_relation(files, schema, connection=connection)

    def pandas(
        self,
        version: str | int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: Filter = None,  # noqa: A002 - as `read` calls it
    ) -> "pd.DataFrame":
        """Read a version as a data frame of pandas.

        Raises:
            NotInstalled: pandas is not.
        """
        require_pandas()
        table = self.read(version, columns=columns, filter=filter)
        return table.to_pandas(split_blocks=True, self_destruct=True)

    def polars(self, version: str | int | None = None) -> "pl.LazyFrame":
        """Open a version as a lazy frame of Polars, which reads what its query needs.

        Raises:
            NotInstalled: Polars is not.
        """
        found = self._opened(version)
        return open_polars([self._get(file.digest) for file in found.files], found.column_names)

    def loader(
        self,
        version: str | int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: Filter = None,  # noqa: A002 - as `read` calls it
        rows: int = 1024,
        shuffle: Shuffle | int | None = None,
        shard: Shard = _ALONE,
    ) -> Loader:
        """Return the batches of a version for training, as NumPy arrays or for PyTorch.

        Args:
            version: which; without one, that of the name, or the newest.
            columns: which; all of them without.
            filter: which rows, as in `read`.
            rows: of each batch.
            shuffle: a seed, or `Shuffle(seed=7, buffer_rows=...)`; without it the rows come as
                they were committed.
            shard: which part of the rows, where several processes share them: `Shard(rank, world)`.

        Raises:
            Invalid: the version does not have one of the columns, or the filter is none.
        """
        import pyarrow as pa

        found = self._opened(version)
        wanted = _wanted(found, columns)
        files, schema = self._files_of(found)
        nullable = {column.name: column.nullable for column in found.columns}
        chosen = [schema.field(name).with_nullable(nullable[name]) for name in wanted]
        return Loader(
            files,
            Wanted(
                schema=pa.schema(chosen),
                columns=schema,
                where=condition(filter, found.column_names),
                rows=rows,
                shuffle=Shuffle(seed=shuffle) if isinstance(shuffle, int) else shuffle,
                shard=shard,
            ),
        )

    def paths(self, version: str | int | None = None) -> list[Path]:
        """Return the Parquet files of a version, for what reads such files in place.

        Spark does.  Join them by the names of the columns: a
        file from before a column came lacks it.
        """
        return [self._get(file.digest) for file in self._opened(version).files]

    def batches(
        self,
        version: str | int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: Filter = None,  # noqa: A002 - as `read` calls it
        rows: int = 65_536,
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the rows of a version in their order, at most so many at once.

        The rows are never all in memory.

        Raises:
            Invalid: the version does not have one of the columns, or the filter is none.
        """
        found = self.version(version)
        wanted = _wanted(found, columns)
        where = condition(filter, found.column_names)
        if self._note:
            self._note(found, found.rows)
        if where is None:
            return _batches([self._get(file.digest) for file in found.files], wanted, rows)
        # One batch ahead: a reader of Arrow's runs sixteen ahead of who asks.
        found_rows: Iterator[pa.RecordBatch] = self._scan(found).to_batches(
            columns=wanted, filter=where, batch_size=rows, batch_readahead=1, fragment_readahead=1
        )
        return found_rows

    def part(self, split: str, part: str) -> "pa.Table":
        """Read the rows of a split that `fit` or that `select`; the rest confirms.

        Args:
            split: its name, of the newest version that was split, or `holdout@3`.
            part: which.

        Raises:
            NotFound: there is no such split.
            Refused: the part is the confirming one, which gates look at.
        """
        import pyarrow.parquet as pq

        found: PartFile = self._call("data.part", ref=split, part=part)
        if found.dataset.name != self.name:
            raise Invalid(
                f"{found.split} is a split of {found.dataset.bare}",
                hint=f"bucle.dataset({found.dataset.name!r}).part({split!r}, {part!r})",
            )
        table = pq.read_table(self._get(found.digest))
        if self._note:
            self._note(self._call("data.get", ref=found.dataset), table.num_rows)
        return table

    def version(self, version: str | int | None = None) -> DatasetVersion:
        """Return what is known of a version; without one, of the name's, or the newest."""
        asked = Ref("dataset", self.name, self._version if version is None else version)
        answer: DatasetVersion = self._call("data.get", ref=asked)
        return answer

    def _opened(self, version: str | int | None) -> DatasetVersion:
        """Return a version that somebody is about to read: who keeps book is told now."""
        found = self.version(version)
        if self._note:
            self._note(found, found.rows)
        return found

    def _files_of(self, version: DatasetVersion) -> "tuple[list[Path], pa.Schema]":
        files = [self._get(file.digest) for file in version.files]
        return files, schema_of(files, version.column_names)

    def _scan(self, version: DatasetVersion) -> "ds.Dataset":
        return open_scan(*self._files_of(version))

    def _files(self, content: object) -> list[Any]:
        paths = _paths(content)
        return [self._upload(content)] if paths is None else list(paths)

    def _upload(self, content: object) -> Upload:
        return Upload(digest=self._put(parquet_of(content)), name="table.parquet")


def read_version(
    version: DatasetVersion, get: Callable[[str], Path], *, columns: Sequence[str] | None = None
) -> "pa.Table":
    """Read a version's files, in the order in which they were committed.

    Raises:
        Invalid: the version does not have one of the columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = _wanted(version, columns)
    # A file from before a column came lacks it; `ParquetFile` reads the columns that are there.
    parts = [pq.ParquetFile(get(file.digest)).read(columns=wanted) for file in version.files]
    return pa.concat_tables(parts, promote_options="default").select(wanted)


def _wanted(version: DatasetVersion, columns: Sequence[str] | None) -> list[str]:
    known = [column.name for column in version.columns]
    if unknown := [name for name in columns or () if name not in known]:
        raise Invalid(
            f"{version.ref} has no column {unknown[0]!r}", hint=f"it has {', '.join(known)}"
        )
    return list(columns or known)


def _batches(paths: Sequence[Path], columns: list[str], rows: int) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = [pq.read_schema(path) for path in paths]
    whole = pa.unify_schemas(schemas, promote_options="permissive")
    wanted = pa.schema([whole.field(name) for name in columns])
    for path in paths:
        with pq.ParquetFile(path) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=rows, columns=there):
                arrays = [
                    batch.column(field.name).cast(field.type)
                    if field.name in there
                    else pa.nulls(batch.num_rows, field.type)
                    for field in wanted
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=wanted)


def parquet_of(content: object) -> bytes:
    """Return rows of any kind as a Parquet file.

    Raises:
        Invalid: Arrow can not read them.
    """
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(as_table(content), buffer, compression="zstd")
    return buffer.getvalue()


def as_table(content: object) -> "pa.Table":
    """Return rows of any kind as a table.

    Raises:
        Invalid: Arrow can not read them.
    """
    import pyarrow as pa

    try:
        if isinstance(content, pa.Table):
            return content
        if isinstance(content, list):
            return pa.Table.from_pylist(content)
        if hasattr(content, "iloc"):  # pandas: its index is no column
            return pa.Table.from_pandas(content, preserve_index=False)
        if hasattr(content, "__arrow_c_stream__"):
            return pa.table(content)
    except pa.ArrowException as error:
        raise Invalid(f"these rows are no table: {error}") from error
    raise Invalid(
        f"a {type(content).__name__} is no table",
        hint="give a pyarrow table, a data frame, a list of dicts or the path of a file",
    )


def _paths(content: object) -> list[Path] | None:
    """Return the paths that the content is; None if it is something else."""
    several = content if isinstance(content, list | tuple) and content else [content]
    if all(isinstance(one, str | Path) for one in several):
        return [Path(str(one)) for one in several]
    return None
