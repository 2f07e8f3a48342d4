"""Find the files of a version, and where the bytes of each lie."""

import fnmatch
import heapq
from collections.abc import Sequence

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.base.page import Page, decode_token, encode_token
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import read_content
from bucle.drivers.house import Drivers
from bucle.governance.session import Session
from bucle.lifecycle.data.files.records import FilePart, FilePlace, TreeFile
from bucle.lifecycle.data.files.tree import read_page, tree_of
from bucle.lifecycle.data.kinds import is_files
from bucle.lifecycle.data.packs.find import Places, parts_in, places_of
from bucle.lifecycle.data.read import get_version
from bucle.lifecycle.data.records import DataFile, DatasetVersion

_PART = "{place:05d}-{digest}.parquet"


def tree_at(drivers: Drivers, pages: Sequence[DataFile]) -> dict[str, TreeFile]:
    """Return the files that pages list, by their paths."""
    return tree_of(read_page(read_content(drivers.blobs, page.digest)) for page in pages)


def list_files(
    session: Session, ref: Ref | str, *, prefix: str = "", glob: str = "", limit: int,
    token: str | None = None,
) -> Page[TreeFile]:  # fmt: skip
    """List the files of a version by their paths; of a table, its Parquet files.

    Args:
        session: whose project.
        ref: the version.
        prefix: what the paths begin with.
        glob: what the paths match, where `*` stands for any letters and `/`: `*.jpg`, `train/*`.
        limit: how many at most.
        token: of the page before.

    Raises:
        NotFound: no such version.
    """
    after = str(decode_token(token, str)[0]) if token else ""
    version = _version(session, ref)
    files = _matching(_tree(session, version, max(prefix, after), prefix or None), prefix, glob)
    chosen = heapq.nsmallest(limit + 1, (path for path in files if path > after))
    items = tuple(files[path] for path in chosen[:limit])
    more = encode_token(items[-1].path) if len(chosen) > limit else None
    return Page(items=items, next_token=more)


def locate(session: Session, ref: Ref | str, paths: Sequence[str]) -> tuple[FilePlace, ...]:
    """Return where the bytes of some files of a version lie, in the order of the paths.

    Raises:
        NotFound: no such version, or no such file in it.
    """
    version = _version(session, ref)
    tree = _tree(session, version, min(paths, default=""), max(paths, default=""))
    for path in paths:
        if path not in tree:
            raise NotFound(
                f"{version.ref} has no file {path!r}", hint=f"bucle data tree {version.ref.name}"
            )
    files = [tree[path] for path in paths]
    if not is_files(version):
        return tuple(FilePlace(file=file, parts=(_whole(file),)) for file in files)
    return _places(session, files)


def packs_of(session: Session, files: Sequence[TreeFile]) -> set[str]:
    """Return the packs that hold some files and their parts.

    Raises:
        NotFound: one of the files is in no pack.
        Refused: one is stored with another size.
    """
    found = places_of(session, {file.digest for file in files if file.size_bytes})
    large = [file for file in files if file.size_bytes and found[file.digest].is_list]
    for file in files:
        if file.size_bytes and not found[file.digest].is_list:
            _require_size(file, found[file.digest].length)
    packs = {place.pack for place in found.values()}
    return packs | {part.content for each in _places(session, large) for part in each.parts}


def _places(session: Session, files: Sequence[TreeFile]) -> tuple[FilePlace, ...]:
    found = places_of(session, {file.digest for file in files if file.size_bytes})
    parts = parts_in(session, found)
    inner = places_of(session, {digest for each in parts.values() for digest in each})
    places = []
    for file in files:
        names = parts.get(file.digest, [file.digest] if file.size_bytes else [])
        where = inner if file.digest in parts else found
        places.append(FilePlace(file=file, parts=tuple(_part(name, where) for name in names)))
        _require_size(file, sum(part.length for part in places[-1].parts))
    return tuple(places)


def _require_size(file: TreeFile, stored_bytes: int) -> None:
    if stored_bytes != file.size_bytes:
        raise Refused(
            f"{file.path!r} is stored with {stored_bytes} bytes, and said to have "
            f"{file.size_bytes}",
            hint="commit the folder again",
        )


def _part(digest: str, where: Places) -> FilePart:
    place = where[digest]
    return FilePart(content=place.pack, start=place.start, length=place.length, digest=digest)


def _version(session: Session, ref: Ref | str) -> DatasetVersion:
    with session.begin(write=False) as scope:
        return get_version(scope, ref)


def _tree(
    session: Session, version: DatasetVersion, least: str, most: str | None
) -> dict[str, TreeFile]:
    """Return the files of a version, at least those from a path up to what begins with another."""
    if is_files(version):
        pages = [page for page in version.files if _may_have(page, least, most)]
        return tree_at(session.drivers, pages)
    files = (
        TreeFile(
            path=_PART.format(place=place, digest=file.digest[:12]),
            size_bytes=file.size_bytes,
            digest=file.digest,
        )
        for place, file in enumerate(version.files)
    )
    return {file.path: file for file in files}


def _may_have(page: DataFile, least: str, most: str | None) -> bool:
    """Tell by what a page says of its paths whether some may lie there."""
    stats = page.stats[0] if page.stats else None
    if stats is None or stats.minimum is None or stats.maximum is None:
        return True
    if str(stats.maximum) < least:
        return False
    return most is None or str(stats.minimum)[: len(most)] <= most


def _matching(tree: dict[str, TreeFile], prefix: str, glob: str) -> dict[str, TreeFile]:
    if "\x00" in glob:
        raise Invalid("a pattern holds no NUL", hint="write for example 'train/*.jpg'")
    return {
        path: file
        for path, file in tree.items()
        if path.startswith(prefix) and (not glob or fnmatch.fnmatchcase(path, glob))
    }


def _whole(file: TreeFile) -> FilePart:
    return FilePart(content=file.digest, start=0, length=file.size_bytes, digest=file.digest)
