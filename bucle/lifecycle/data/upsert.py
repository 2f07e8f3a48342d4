"""Change rows by the key of their dataset: put rows in place of old ones, or take rows out.

Only the files that hold such a row are written anew; the rest are shared with the head.
"""

from collections.abc import Sequence
from functools import partial

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, NotFound
from bucle.governance.session import Session
from bucle.lifecycle.data.columns import known_schema
from bucle.lifecycle.data.commit import (
    Also,
    Opener,
    Proposal,
    commit,
    commit_opened,
    commit_table,
    open_files,
    seen,
    settle,
    sifted_of,
    unchanged,
)
from bucle.lifecycle.data.conform import conformed, require_columns
from bucle.lifecycle.data.contracts.judge import told_to_producer
from bucle.lifecycle.data.files.change import without_paths
from bucle.lifecycle.data.kinds import is_files, require_table
from bucle.lifecycle.data.parquet import store_rows
from bucle.lifecycle.data.quarantine.records import Sifted
from bucle.lifecycle.data.read import file_paths
from bucle.lifecycle.data.records import Commit, DataFile, DatasetSpec, DatasetVersion
from bucle.lifecycle.data.rewrite import without
from bucle.lifecycle.data.sources import Source, table_source


def upsert(session: Session, wish: Commit) -> DatasetVersion:
    """Put the rows of files in place of those that have their keys, and add the rest.

    The rows that came lie behind those that stayed.  The same rows again change nothing.

    Raises:
        Invalid: the dataset has no key, or a file is empty or does not fit its columns.
        Refused: an expectation does not hold, or two of the rows have one key.
        Conflict: somebody else committed first, or the head is not `if_head`.
    """
    with told_to_producer(session, wish.name, wish.branch):
        found = _upserted(session, wish, partial(open_files, session, wish))
    return found or commit(session, msgspec.structs.replace(wish, mode="append"))


def upsert_table(
    session: Session, name: str, table: pa.Table, *, message: str = "", if_head: str | None = None
) -> DatasetVersion:
    """Put the rows of a table in memory in place of old ones; see `upsert`."""
    wish = Commit(name=name, files=(), message=message, if_head=if_head)
    with told_to_producer(session, wish.name, wish.branch):
        found = _upserted(session, wish, lambda _: [table_source(table)])
    if found is None:
        found = commit_table(session, name, table, mode="append", message=message, if_head=if_head)
    return found


def upsert_opened(session: Session, wish: Commit, open_: Opener, also: Also) -> DatasetVersion:
    """Put what is opened in place, and let `also` write in the same transaction; see `upsert`."""
    found = _upserted(session, wish, open_, also)
    return found or commit_opened(
        session, msgspec.structs.replace(wish, mode="append"), open_, also
    )


def delete(session: Session, wish: Commit) -> DatasetVersion:
    """Take out the rows whose keys are in files; keys that no row has are passed over.

    Raises:
        Invalid: the dataset has no key, a file lacks a column of it, or no row would be left.
        NotFound: nothing was committed to the dataset.
        Refused: an expectation does not hold of the rows that are left.
        Conflict: somebody else committed first, or the head is not `if_head`.
    """
    with told_to_producer(session, wish.name, wish.branch):
        return _deleted(session, wish, partial(open_files, session, wish))


def delete_keys(
    session: Session, name: str, keys: pa.Table, *, message: str = "", if_head: str | None = None
) -> DatasetVersion:
    """Take out the rows whose keys are in a table in memory; see `delete`."""
    wish = Commit(name=name, files=(), message=message, if_head=if_head)
    with told_to_producer(session, wish.name, wish.branch):
        return _deleted(session, wish, lambda _: [table_source(keys)])


def key_of(spec: DatasetSpec | None, name: str) -> tuple[str, ...]:
    """Return the key that is declared of a dataset.

    Raises:
        Invalid: none is.
    """
    if spec is None or not spec.key:
        raise Invalid(
            f"dataset:{name} has no key, so that its rows can not be told apart",
            hint=f"declare it: bucle data declare {name} --key <column>",
        )
    return spec.key


def _upserted(
    session: Session, wish: Commit, open_: Opener, also: Also | None = None
) -> DatasetVersion | None:
    """Return the version that is made; None where there is no head to change."""
    wish = msgspec.structs.replace(wish, mode="upsert")
    spec, head = seen(session, wish)
    require_table(head)
    key = key_of(spec, wish.name)
    if head is None:
        return None
    drivers = session.drivers
    known = known_schema(session, head)
    sources = open_(known)
    for source in sources:
        require_columns(source, known, evolve=False)
    batches = (batch for source in sources for batch in conformed(source, known))
    fresh = store_rows(drivers.blobs, batches, known, folder=drivers.cache_path / "incoming")
    if not fresh:
        raise Invalid(f"{_named(sources)}: there are no rows", hint="give at least one row")
    there, brought = {file.digest for file in head.files}, {file.digest for file in fresh}
    if brought <= there and not any(source.lines for source in sources):
        return unchanged(session, wish, head, Sifted(files=head.files), also)
    sifted = sifted_of(session, wish, spec, (head, fresh, sources, None))
    new = tuple(file for file in sifted.files if file.digest not in there)
    if not new:
        return unchanged(session, wish, head, sifted, also)
    paths = file_paths(drivers, new)
    keys = pa.concat_tables([pq.ParquetFile(path).read(columns=list(key)) for path in paths])
    left = without(drivers, head.files, keys, key, spare={file.digest for file in sifted.files})
    proposal = Proposal(
        spec=spec, head=head, files=(*left, *new), schema=known, added_rows=_rows(new),
        sifted=sifted, also=also,
    )  # fmt: skip
    return settle(session, wish, proposal)


def _deleted(session: Session, wish: Commit, open_: Opener) -> DatasetVersion:
    wish = msgspec.structs.replace(wish, mode="delete")
    spec, head = seen(session, wish)
    key = ("path",) if is_files(head) else key_of(spec, wish.name)
    if head is None:
        raise NotFound(f"dataset:{wish.name} has no rows", hint="bucle data list")
    known = known_schema(session, head)
    schema = pa.schema([known.field(name) for name in key])
    sources = open_(known)
    for source in sources:
        if missing := [name for name in key if name not in source.schema.names]:
            raise Invalid(
                f"{source.name} lacks {missing[0]!r}, a column of the key of dataset:{wish.name}",
                hint=f"give the columns {', '.join(key)}",
            )
    batches = [batch for source in sources for batch in conformed(source, schema)]
    keys = pa.Table.from_batches(batches, schema=schema)
    if is_files(head):
        paths = set(keys.column("path").to_pylist())
        return without_paths(session, wish, (spec, head), paths)
    left = without(session.drivers, head.files, keys, key)
    if not left:
        raise Invalid(f"no row of {head.ref} would be left", hint="a version has at least one row")
    proposal = Proposal(spec=spec, head=head, files=left, schema=known, added_rows=0)
    return settle(session, wish, proposal)


def _rows(files: Sequence[DataFile]) -> int:
    return sum(file.rows for file in files)


def _named(sources: Sequence[Source]) -> str:
    return " and ".join(source.name for source in sources)
