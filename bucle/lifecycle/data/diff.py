"""Compare two versions of a dataset: columns, and rows; files that both share are not read."""

from collections.abc import Sequence

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.engine import Engine, TableSource
from bucle.governance.session import Session
from bucle.lifecycle.data.read import file_paths, find_spec, get_version, quoted
from bucle.lifecycle.data.records import Column, DataFile, DatasetDiff, DatasetVersion


def diff(session: Session, left: Ref | str, right: Ref | str) -> DatasetDiff:
    """Return what was added, removed and changed from the left version to the right one.

    Rows are compared by the dataset's key where it has one and both versions have its columns,
    in the columns that both have.

    Raises:
        NotFound: one of the versions does not exist.
        Invalid: they are versions of two datasets.
    """
    with session.begin(write=False) as scope:
        old, new = get_version(scope, left), get_version(scope, right)
        spec = find_spec(scope, old.ref.name)
    if old.ref.name != new.ref.name:
        raise Invalid(f"{old.ref} and {new.ref} are of two datasets", hint="compare two versions")
    shared = {file.digest for file in old.files} & {file.digest for file in new.files}
    removed_files = [file for file in old.files if file.digest not in shared]
    added_files = [file for file in new.files if file.digest not in shared]
    before = {column.name: column.type for column in old.columns}
    after = {column.name: column.type for column in new.columns}
    both = [name for name in before if name in after]
    key = spec.key if spec and set(spec.key) <= set(both) else ()
    added, removed, changed = _rows(session, removed_files, added_files, key=key, columns=both)
    return DatasetDiff(
        left=old.ref,
        right=new.ref,
        rows_added=added,
        rows_removed=removed,
        rows_changed=changed,
        columns_added=_columns(new, [name for name in after if name not in before]),
        columns_removed=_columns(old, [name for name in before if name not in after]),
        columns_retyped=_columns(new, [name for name in both if before[name] != after[name]]),
        files_shared=len(shared),
        bytes_added=sum(file.size_bytes for file in added_files),
    )


def _columns(version: DatasetVersion, names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(column for column in version.columns if column.name in names)


def _rows(
    session: Session,
    left: Sequence[DataFile],
    right: Sequence[DataFile],
    *,
    key: Sequence[str],
    columns: Sequence[str],
) -> tuple[int, int, int | None]:
    """Return rows added, removed and (with a key) changed."""
    if not left or not right or not columns:
        added, removed = sum(file.rows for file in right), sum(file.rows for file in left)
        return added, removed, 0 if key else None
    tables: dict[str, TableSource] = {
        "l": file_paths(session.drivers, left),
        "r": file_paths(session.drivers, right),
    }
    if key:
        return _by_key(session.drivers.engine, tables, key, columns)
    return _by_content(session.drivers.engine, tables, columns)


def _by_key(
    engine: Engine, tables: dict[str, TableSource], key: Sequence[str], columns: Sequence[str]
) -> tuple[int, int, int]:
    same = " AND ".join(f"a.{quoted(name)} = b.{quoted(name)}" for name in key)
    values = [f"a.{quoted(name)} IS DISTINCT FROM b.{quoted(name)}" for name in columns]
    (row,) = engine.query(
        "SELECT count(*) FILTER (WHERE bucle_l IS NULL) AS added, "
        "count(*) FILTER (WHERE bucle_r IS NULL) AS removed, "
        f"count(*) FILTER (WHERE bucle_l AND bucle_r AND ({' OR '.join(values)})) AS changed "
        "FROM (SELECT *, true AS bucle_l FROM l) AS a "
        f"FULL JOIN (SELECT *, true AS bucle_r FROM r) AS b ON {same}",
        tables=tables,
    ).to_pylist()
    return row["added"], row["removed"], row["changed"]


def _by_content(
    engine: Engine, tables: dict[str, TableSource], columns: Sequence[str]
) -> tuple[int, int, None]:
    chosen = ", ".join(quoted(name) for name in columns)
    (row,) = engine.query(
        f"SELECT (SELECT count(*) FROM (SELECT {chosen} FROM r EXCEPT ALL SELECT {chosen} FROM l)) "
        f"AS added, (SELECT count(*) FROM (SELECT {chosen} FROM l EXCEPT ALL SELECT {chosen} "
        "FROM r)) AS removed",
        tables=tables,
    ).to_pylist()
    return row["added"], row["removed"], None
