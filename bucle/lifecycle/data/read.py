"""Find versions of datasets by number, tag, branch, time or digest, and read their rows."""

import string
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bucle.base.codec import decode, utc
from bucle.base.errors import Invalid, NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import content_path
from bucle.drivers.house import Drivers
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.records import (
    DataFile,
    Dataset,
    DatasetSpec,
    DatasetVersion,
    Manifest,
)
from bucle.lifecycle.data.seal import require_whole

if TYPE_CHECKING:
    import pyarrow as pa

    from bucle.drivers.engine import TableSource

HEAD = store.MAIN
_SHORTEST_DIGEST = 6
_SMALL_BYTES = 8 << 20


def dataset_ref(ref: Ref | str) -> Ref:
    """Read a dataset's ref; the kind may be left out of text.

    Raises:
        Invalid: it names something else.
    """
    if isinstance(ref, str):
        return Ref.parse(ref, kind="dataset")
    if ref.kind != "dataset":
        raise Invalid(f"{ref} is not a dataset", hint="write dataset:<name>[@<version>]")
    return ref


def get_version(scope: Scope, ref: Ref | str) -> DatasetVersion:
    """Return a version: of a number, tag, branch, ISO time, digest, or the head (nothing).

    Raises:
        NotFound: no such dataset, or no such version of it.
        Refused: something is tuned here, and the dataset is split (`seal.py`).
    """
    ref = dataset_ref(ref)
    require_whole(scope, ref)
    return find_bare(scope, ref)


def find_bare(scope: Scope, ref: Ref) -> DatasetVersion:
    """Return a version for reading parts of it only, which a seal allows.

    Raises:
        NotFound: no such dataset, or no such version of it.
    """
    scope.require(Permission.DATASET_READ, ref)
    found = _find(scope, ref)
    if found is None:
        _explain_absence(scope, ref)
        _explain_tombstone(scope, ref)
        raise NotFound(f"{ref} does not exist", hint=f"bucle data log {ref.name}")
    return with_files(scope.drivers, found)


def find_head(scope: Scope, name: str, branch: str = HEAD) -> DatasetVersion | None:
    """Return the newest version of a branch; None where nothing was committed to it."""
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    require_whole(scope, Ref("dataset", name))
    head = store.find_head(scope.tx, scope.project, name, branch)
    found = store.find_version(scope.tx, scope.project, name, head) if head else None
    return with_files(scope.drivers, found) if found else None


def find_spec(scope: Scope, name: str) -> DatasetSpec | None:
    """Return what was declared of a dataset; None: nothing."""
    scope.require(Permission.DATASET_READ, Ref("dataset", name))
    return store.find_spec(scope.tx, scope.project, name)


def log(
    scope: Scope, name: str, *, limit: int = 50, token: str | None = None, branch: str = HEAD
) -> Page[DatasetVersion]:
    """List the versions that were committed to a branch of a dataset, newest first.

    Raises:
        NotFound: there is no such dataset, or no such branch of it.
    """
    ref = Ref("dataset", name)
    scope.require(Permission.DATASET_READ, ref)
    require_whole(scope, ref)
    if store.find_head(scope.tx, scope.project, name) is None:
        _explain_absence(scope, ref)
    if store.find_head(scope.tx, scope.project, name, branch) is None:
        raise no_branch(name, branch)
    page = store.list_versions(
        scope.tx, scope.project, name, limit=limit, token=token, branch=branch
    )
    items = tuple(with_files(scope.drivers, version) for version in page.items)
    return Page(items=items, next_token=page.next_token)


def no_branch(name: str, branch: str) -> NotFound:
    """Return the error that says that there is no such branch."""
    return NotFound(
        f"dataset:{name} has no branch {branch!r}", hint=f"bucle data branch {name} {branch}"
    )


def list_datasets(scope: Scope, *, limit: int = 100, token: str | None = None) -> Page[Dataset]:
    """List the datasets of the project by name."""
    scope.require(Permission.DATASET_READ)
    return store.list_datasets(scope.tx, scope.project, limit=limit, token=token)


