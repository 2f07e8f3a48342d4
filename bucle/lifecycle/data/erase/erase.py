"""Take the rows of a subject out of a dataset: new heads without them, then the versions there.

New heads come first: whoever is about to commit upon an old one is told so, and can not bring
the rows back.  Then each version that holds such rows is written anew under its number; its
digest is another one from then on, and a tombstone says why.  What is not referred to any more
is removed from the content store last.  Every step can be repeated: a process that dies is
followed by another one that begins at the start.
"""

import io

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.codec import canonical_json, decode
from bucle.base.errors import Conflict, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import (
    content_key,
    has_content,
    read_content,
    store_bytes,
)
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.erase import store as erase_store
from bucle.lifecycle.data.erase.find import (
    bad_places,
    every_version,
    may_hold,
    places,
)
from bucle.lifecycle.data.erase.records import Subject
from bucle.lifecycle.data.parquet import store_rows
from bucle.lifecycle.data.quarantine.change import digests_apart, every_quarantine, rewrite
from bucle.lifecycle.data.quarantine.read import rows_apart
from bucle.lifecycle.data.quarantine.sift import FILE
from bucle.lifecycle.data.read import HEAD, file_paths, find_head
from bucle.lifecycle.data.records import (
    PARTS,
    DataFile,
    DatasetVersion,
    Manifest,
    Split,
    Tombstone,
)

