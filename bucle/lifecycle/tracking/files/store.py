"""The table of files, and all of its SQL.

Folders have no rows: a folder is a range of paths, and the column `folder` beside its index
answers what lies directly in one without reading what lies deeper.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Row, String, Table, delete, select

from bucle.base.refs import Ref
from bucle.drivers.db import OrderedText, Tx, UtcDateTime, metadata, upsert_into
from bucle.lifecycle.tracking.files.paths import ancestors_of
from bucle.lifecycle.tracking.files.records import File

files = Table(
    "files",
    metadata,
    Column("project", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("path", OrderedText, primary_key=True),
    Column("folder", OrderedText, nullable=False),
    Column("digest", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("logged_at", UtcDateTime, nullable=False),
    Index("ix_files_project_owner_folder", "project", "owner", "folder"),
)


def put_file(tx: Tx, project: str, file: File) -> None:
    """Write a file; under the same path the new one takes the place of the old."""
    changing = {
        "digest": file.digest,
        "size_bytes": file.size_bytes,
        "logged_at": file.logged_at,
    }
    row = {
        "project": project,
        "owner": str(file.owner),
        "path": file.path,
        "folder": file.path.rpartition("/")[0],
    }
    query = upsert_into(tx, files).values(**row, **changing)
    key = ["project", "owner", "path"]
    tx.execute(query.on_conflict_do_update(index_elements=key, set_=changing))


def find_file(tx: Tx, project: str, owner: Ref, path: str) -> File | None:
    """Return a file, or None."""
    row = tx.execute(select(files).where(_of(project, owner), files.c.path == path)).one_or_none()
    return _file(row) if row else None


def list_files(tx: Tx, project: str, owner: Ref, folder: str = "") -> tuple[File, ...]:
    """Return every file below a folder, by path."""
    query = select(files).where(_of(project, owner), *_below(files.c.path, folder))
    return tuple(_file(row) for row in tx.execute(query.order_by(files.c.path)))


def list_folder(
    tx: Tx, project: str, owner: Ref, folder: str
) -> tuple[tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Return the files (path and size) and the folders that lie directly in a folder."""
    here = select(files.c.path, files.c.size_bytes).where(
        _of(project, owner), files.c.folder == folder
    )
    deeper = select(files.c.folder).where(_of(project, owner), *_below(files.c.folder, folder))
    start = len(folder) + 1 if folder else 0
    names = {
        row.folder[start:].partition("/")[0] for row in tx.execute(deeper.distinct()) if row.folder
    }
    return (
        tuple((row.path, row.size_bytes) for row in tx.execute(here)),
        tuple(f"{folder}/{name}" if folder else name for name in names),
    )


def find_obstacle(tx: Tx, project: str, owner: Ref, path: str) -> str | None:
    """Return a file that makes a file at this path impossible, or None.

    Such is a file where the path needs a folder, or one in a folder of the path's own name.
    """
    above = select(files.c.path).where(_of(project, owner), files.c.path.in_(ancestors_of(path)))
    inside = select(files.c.path).where(_of(project, owner), *_below(files.c.path, path))
    found: str | None = tx.execute(above.union_all(inside).limit(1)).scalar()
    return found


def delete_files(tx: Tx, project: str, owner: Ref, path: str = "") -> int:
    """Delete a file, or all files below a folder, and return how many that were."""
    chosen = [_of(project, owner)]
    if path:
        lower, upper = _below(files.c.path, path)
        chosen.append((files.c.path == path) | (lower & upper))
    return tx.execute(delete(files).where(*chosen)).rowcount


def delete_owned(tx: Tx, project: str, owners: Sequence[Ref]) -> int:
    """Delete every file of some owners."""
    chosen = (files.c.project == project, files.c.owner.in_([str(owner) for owner in owners]))
    return tx.execute(delete(files).where(*chosen)).rowcount


def _file(row: Row[Any]) -> File:
    return File(
        owner=Ref.parse(row.owner),
        path=row.path,
        digest=row.digest,
        size_bytes=row.size_bytes,
        logged_at=row.logged_at,
    )


def _of(project: str, owner: Ref) -> ColumnElement[bool]:
    return (files.c.project == project) & (files.c.owner == str(owner))


def _below(column: Column[str], folder: str) -> tuple[ColumnElement[bool], ...]:
    """Return the range of paths in a folder: `0` is the sign after `/`."""
    return (column >= f"{folder}/", column < f"{folder}0") if folder else ()
