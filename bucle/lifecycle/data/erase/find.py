"""Find the rows of a subject in every version of a dataset, each file once.

What a file says of its columns tells of most files that they can not hold such a row; only
the others are opened.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.house import Drivers
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.erase.records import DatasetRows, Marks, Subject, VersionRows
from bucle.lifecycle.data.parquet import file_of
from bucle.lifecycle.data.prune import may_share
from bucle.lifecycle.data.quarantine.change import every_quarantine
from bucle.lifecycle.data.quarantine.read import rows_apart
from bucle.lifecycle.data.quarantine.sift import TEXT
from bucle.lifecycle.data.read import HEAD, dataset_ref, file_paths, with_files
from bucle.lifecycle.data.records import DataFile, DatasetVersion
from bucle.lifecycle.data.refer import referenced

_PAGE = 500
_TEXTS = ("string", "large_string")


def find_rows(session: Session, name: str, subject: Subject) -> DatasetRows:
    """Return which versions of a dataset hold rows of a subject, and how many.

    Raises:
        Denied: the caller may not forget.
        Refused: a file is no longer what was committed; its digest is named.
    """
    ref = Ref("dataset", name)
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET, ref)
        versions = every_version(scope, name)
        apart = every_quarantine(scope, name)
        splits = store.list_splits(scope.tx, scope.project, name)
        marks = marks_of(scope, name)
    files = {file.digest: file for version in versions for file in version.files}
    near = may_hold(versions, subject)
    counts = {digest: len(places(session.drivers, files[digest], subject)) for digest in near}
    found = []
    for version in versions:
        rows = sum(counts.get(file.digest, 0) for file in version.files)
        if rows:
            mark = marks.get(version.number, Marks())
            found.append(VersionRows(ref=version.ref, rows=rows, tags=mark.tags, heads=mark.heads))
    hit = {each.ref for each in found}
    return DatasetRows(
        dataset=ref,
        columns=tuple(subject),
        versions=tuple(found),
        quarantined=sum(
            int(bad_places(rows_apart(session, each), subject).sum()) for each in apart
        ),
        splits=tuple(split.ref for split in splits if split.dataset in hit),
        searched=len(versions),
        opened=len(near),
    )


def every_version(scope: Scope, name: str) -> list[DatasetVersion]:
    """Return all versions of a dataset with their files, of every branch, the newest first."""
    found: list[DatasetVersion] = []
    token, more = None, True
    while more:
        page = store.list_versions(scope.tx, scope.project, name, limit=_PAGE, token=token)
        found.extend(with_files(scope.drivers, version) for version in page.items)
        token, more = page.next_token, page.next_token is not None
    return found


def may_hold(versions: Sequence[DatasetVersion], subject: Subject) -> set[str]:
    """Return the digests of the files that may hold a row of a subject, by what they say."""
    near: set[str] = set()
    for version in versions:
        types = {column.name: column.type for column in version.columns}
        if not set(subject) <= set(types):
            continue
        known = {
            name: str(value) if types[name] in _TEXTS else value
            for name, value in subject.items()
            if types[name] in _TEXTS
            or (types[name].startswith(("int", "uint")) and type(value) is int)
        }
        asked = file_of(pa.table({name: [value] for name, value in known.items()}))
        near |= {file.digest for file in may_share(version.files, (asked,), tuple(known))}
    return near


def places(drivers: Drivers, file: DataFile, subject: Subject) -> np.ndarray:
    """Return the places in a file of the rows of a subject."""
    (path,) = file_paths(drivers, (file,))
    with pq.ParquetFile(path) as opened:
        wanted = typed(opened.schema_arrow, subject)
        if wanted is None:
            return np.array([], np.int64)
        return np.flatnonzero(_equal(opened.read(columns=list(wanted)), wanted))


def places_in(table: pa.Table, subject: Mapping[str, object]) -> pa.Array:
    """Return the places in a table of the rows of a subject."""
    wanted = typed(table.schema, subject)
    mask = np.zeros(table.num_rows, bool) if wanted is None else _equal(table, wanted)
    return pa.array(np.flatnonzero(mask))


def typed(schema: pa.Schema, subject: Mapping[str, object]) -> dict[str, pa.Scalar] | None:
    """Return a subject in the types of a file; None: no row of it can be the subject's."""
    found: dict[str, pa.Scalar] = {}
    for name, value in subject.items():
        if name not in schema.names:
            return None
        try:
            found[name] = pa.scalar(value).cast(schema.field(name).type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            return None
    return found


def bad_places(table: pa.Table, subject: Subject) -> np.ndarray:
    """Return which of the rows and lines that were set apart are the subject's.

    A line has no columns: one that holds the subject's values as words is taken for its.
    """
    mask = np.zeros(table.num_rows, bool)
    wanted = typed(table.schema, subject)
    if wanted is not None:
        mask |= _equal(table, wanted)
    words = [re.compile(rf"(?<!\w){re.escape(str(value))}(?!\w)") for value in subject.values()]
    for place, text in enumerate(table.column(TEXT).to_pylist()):
        if text and all(word.search(text) for word in words):
            mask[place] = True
    return mask


def _equal(table: pa.Table, wanted: Mapping[str, pa.Scalar]) -> np.ndarray:
    mask = np.ones(table.num_rows, bool)
    for name, value in wanted.items():
        same = pc.fill_null(pc.equal(table.column(name), value), fill_value=False)
        mask &= same.to_numpy(zero_copy_only=False)
    return mask


def marks_of(scope: Scope, name: str) -> dict[int, Marks]:
    """Return the tags and the branches that stand at each version."""
    tags: dict[int, list[str]] = {}
    heads: dict[int, list[str]] = {}
    for tag, number in store.list_tags(scope.tx, scope.project, name).items():
        tags.setdefault(number, []).append(tag)
    for branch, number in _heads(scope, name):
        heads.setdefault(number, []).append(branch)
    return {
        number: Marks(tags=tuple(tags.get(number, ())), heads=tuple(heads.get(number, ())))
        for number in {*tags, *heads}
    }


def _heads(scope: Scope, name: str) -> Iterator[tuple[str, int]]:
    yield HEAD, store.find_head(scope.tx, scope.project, name) or 0
    for each in store.list_branches(scope.tx, scope.project, name):
        yield each.name, int(each.head.version or 0)


def settled(scope: Scope, name: str, subject: Subject) -> Subject:
    """Return a subject as the columns of a dataset have it: 7 is "7" where they are texts.

    Raises:
        Invalid: a column is unknown, or a value can not be one of its.
        NotFound: there is no such dataset.
    """
    versions = every_version(scope, name)
    if not versions:
        raise NotFound(f"dataset:{name} has no version", hint="bucle data list")
    found: Subject = {}
    for column, value in subject.items():
        types = {
            each.type for version in versions for each in version.columns if each.name == column
        }
        if not types:
            raise Invalid(
                f"no version of dataset:{name} has a column {column!r}",
                hint=f"the newest has {', '.join(versions[0].column_names)}",
            )
        found[column] = str(value) if types <= set(_TEXTS) else value
        if all(type_.startswith(("int", "uint")) for type_ in types) and not _is_whole(value):
            raise Invalid(
                f"{value!r} is no value of {column!r}, whose values are whole numbers",
                hint=f"--key {column}=7",
            )
    return found


def referring(scope: Scope, name: str, columns: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return dataset, column and column of this dataset, of what is declared to refer to it."""
    found = []
    for spec in store.list_specs(scope.tx, scope.project):
        for each in spec.expectations:
            if not each.references:
                continue
            dataset, column = referenced(each.references)
            if dataset_ref(dataset).name == name and column in columns:
                found.append((spec.name, each.column, column))
    return found


def with_columns(scope: Scope, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the datasets whose newest version has columns of these names."""
    found, token, more = [], None, True
    while more:
        page = store.list_datasets(scope.tx, scope.project, limit=_PAGE, token=token)
        for each in page.items:
            number = int(each.head.version or 0) if each.head else 0
            head = store.find_version(scope.tx, scope.project, each.ref.name, number)
            if head is not None and set(columns) <= set(head.column_names):
                found.append(each.ref.name)
        token, more = page.next_token, page.next_token is not None
    return tuple(found)


def _is_whole(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.lstrip("-").isdecimal()
    )