_ATTEMPTS = 20
_PART = "part"


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to a dataset."""

    dataset: Ref
    heads: tuple[Ref, ...] = ()  # new versions
    rewritten: tuple[Ref, ...] = ()
    dropped: tuple[Ref, ...] = ()  # versions that had no other rows
    quarantines: int = 0


class _Work:
    """One pass over a dataset: what each file becomes without the rows is computed once."""

    def __init__(self, session: Session, subject: Subject, by: Ref, why: str) -> None:
        self.session = session
        self.subject = subject
        self.by = by
        self.why = why
        self._keep: dict[str, np.ndarray | None] = {}
        self._left: dict[str, tuple[DataFile, ...]] = {}

    def keep(self, version: DatasetVersion) -> dict[str, np.ndarray]:
        """Return which rows stay, of each file of a version that loses some."""
        found = {}
        near = may_hold([version], self.subject)
        for file in version.files:
            if file.digest not in near:
                continue
            if file.digest not in self._keep:
                gone = places(self.session.drivers, file, self.subject)
                mask = np.ones(file.rows, bool)
                mask[gone] = False
                self._keep[file.digest] = mask if len(gone) else None
            kept = self._keep[file.digest]
            if kept is not None:
                found[file.digest] = kept
        return found

    def left(self, file: DataFile, keep: np.ndarray) -> tuple[DataFile, ...]:
        """Return a file without the rows that go."""
        if file.digest not in self._left:
            drivers = self.session.drivers
            (path,) = file_paths(drivers, (file,))
            table = pq.ParquetFile(path).read().filter(pa.array(keep))
            folder = drivers.cache_path / "incoming"
            self._left[file.digest] = store_rows(
                drivers.blobs, table.to_batches(), table.schema, folder=folder
            )
        return self._left[file.digest]

    def without(self, version: DatasetVersion, keep: dict[str, np.ndarray]) -> tuple[DataFile, ...]:
        """Return the files of a version without the rows that go."""
        files: list[DataFile] = []
        for file in version.files:
            mask = keep.get(file.digest)
            files += (file,) if mask is None else self.left(file, mask)
        return tuple(files)


def erase_rows(session: Session, name: str, subject: Subject, *, by: Ref, why: str) -> Erased:
    """Take the rows of a subject out of all versions of a dataset, and out of what was set apart.

    Expectations are not asked: nothing that they say is a reason to keep somebody's rows.

    Raises:
        Denied: the caller may not forget.
        Conflict: others committed again and again meanwhile; call again.
    """
    ref = Ref("dataset", name)
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET, ref)
        others = store.list_branches(scope.tx, scope.project, name)
    work = _Work(session, subject, by, why)
    branches = [HEAD, *(each.name for each in others)]
    heads = [head for branch in branches if (head := _new_head(work, name, branch))]
    rewritten: list[Ref] = []
    dropped: list[Ref] = []
    with session.begin(write=False) as scope:
        versions = every_version(scope, name)
    for version in versions:
        if keep := work.keep(version):
            into = rewritten if _rewrite(work, version, keep) else dropped
            into.append(version.ref)
    apart = _quarantines(work, name)
    made = Erased(
        dataset=ref, heads=tuple(heads), rewritten=tuple(rewritten), dropped=tuple(dropped),
        quarantines=apart,
    )  # fmt: skip
    if heads or rewritten or dropped or apart:
        with session.begin() as scope:
            scope.record(
                "dataset.erased", ref, by=by, heads=made.heads, rewritten=made.rewritten,
                dropped=made.dropped, quarantines=apart,
            )  # fmt: skip
    return made


def _new_head(work: _Work, name: str, branch: str) -> Ref | None:
    """Commit a head's rows without those that go; None: it has none of them.

    A head that has no other rows becomes none: nothing is committed to the branch then.

    Raises:
        Conflict: others committed each time.
    """
    for _ in range(_ATTEMPTS):
        with work.session.begin(write=False) as scope:
            head = find_head(scope, name, branch)
        if head is None or not (keep := work.keep(head)):
            return None
        files = work.without(head, keep)
        made = _version(work, head, files) if files else None
        with work.session.begin() as scope:
            if moved := _moved(scope, work, head, made, branch):
                return moved
            if made is None and _is_gone(scope, name, branch):
                return None
    raise Conflict(f"dataset:{name} was committed to again and again meanwhile", hint="call again")


def _version(work: _Work, old: DatasetVersion, files: tuple[DataFile, ...]) -> DatasetVersion:
    """Return a version of other files, whose manifest is stored."""
    manifest = Manifest(columns=old.columns, files=files)
    return msgspec.structs.replace(
        old,
        digest=store_bytes(work.session.drivers.blobs, canonical_json(manifest)),
        files=files,
        rows=sum(file.rows for file in files),
        size_bytes=sum(file.size_bytes for file in files),
        profile="",
        judged="",
        verdicts=(),
        erased_by=work.by,
    )


def _moved(
    scope: Scope, work: _Work, head: DatasetVersion, made: DatasetVersion | None, branch: str
) -> Ref | None:
    """Move a branch to a new version, if it is where it was seen; return the version."""
    name, tx, project = head.ref.name, scope.tx, scope.project
    scope.require(Permission.DATASET_FORGET, head.ref)
    number = store.next_number(tx, project, name) if made else 0
    if not store.move_head(tx, project, name, seen=head.number, to=number, branch=branch):
        return None
    if made is None:
        return None
    ref = head.ref.at(number)
    version = msgspec.structs.replace(
        made,
        ref=ref,
        number=number,
        parent=head.ref,
        merged=None,
        message=work.why,
        branch=branch,
        quarantined=0,
        committed_at=scope.now,
        committed_by=scope.actor.name,
    )
    store.add_version(tx, project, version)
    told = {
        "rows": version.rows, "added_rows": 0, "digest": version.digest, "mode": "forget",
        "message": work.why,
    }  # fmt: skip
    if branch == HEAD:
        scope.record("dataset.committed", ref, **told)
    else:
        scope.record("dataset.branch_committed", ref, branch=branch, **told)
    scope.link(head.ref, ref, "parent")
    return ref


def _is_gone(scope: Scope, name: str, branch: str) -> bool:
    return not store.find_head(scope.tx, scope.project, name, branch)


def _rewrite(work: _Work, version: DatasetVersion, keep: dict[str, np.ndarray]) -> bool:
    """Write a version anew under its number; where nothing is left, remove it.

    Tells whether it is still there.
    """
    files = work.without(version, keep)
    made = _version(work, version, files) if files else None
    with work.session.begin(write=False) as scope:
        splits = erase_store.list_splits_of(scope.tx, scope.project, version.ref)
    changed = [_split(work, split, version, keep) for split in splits] if made else []
    with work.session.begin() as scope:
        scope.require(Permission.DATASET_FORGET, version.ref)
        stone = Tombstone(
            dataset=version.ref,
            what="rewritten" if made else "dropped",
            digest=version.digest,
            by=work.by,
            why=work.why,
            at=scope.now,
        )
        tx, project = scope.tx, scope.project
        if made is None:
            erase_store.remove_version(tx, project, version, seen=version.digest)
        elif erase_store.replace_version(tx, project, made, seen=version.digest):
            for split in changed:
                erase_store.replace_split(tx, project, split)
        store.add_tombstone(tx, project, stone)
    if version.profile:  # of an older release; it shows values
        _remove(work.session, version.profile)
    return made is not None


def _split(
    work: _Work, split: Split, version: DatasetVersion, keep: dict[str, np.ndarray]
) -> Split:
    """Return a split of the rows that stay, each in the part that it was in."""
    blobs = work.session.drivers.blobs
    whole = np.concatenate([
        keep.get(file.digest, np.ones(file.rows, bool)) for file in version.files
    ])  # fmt: skip
    parts = pq.read_table(io.BytesIO(read_content(blobs, split.digest)))
    if len(whole) != parts.num_rows:  # another process was here first
        return split
    left = parts.filter(pa.array(whole))
    target = io.BytesIO()
    pq.write_table(left, target, compression="zstd")
    column = left.column(_PART)
    rows = {
        name: int(pc.sum(pc.equal(column, pa.scalar(place, pa.uint8()))).as_py() or 0)
        for place, name in enumerate(PARTS)
    }
    return msgspec.structs.replace(split, digest=store_bytes(blobs, target.getvalue()), rows=rows)


def _quarantines(work: _Work, name: str) -> int:
    """Take the rows out of what was set apart; return how many quarantines held some."""
    session, changed = work.session, 0
    with session.begin(write=False) as scope:
        found = every_quarantine(scope, name)
    for each in found:
        table = rows_apart(session, each)
        bad = bad_places(table, work.subject)
        if not bad.any():
            continue
        left = table.filter(pa.array(~bad))
        target = io.BytesIO()
        pq.write_table(left, target, compression="zstd")
        lines = left.num_rows - left.column(FILE).null_count
        made = msgspec.structs.replace(
            each,
            digest=store_bytes(session.drivers.blobs, target.getvalue()),
            rows=left.num_rows - lines,
            lines=lines,
        )
        with session.begin() as scope:
            rewrite(scope, made, seen=each.digest)
            stone = Tombstone(
                dataset=each.dataset, what="quarantine", digest=each.digest, by=work.by,
                why=work.why, at=scope.now,
            )  # fmt: skip
            store.add_tombstone(scope.tx, scope.project, stone)
        changed += 1
    return changed


def remove_content(session: Session, by: Ref) -> tuple[int, int]:
    """Remove content that only versions referred to which a deletion rewrote or dropped.

    Returns how many files were removed, and how many stay because a version of another
    project refers to them.  Manifests go last: they say what is to be removed.
    """
    drivers = session.drivers
    with session.begin(write=False) as scope:
        stones = store.list_tombstones(scope.tx, scope.project, by)
        by_project = erase_store.all_digests(scope.tx)
        apart = digests_apart(scope)
    wanted: dict[str, list[str]] = {}
    for stone in stones:
        files = [] if stone.what == "quarantine" else _files_of(session, stone.digest)
        wanted[stone.digest] = files
    if not any(has_content(drivers.blobs, digest) for digest in wanted):
        return 0, 0
    own = _used(session, by_project.pop(session.project, set())) | apart
    others = _used(session, set().union(*by_project.values()))
    unused = [digest for each in wanted for digest in (*wanted[each], each) if digest not in own]
    gone = [digest for digest in dict.fromkeys(unused) if digest not in others]
    gone = [digest for digest in gone if has_content(drivers.blobs, digest)]
    for digest in gone:
        _remove(session, digest)
    return len(gone), len(set(unused) & others)


def _used(session: Session, manifests: set[str]) -> set[str]:
    """Return manifests with the files that they name."""
    files = (digest for manifest in manifests for digest in _files_of(session, manifest))
    return manifests | set(files)


def _files_of(session: Session, digest: str) -> list[str]:
    """Return the digests of a manifest's files; of one that is gone, none."""
    try:
        content = read_content(session.drivers.blobs, digest)
    except NotFound:
        return []
    return [file.digest for file in decode(content, Manifest).files]


def _remove(session: Session, digest: str) -> None:
    drivers = session.drivers
    explored = [note.key for note in drivers.blobs.list(f"explorations/{digest}")]
    for note in (f"profiles/{digest}", *explored):  # they show values
        if drivers.blobs.exists(note):
            _remove(session, drivers.blobs.get(note).decode())
            drivers.blobs.delete(note)
    drivers.blobs.delete(content_key(digest))
    (drivers.cache_path / content_key(digest)).unlink(missing_ok=True)
