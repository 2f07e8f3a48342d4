"""Compare two versions of a dataset: columns, and rows; files that both share are not read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.engine import Engine, TableSource
from bucle.governance.session import Session
from bucle.lifecycle.data.compare import hashes, no_rows_like, same_key
from bucle.lifecycle.data.files.change import diff_trees
from bucle.lifecycle.data.kinds import is_files
from bucle.lifecycle.data.parquet import file_of
from bucle.lifecycle.data.prune import may_share
from bucle.lifecycle.data.read import file_paths, find_spec, get_version, quoted
from bucle.lifecycle.data.records import (
    Column,
    ColumnChange,
    ColumnStats,
    DataFile,
    DatasetDiff,
    DatasetVersion,
    RowChange,
)

_SAMPLES = 5


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
    if is_files(old) and is_files(new):
        return diff_trees(session.drivers, old, new)
    shared = {file.digest for file in old.files} & {file.digest for file in new.files}
    removed_files = [file for file in old.files if file.digest not in shared]
    added_files = [file for file in new.files if file.digest not in shared]
    before = {column.name: column.type for column in old.columns}
    after = {column.name: column.type for column in new.columns}
    both = [name for name in before if name in after]
    same = {name for name in both if before[name] == after[name]}
    key = spec.key if spec and same.issuperset(spec.key) else ()
    rows = _rows(session, (removed_files, added_files), key=key, before=before, after=after)
    return DatasetDiff(
        left=old.ref,
        right=new.ref,
        rows_added=rows.added,
        rows_removed=rows.removed,
        rows_changed=rows.changed,
        columns_added=_columns(new, [name for name in after if name not in before]),
        columns_removed=_columns(old, [name for name in before if name not in after]),
        columns_retyped=_columns(new, [name for name in both if before[name] != after[name]]),
        columns_changed=tuple(_changes(old, new, both)),
        files_shared=len(shared),
        bytes_added=sum(file.size_bytes for file in added_files),
        samples=rows.samples,
    )


def _changes(
    old: DatasetVersion, new: DatasetVersion, names: Sequence[str]
) -> Iterator[ColumnChange]:
    for name in names:
        before, after = (_stats(version.files, name) for version in (old, new))
        if before and after and before != after:
            yield ColumnChange(name=name, before=before, after=after)


def _stats(files: Sequence[DataFile], name: str) -> ColumnStats | None:
    """Join what files say of a column; None: none of them says anything, as of nested ones."""
    said = [
        (next((each for each in file.stats if each.name == name), None), file.rows)
        for file in files
    ]
    if not any(stats for stats, _ in said):
        return None
    # A file from before the column came holds no value of it.
    found = [(stats or ColumnStats(name=name, nulls=rows), rows) for stats, rows in said]
    known = [stats for stats, rows in found if stats.nulls < rows]
    sure = all(stats.minimum is not None and stats.maximum is not None for stats in known)
    one_kind = len({type(stats.minimum) for stats in known}) == 1
    return ColumnStats(
        name=name,
        nulls=sum(stats.nulls for stats, _ in found),
        minimum=_limit(min, [stats.minimum for stats in known]) if sure and one_kind else None,
        maximum=_limit(max, [stats.maximum for stats in known]) if sure and one_kind else None,
    )


_Limit: TypeAlias = float | int | str | None


def _limit(choose: Callable[[Any], Any], limits: Sequence[_Limit]) -> _Limit:
    chosen: _Limit = choose(limits)
    return chosen


def _columns(version: DatasetVersion, names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(column for column in version.columns if column.name in names)


class _Rows(msgspec.Struct, frozen=True):
    """What was found of the rows."""

    added: int
    removed: int
    changed: int | None
    samples: tuple[RowChange, ...] = ()


def _rows(
    session: Session,
    files: tuple[Sequence[DataFile], Sequence[DataFile]],
    *,
    key: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> _Rows:
    """Compare the rows of files of two versions."""
    left, right = files
    both = [name for name in before if name in after]
    if not key and (not left or not right or not both):
        added, removed = sum(file.rows for file in right), sum(file.rows for file in left)
        return _Rows(added, removed, None)
    if not key:
        tables: dict[str, TableSource] = {
            "l": file_paths(session.drivers, left),
            "r": file_paths(session.drivers, right),
        }
        return _by_content(session.drivers.engine, tables, both)
    if not left and not right:
        return _Rows(0, 0, 0)
    return _by_key(session, files, _Compared(key, before, after))


class _Compared(msgspec.Struct, frozen=True):
    """The key and the types of the columns of both sides."""

    key: Sequence[str]
    before: Mapping[str, str]
    after: Mapping[str, str]

    @property
    def hashed(self) -> tuple[str, ...]:
        """The columns that are compared by a hash: the same values have the same one."""
        return tuple(name for name in self.before if self.after.get(name) == self.before[name])

    @property
    def retyped(self) -> tuple[str, ...]:
        """The columns that are compared value by value: other types hash otherwise."""
        both = (name for name in self.before if name in self.after)
        return tuple(name for name in both if name not in self.hashed)


def _by_key(
    session: Session,
    files: tuple[Sequence[DataFile], Sequence[DataFile]],
    compared: _Compared,
) -> _Rows:
    """Join on the key and compare a hash of 64 bits of each row, and keep the first keys."""
    key = compared.key
    other = ["a.bucle_h <> b.bucle_h"]
    other += [f"a.{quoted(name)} IS DISTINCT FROM b.{quoted(name)}" for name in compared.retyped]
    kinds = {
        "added": "a.bucle_h IS NULL",
        "removed": "b.bucle_h IS NULL",
        "changed": f"a.bucle_h IS NOT NULL AND b.bucle_h IS NOT NULL AND ({' OR '.join(other)})",
    }
    fields = ", ".join(
        f"k{place} := coalesce(a.{quoted(name)}, b.{quoted(name)})"
        for place, name in enumerate(key)
    )
    asked = [f"count(*) FILTER (WHERE {kind}) AS {name}" for name, kind in kinds.items()]
    asked += [
        f"min(struct_pack({fields}), {_SAMPLES}) FILTER (WHERE {kind}) AS {name}_keys"
        for name, kind in kinds.items()
    ]
    left, right = (_paths(session, some) for some in files)
    left, right = left or no_rows_like(right, key), right or no_rows_like(left, key)
    sides = [
        hashes(name, table, key=key, hashed=compared.hashed, also=compared.retyped)
        for name, table in (("l", left), ("r", right))
    ]
    answer = session.drivers.engine.query(
        f"SELECT {', '.join(asked)} FROM ({sides[0]}) AS a FULL JOIN ({sides[1]}) AS b "
        f"ON {same_key(key, 'a', 'b')}",
        tables={"l": left, "r": right},
    )
    counts = {name: answer[name][0].as_py() for name in kinds}
    samples = [
        change
        for name in kinds
        for change in _samples(session, files, key, name, answer[f"{name}_keys"][0])
    ]
    return _Rows(counts["added"], counts["removed"], counts["changed"], tuple(samples))


def _paths(session: Session, files: Sequence[DataFile]) -> TableSource:
    return file_paths(session.drivers, files)


def _samples(
    session: Session,
    files: tuple[Sequence[DataFile], Sequence[DataFile]],
    key: Sequence[str],
    what: str,
    found: pa.ListScalar,
) -> list[RowChange]:
    """Read the rows of some keys, before and after."""
    if not found.is_valid or not len(found):
        return []
    values = found.values
    keys = pa.table({name: values.field(place) for place, name in enumerate(key)})
    before, after = (_rows_of(session, some, keys, key) for some in files)
    wanted = [tuple(row.values()) for row in keys.to_pylist()]
    return [
        RowChange(what=what, before=before.get(each), after=after.get(each))
        for each in wanted
        if each in before or each in after  # a NaN is not found again
    ]


def _rows_of(
    session: Session, files: Sequence[DataFile], keys: pa.Table, key: Sequence[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    near = may_share(files, (file_of(keys),), key)
    if not near:
        return {}
    answer = session.drivers.engine.query(
        f"SELECT t.* FROM dataset AS t SEMI JOIN keys AS k ON {same_key(key, 't', 'k')}",
        tables={"dataset": file_paths(session.drivers, near), "keys": keys},
    )
    return {tuple(row[name] for name in key): row for row in answer.to_pylist()}


def _by_content(engine: Engine, tables: dict[str, TableSource], columns: Sequence[str]) -> _Rows:
    chosen = ", ".join(quoted(name) for name in columns)
    (row,) = engine.query(
        f"SELECT (SELECT count(*) FROM (SELECT {chosen} FROM r EXCEPT ALL SELECT {chosen} FROM l)) "
        f"AS added, (SELECT count(*) FROM (SELECT {chosen} FROM l EXCEPT ALL SELECT {chosen} "
        "FROM r)) AS removed",
        tables=tables,
    ).to_pylist()
    return _Rows(row["added"], row["removed"], None)
