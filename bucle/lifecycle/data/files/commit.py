"""Commit a tree of files: its pages come from whoever read the folder, the packs before them.

What is new in the pages is checked here: the paths, the order, and that every file is stored.
"""

from collections.abc import Mapping, Sequence

from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import content_path, read_content, store_bytes
from bucle.governance.session import Session
from bucle.lifecycle.data.commit import Proposal, seen, settle
from bucle.lifecycle.data.files.paths import check_path
from bucle.lifecycle.data.files.read import packs_of, tree_at
from bucle.lifecycle.data.files.records import TreeFile
from bucle.lifecycle.data.files.send import Sender
from bucle.lifecycle.data.files.tree import (
    SCHEMA,
    TreePage,
    check_tree,
    pages_as_given,
    pages_of,
    read_page,
    tree_of,
)
from bucle.lifecycle.data.kinds import FILES, require_files
from bucle.lifecycle.data.packs.add import add_packs, missing
from bucle.lifecycle.data.records import Commit, DataFile, DatasetSpec, DatasetVersion

_MODES = ("replace", "append")


def commit_tree(session: Session, wish: Commit) -> DatasetVersion:
    """Commit the files that pages list (`wish.files`); the same files give the head back.

    Appending puts files beside those of the head, and over those of the same paths.

    Raises:
        Invalid: there are no files, a path may not be one, or the dataset is one of tables.
        NotFound: a file's content is not stored.
        Conflict: somebody else committed first, or the head is not `if_head`.
        Refused: an expectation does not hold of paths, sizes or digests.
    """
    if wish.mode not in _MODES:
        raise Invalid(f"{wish.mode!r} is not a mode of commit", hint="write replace or append")
    spec, head = seen(session, wish)
    require_files(head)
    contents = [read_content(session.drivers.blobs, page) for page in wish.files]
    pages = pages_as_given(contents)
    brought = tree_of(page.files for page in pages) if pages else tree_of(map(read_page, contents))
    if not brought:
        raise Invalid(f"no files to commit to dataset:{wish.name}", hint="name a folder with files")
    if wish.mode == "append" and head:
        brought, pages = tree_at(session.drivers, head.files) | brought, None
    return settle_tree(session, wish, (spec, head), brought, pages=pages)


def pack_files(session: Session, name: str, files: Mapping[str, str]) -> tuple[str, ...]:
    """Pack contents of the content store, by the paths that they are to have; return the pages.

    For who sends files one by one; a folder is packed where it is (`send.py`).

    Raises:
        Invalid: a path may not be one.
        NotFound: there is no such content.
    """
    blobs = session.drivers.blobs

    def absent(digests: Sequence[str]) -> tuple[str, ...]:
        with session.begin(write=False) as scope:
            return missing(scope, name, digests)

    def keep(pack: bytes) -> None:
        add_packs(session, name, [store_bytes(blobs, pack)])

    for path in files:
        check_path(path)
    sender = Sender(absent, keep)
    tree = {}
    for path, digest in files.items():
        found, stat = sender.send(content_path(blobs, digest, session.drivers.cache_path))
        tree[path] = TreeFile(path=path, size_bytes=stat.st_size, digest=found)
    sender.finish()
    return tuple(store_bytes(blobs, page.content) for page in pages_of(tree))


def settle_tree(
    session: Session,
    wish: Commit,
    upon: tuple[DatasetSpec | None, DatasetVersion | None],
    tree: dict[str, TreeFile],
    *,
    pages: Sequence[TreePage] | None = None,
    merged: DatasetVersion | None = None,
) -> DatasetVersion:
    """Make a tree the head; without its pages, they are written here.

    Raises:
        NotFound: a file's content is not stored.
        Refused: an expectation does not hold.
        Conflict: somebody else committed first.
    """
    spec, head = upon
    _require_no_quarantine(spec)
    check_tree(tree)
    known = {page.digest: page for page in head.files} if head else {}
    files: list[DataFile] = []
    fresh: list[TreeFile] = []
    for page in pages_of(tree) if pages is None else pages:
        if page.file.digest not in known:
            store_bytes(session.drivers.blobs, page.content)
            fresh += page.files
        files.append(known.get(page.file.digest, page.file))
    if not files:
        raise Invalid(f"no file would be left in dataset:{wish.name}", hint="keep at least one")
    proposal = Proposal(
        spec=spec,
        head=head,
        files=tuple(files),
        schema=SCHEMA,
        added_rows=_added(session, head, fresh),
        merged=merged.ref if merged else None,
        format=FILES,
        size_bytes=sum(file.size_bytes for file in tree.values()),
        packs=tuple(sorted(packs_of(session, fresh))),
    )
    return settle(session, wish, proposal)


def _added(session: Session, head: DatasetVersion | None, fresh: list[TreeFile]) -> int:
    """Count the files that the head has not, or otherwise."""
    if head is None:
        return len(fresh)
    kept = {(file.path, file.digest) for file in tree_at(session.drivers, head.files).values()}
    return sum((file.path, file.digest) not in kept for file in fresh)


def _require_no_quarantine(spec: DatasetSpec | None) -> None:
    apart = [each for each in spec.expectations if each.action == "quarantine"] if spec else []
    if apart and spec:
        raise Invalid(
            f"dataset:{spec.name} is to set rows apart, and files are not set apart one by one",
            hint="declare these expectations with the action fail or warn",
        )