def read_table(
    session: Session,
    ref: Ref | str | DatasetVersion,
    *,
    columns: Sequence[str] | None = None,
    where: str | None = None,
    limit: int | None = None,
) -> "pa.Table":
    """Read rows of a version, in the order in which they were committed.

    `where` is a condition in SQL on the version's columns.

    Raises:
        NotFound: no such version.
        Invalid: an unknown column, or a condition that is no SQL.
        Refused: a file is no longer what was committed; its digest is named.
    """
    version = ref if isinstance(ref, DatasetVersion) else _got(session, ref)
    unknown = [name for name in columns or () if name not in version.column_names]
    if unknown:
        raise Invalid(
            f"{version.ref} has no column {unknown[0]!r}",
            hint=f"it has {', '.join(version.column_names)}",
        )
    chosen = ", ".join(quoted(name) for name in columns or version.column_names)
    condition = f" WHERE ({where}\n)" if where else ""
    most = f" LIMIT {int(limit)}" if limit is not None else ""
    return session.drivers.engine.query(
        f"SELECT {chosen} FROM dataset{condition}{most}",
        tables={"dataset": paths(session, version)},
    )


def paths(session: Session, version: DatasetVersion) -> list[Path]:
    """Return local Parquet files of a version, each checked against its digest.

    Raises:
        Refused: a file is no longer what was committed.
    """
    return file_paths(session.drivers, version.files)


def file_paths(drivers: Drivers, files: Sequence[DataFile]) -> list[Path]:
    """Return where these files can be read in place."""
    return [content_path(drivers.blobs, file.digest, drivers.cache_path) for file in files]


def rows_of(drivers: Drivers, files: Sequence[DataFile]) -> "TableSource":
    """Return rows as an engine takes them: a table in memory if they are small, else the files.

    An engine opens files anew for each statement; for a version of many small files that takes
    ten times as long as the statement itself.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = file_paths(drivers, files)
    if sum(file.size_bytes for file in files) > _SMALL_BYTES:
        return found
    parts = [pq.ParquetFile(path).read() for path in found]
    return pa.concat_tables(parts, promote_options="permissive")


def with_files(drivers: Drivers, version: DatasetVersion) -> DatasetVersion:
    """Return the version with the files of its manifest."""
    path = content_path(drivers.blobs, version.digest, drivers.cache_path)
    return msgspec.structs.replace(version, files=decode(path.read_bytes(), Manifest).files)


def moment_of(text: str) -> datetime | None:
    """Read an ISO time (UTC unless it says otherwise); None: it is none."""
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _got(session: Session, ref: Ref | str) -> DatasetVersion:
    with session.begin(write=False) as scope:
        return get_version(scope, ref)


def _find(scope: Scope, ref: Ref) -> DatasetVersion | None:
    tx, project, name, wanted = scope.tx, scope.project, ref.name, ref.version
    if wanted in {None, HEAD}:
        return store.find_version(tx, project, name, store.find_head(tx, project, name) or 0)
    assert wanted is not None
    if wanted.isdecimal() and (found := store.find_version(tx, project, name, int(wanted[:9]))):
        return found
    number = store.find_tag(tx, project, name, wanted)
    if number is None:
        number = store.find_head(tx, project, name, wanted)
    if number is not None:
        return store.find_version(tx, project, name, number)
    if not wanted.isdecimal() and (moment := moment_of(wanted)):
        return store.find_version_at(tx, project, name, moment)
    if len(wanted) >= _SHORTEST_DIGEST and set(wanted) <= set(string.hexdigits.lower()):
        return store.find_version_of_digest(tx, project, name, wanted)
    return None


def _explain_absence(scope: Scope, ref: Ref) -> None:
    """Raise the more telling error where not only the version is missing."""
    head = store.find_head(scope.tx, scope.project, ref.name)
    if head is None:
        raise NotFound(f"{ref.bare} does not exist", hint="bucle data list")
    if not head:
        raise NotFound(
            f"{ref.bare} was declared, but nothing was committed to it",
            hint=f"bucle data commit {ref.name} <file>",
        )


def _explain_tombstone(scope: Scope, ref: Ref) -> None:
    """Raise what is known of a version that was there, where it was taken out of history."""
    wanted = ref.version or ""
    if not wanted.isdecimal() and len(wanted) < _SHORTEST_DIGEST:
        return
    stone = store.find_tombstone(scope.tx, scope.project, ref.name, wanted)
    if stone is not None:
        raise NotFound(
            f"{ref} was {stone.what} on {stone.at:%Y-%m-%d} by {stone.by}: {stone.why}",
            hint=f"bucle data log {ref.name}",
        )
