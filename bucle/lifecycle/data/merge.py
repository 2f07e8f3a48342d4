"""Merge a branch into another: take its version over where it only went on, else join by key.

Three versions are compared: the two heads, and the newest that both come from.  A row that one
branch changed is taken over; a row that both changed otherwise is a conflict, and none is solved
by guessing.
"""

import heapq
from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa

from bucle.base.errors import Conflict, Invalid
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.columns import known_schema
from bucle.lifecycle.data.commit import Proposal, settle
from bucle.lifecycle.data.compare import HASH, hashes, no_rows_like, same_key
from bucle.lifecycle.data.conform import conformed
from bucle.lifecycle.data.files.change import merge_trees
from bucle.lifecycle.data.kinds import is_files
from bucle.lifecycle.data.parquet import store_rows
from bucle.lifecycle.data.read import (
    HEAD,
    file_paths,
    find_head,
    find_spec,
    no_branch,
    quoted,
    with_files,
)
from bucle.lifecycle.data.records import Commit, DataFile, DatasetSpec, DatasetVersion
from bucle.lifecycle.data.rewrite import picked, without
from bucle.lifecycle.data.sources import table_source
from bucle.lifecycle.data.upsert import key_of

_SHOWN = 10


class _Three(msgspec.Struct, frozen=True):
    """The heads of two branches, and the newest version that both come from."""

    spec: DatasetSpec | None
    base: DatasetVersion
    ours: DatasetVersion
    theirs: DatasetVersion


