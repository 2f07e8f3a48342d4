"""Diff, merge and delete among versions of files: path by path, and no file is read."""

from collections.abc import Collection

from bucle.base.codec import to_builtins
from bucle.base.errors import Conflict, Invalid
from bucle.drivers.house import Drivers
from bucle.governance.session import Session
from bucle.lifecycle.data.files.commit import settle_tree
from bucle.lifecycle.data.files.read import tree_at
from bucle.lifecycle.data.files.records import TreeFile
from bucle.lifecycle.data.records import (
    Commit,
    DatasetDiff,
    DatasetSpec,
    DatasetVersion,
    RowChange,
)

_SHOWN = 1000  # paths of each kind in a diff
_NAMED = 10

_Changes = dict[str, tuple[TreeFile | None, TreeFile | None]]


def diff_trees(drivers: Drivers, old: DatasetVersion, new: DatasetVersion) -> DatasetDiff:
    """Return which paths came, went and changed; pages that both versions have are not read."""
    changes = _changes(drivers, old, new)
    kinds = {"added": 0, "removed": 0, "changed": 0}
    samples = []
    for path in sorted(changes):
        before, after = changes[path]
        what = "added" if before is None else "removed" if after is None else "changed"
        kinds[what] += 1
        if kinds[what] <= _SHOWN:
            samples.append(RowChange(what=what, before=_plain(before), after=_plain(after)))
    stored = {file.digest for file, _ in changes.values() if file}
    came = {file.digest: file for _, file in changes.values() if file}
    return DatasetDiff(
        left=old.ref,
        right=new.ref,
        rows_added=kinds["added"],
        rows_removed=kinds["removed"],
        rows_changed=kinds["changed"],
        files_shared=new.rows - kinds["added"] - kinds["changed"],
        bytes_added=sum(file.size_bytes for file in came.values() if file.digest not in stored),
        samples=tuple(samples),
    )


def merge_trees(
    session: Session,
    wish: Commit,
    spec: DatasetSpec | None,
    versions: tuple[DatasetVersion, DatasetVersion, DatasetVersion],
) -> DatasetVersion:
    """Take over what `theirs` changed since `base` upon `ours`; `versions` are these three.

    Raises:
        Conflict: both changed the same paths to different ends; they are named.
    """
    base, ours, theirs = versions
    drivers = session.drivers
    mine, wanted = _changes(drivers, base, ours), _changes(drivers, base, theirs)
    both = sorted(
        path for path in mine.keys() & wanted.keys()
        if _content(mine[path][1]) != _content(wanted[path][1])
    )  # fmt: skip
    if both:
        more = f" and {len(both) - _NAMED} more" if len(both) > _NAMED else ""
        raise Conflict(
            f"{len(both)} paths were changed in {ours.ref} and otherwise in {theirs.ref} since "
            f"{base.ref}: {', '.join(map(repr, both[:_NAMED]))}{more}",
            hint="commit them to one of the branches as they are in the other, and merge again",
        )
    tree = tree_at(drivers, ours.files)
    for path, (_, after) in wanted.items():
        if after is None:
            tree.pop(path, None)
        else:
            tree[path] = after
    return settle_tree(session, wish, (spec, ours), tree, merged=theirs)


def without_paths(
    session: Session,
    wish: Commit,
    upon: tuple[DatasetSpec | None, DatasetVersion],
    paths: Collection[str],
) -> DatasetVersion:
    """Take files out of the head by their paths; paths that it has not are passed over.

    Raises:
        Invalid: no file would be left.
    """
    spec, head = upon
    tree = tree_at(session.drivers, head.files)
    left = {path: file for path, file in tree.items() if path not in paths}
    if not left:
        raise Invalid(f"no file of {head.ref} would be left", hint="keep at least one")
    return settle_tree(session, wish, (spec, head), left)


def _changes(drivers: Drivers, old: DatasetVersion, new: DatasetVersion) -> _Changes:
    """Return what each path was and is, where that differs; None: it was not, or is not there."""
    shared = {page.digest for page in old.files} & {page.digest for page in new.files}
    before, after = (
        tree_at(drivers, [page for page in version.files if page.digest not in shared])
        for version in (old, new)
    )
    return {
        path: (before.get(path), after.get(path))
        for path in before.keys() | after.keys()
        if _content(before.get(path)) != _content(after.get(path))
    }


def _content(file: TreeFile | None) -> str:
    return file.digest if file else ""


def _plain(file: TreeFile | None) -> dict[str, object] | None:
    return dict(to_builtins(file)) if file else None
