"""A dataset in hand: commit tables, frames and files to it, read its versions as tables.

The bytes travel as files under their digests, so it is the same here and at a server.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.interfaces.operations.fields import Upload
from bucle.lifecycle.data import DatasetVersion, PartFile

if TYPE_CHECKING:
    import pyarrow as pa

Mode = Literal["replace", "append"]
Call = Callable[..., Any]
Note = Callable[[DatasetVersion, int], None]  # told of a version and of how many rows were read


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
        self, version: str | int | None = None, *, columns: Sequence[str] | None = None
    ) -> "pa.Table":
        """Read a whole version: of a number, tag, ISO time or digest.

        Without one, that of the name (`dataset:trips@3`), or the newest.
        """
        found = self.version(version)
        table = read_version(found, self._get, columns=columns)
        if self._note:
            self._note(found, table.num_rows)
        return table

    def paths(self, version: str | int | None = None) -> list[Path]:
        """Return the Parquet files of a version, for what reads such files in place.

        DuckDB, Polars, Spark and PyTorch's loaders do.  Join them by the names of the columns: a
        file from before a column came lacks it.
        """
        found = self.version(version)
        if self._note:
            self._note(found, found.rows)
        return [self._get(file.digest) for file in found.files]

    def batches(
        self,
        version: str | int | None = None,
        *,
        columns: Sequence[str] | None = None,
        rows: int = 65_536,
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the rows of a version in their order, at most so many at once.

        The rows are never all in memory.

        Raises:
            Invalid: the version does not have one of the columns.
        """
        found = self.version(version)
        wanted = _wanted(found, columns)
        if self._note:
            self._note(found, found.rows)
        return _batches([self._get(file.digest) for file in found.files], wanted, rows)

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