def merge(
    session: Session, name: str, branch: str, *, into: str = HEAD, message: str = ""
) -> DatasetVersion:
    """Bring what was committed to a branch into another one; a branch that is in gives its head.

    Raises:
        NotFound: there is no such branch.
        Conflict: both changed the same rows, whose keys are named, or somebody committed first.
        Invalid: both went on, and the dataset has no key or the columns differ.
        Refused: an expectation does not hold of the rows together; carries the verdicts.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_WRITE, Ref("dataset", check_name(name)))
        three = _found(scope, name, branch, into)
    ours, theirs = three.ours, three.theirs
    if three.base.number == theirs.number:
        return ours
    wish = Commit(
        name=name, files=(), mode="merge", branch=into, message=message or f"merge of {branch}"
    )
    if is_files(ours):
        return merge_trees(session, wish, three.spec, (three.base, ours, theirs))
    if three.base.number == ours.number:
        files, schema = theirs.files, known_schema(session, theirs)
        proposal = Proposal(
            spec=three.spec, head=ours, files=files, schema=schema, merged=theirs.ref
        )
    else:
        proposal = _by_key(session, three, key_of(three.spec, name))
    return settle(session, wish, proposal)


def _found(scope: Scope, name: str, branch: str, into: str) -> _Three:
    ours, theirs = find_head(scope, name, into), find_head(scope, name, branch)
    for head, wanted in ((ours, into), (theirs, branch)):
        if head is None:
            raise no_branch(name, wanted)
    assert ours is not None
    assert theirs is not None
    number = _common(scope, ours, theirs)
    base = store.find_version(scope.tx, scope.project, name, number)
    assert base is not None  # a branch starts at a version of the same dataset
    spec = find_spec(scope, name)
    return _Three(spec, with_files(scope.drivers, base), ours, theirs)


def _common(scope: Scope, ours: DatasetVersion, theirs: DatasetVersion) -> int:
    """Return the greatest number that both come from; what a version comes from is smaller.

    Versions are visited from the greatest number down, so that all that come from one were
    visited before it.
    """
    sides: dict[int, set[str]] = {}
    waiting: list[int] = []
    for side, head in (("ours", ours), ("theirs", theirs)):
        sides.setdefault(head.number, set()).add(side)
    for number in sides:
        heapq.heappush(waiting, -number)
    while waiting:
        number = -heapq.heappop(waiting)
        if len(sides[number]) > 1:
            return number
        for before in _parents(scope, ours.ref.name, number):
            if before not in sides:
                heapq.heappush(waiting, -before)
            sides.setdefault(before, set()).update(sides[number])
    raise Invalid(f"{ours.ref} and {theirs.ref} have no version in common")


def _parents(scope: Scope, name: str, number: int) -> list[int]:
    version = store.find_version(scope.tx, scope.project, name, number)
    refs = (version.parent, version.merged) if version else ()
    return [int(ref.version) for ref in refs if ref and ref.version]


def _by_key(session: Session, three: _Three, key: Sequence[str]) -> Proposal:
    """Take over what the other branch changed; what both changed to the same is there already."""
    ours, theirs, drivers = three.ours, three.theirs, session.drivers
    _require_same_columns(three)
    their_changes = _changes(session, three.base, theirs, key)
    our_changes = _changes(session, three.base, ours, key)
    _require_no_conflict(session, three, key, our_changes, their_changes)
    wanted = drivers.engine.query(
        f"SELECT t.* FROM theirs AS t ANTI JOIN ours AS o ON {same_key(key, 't', 'o')}",
        tables={"theirs": their_changes, "ours": our_changes},
    )
    keys = wanted.select(list(key))
    put = keys.filter(wanted.column(HASH).is_valid())
    schema = known_schema(session, ours)
    there = {file.digest for file in three.base.files}
    rows = picked(drivers, [file for file in theirs.files if file.digest not in there], put, key)
    folder = drivers.cache_path / "incoming"
    fresh = store_rows(drivers.blobs, _batches(rows, schema), schema, folder=folder)
    files = without(drivers, ours.files, keys, key)
    if not files and not fresh:
        raise Invalid(f"no row of {ours.ref} would be left", hint="a version has at least one row")
    return Proposal(
        spec=three.spec, head=ours, files=(*files, *fresh), schema=schema,
        added_rows=put.num_rows, merged=theirs.ref,
    )  # fmt: skip


def _batches(tables: Iterator[pa.Table], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for table in tables:
        yield from conformed(table_source(table), schema)


def _require_same_columns(three: _Three) -> None:
    columns = [
        {column.name: column.type for column in version.columns}
        for version in (three.base, three.ours, three.theirs)
    ]
    if columns[0] == columns[1] == columns[2]:
        return
    raise Invalid(
        f"{three.ours.ref} and {three.theirs.ref} have other columns than {three.base.ref}, which "
        "both come from, and are not merged row by row",
        hint="bring both branches to the same columns before they part, or commit the rows",
    )


def _changes(
    session: Session, old: DatasetVersion, new: DatasetVersion, key: Sequence[str]
) -> pa.Table:
    """Return the keys of rows that differ, each with the hash of the new row; null: it is gone."""
    shared = {file.digest for file in old.files} & {file.digest for file in new.files}
    before, after = (_paths(session, version.files, shared) for version in (old, new))
    whole = file_paths(session.drivers, new.files[:1])
    tables = {"old": before or no_rows_like(whole, key), "new": after or no_rows_like(whole, key)}
    sides = [
        hashes(name, table, key=key, hashed=new.column_names) for name, table in tables.items()
    ]
    chosen = ", ".join(f"coalesce(a.{quoted(name)}, b.{quoted(name)}) AS {quoted(name)}"
                       for name in key)  # fmt: skip
    return session.drivers.engine.query(
        f"SELECT {chosen}, b.{HASH} AS {HASH} FROM ({sides[0]}) AS a FULL JOIN ({sides[1]}) AS b "
        f"ON {same_key(key, 'a', 'b')} WHERE a.{HASH} IS DISTINCT FROM b.{HASH}",
        tables=tables,
    )


def _paths(session: Session, files: Sequence[DataFile], shared: set[str]) -> list[str]:
    own = [file for file in files if file.digest not in shared]
    return [str(path) for path in file_paths(session.drivers, own)]


def _require_no_conflict(
    session: Session, three: _Three, key: Sequence[str], ours: pa.Table, theirs: pa.Table
) -> None:
    chosen = ", ".join(f"t.{quoted(name)} AS {quoted(name)}" for name in key)
    found = session.drivers.engine.query(
        f"SELECT {chosen} FROM theirs AS t JOIN ours AS o ON {same_key(key, 't', 'o')} "
        f"WHERE t.{HASH} IS DISTINCT FROM o.{HASH} ORDER BY ALL",
        tables={"theirs": theirs, "ours": ours},
    )
    if not found.num_rows:
        return
    rows = found.slice(0, _SHOWN).to_pylist()
    shown = ["(" + ", ".join(f"{name}={value!r}" for name, value in row.items()) + ")"
             for row in rows]  # fmt: skip
    more = f" and {found.num_rows - _SHOWN} more" if found.num_rows > _SHOWN else ""
    noun = "row was" if found.num_rows == 1 else "rows were"
    raise Conflict(
        f"{found.num_rows} {noun} changed in {three.ours.ref} and otherwise in {three.theirs.ref} "
        f"since {three.base.ref}: {', '.join(shown)}{more}",
        hint="upsert them in one of the branches as they are in the other, and merge again",
    )
