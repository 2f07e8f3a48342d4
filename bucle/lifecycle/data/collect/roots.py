"""Find what is needed: what the database names, and what that names in turn.

The database is searched for digests, table by table, whichever room owns them: a digest that
merely looks like one keeps a content, and that is the right way to be wrong.  A content that is
JSON (a manifest, a package, a recording) is searched in the same way, and a version of files has
pages, which name its files.
"""

from collections.abc import Iterable, Mapping

import msgspec

from bucle.base.codec import decode
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.drivers.blobs import BlobStore
from bucle.drivers.blobs.content import content_key, read_content
from bucle.drivers.db.mentions import DIGEST, mentioned
from bucle.governance.session import Session
from bucle.lifecycle.data.files.tree import read_page
from bucle.lifecycle.data.kinds import FILES
from bucle.lifecycle.data.records import Manifest

# Facts tell what was, and keep nothing; what packs hold are no contents of their own.
NO_ROOTS = ("alembic_version", "events", "event_heads", "content_packs", "packed_contents")
OUTSIDE = "outside of the content store"
_LARGEST_TEXT_BYTES = 16 << 20
_LARGEST_NOTE_BYTES = 1 << 20


class Needed(msgspec.Struct):
    """What is needed, and why."""

    contents: dict[str, str]  # digest: the table that leads to it
    files: set[str]  # digests of the files of versions; they lie in packs


def named_by_database(session: Session) -> dict[str, str]:
    """Return every digest that the database says, with the first table that does."""
    found: dict[str, str] = {}
    with session.begin(write=False) as scope:
        for table, digest in mentioned(scope.tx, skip=NO_ROOTS):
            if found.setdefault(digest, table) > table:
                found[digest] = table
    return found


def named_outside(blobs: BlobStore) -> dict[str, str]:
    """Return what small blobs say that are no contents, such as notes on profiles and servers."""
    found: dict[str, str] = {}
    for blob in blobs.list():
        if blob.key.startswith("content/") or blob.size_bytes > _LARGEST_NOTE_BYTES:
            continue
        try:
            text = blobs.get(blob.key).decode("utf-8", errors="replace")
        except NotFound:  # removed since it was listed
            continue
        found.update(dict.fromkeys(DIGEST.findall(f"{blob.key} {text}"), OUTSIDE))
    return found


def needed(blobs: BlobStore, roots: Mapping[str, str], sizes: Mapping[str, int]) -> Needed:
    """Follow the roots through the contents that there are, whose sizes are given.

    Raises:
        Refused: a list of files that is needed can not be read: nothing may be deleted then.
    """
    need = Needed({}, set())
    waiting = [(digest, table) for digest, table in sorted(roots.items()) if digest in sizes]
    while waiting:
        digest, table = waiting.pop()
        if digest in need.contents:
            continue
        need.contents[digest] = table
        text = _text(blobs, digest, sizes[digest])
        waiting += [(inner, table) for inner in DIGEST.findall(text) if inner in sizes]
        need.files.update(_files(blobs, text))
    return need


def _text(blobs: BlobStore, digest: str, size_bytes: int) -> str:
    """Return a content that is JSON; "": it is something else."""
    if not 2 <= size_bytes <= _LARGEST_TEXT_BYTES:  # noqa: PLR2004 - the shortest JSON
        return ""
    key = content_key(digest)
    try:
        if blobs.get_range(key, 0, 1) not in {b"{", b"["}:
            return ""
        return blobs.get(key).decode("utf-8", errors="replace")
    except NotFound as error:
        raise Refused(
            f"content {digest} is needed and vanished while garbage was looked for",
            hint="nothing was deleted; call again",
        ) from error


def _files(blobs: BlobStore, text: str) -> Iterable[str]:
    """Yield the files of a version of files, of which this may be the manifest."""
    if f'"{FILES}"' not in text:
        return
    try:
        manifest = decode(text.encode(), Manifest)
    except Invalid:
        return
    for page in manifest.files:
        try:
            listed = read_page(read_content(blobs, page.digest))
        except (NotFound, Invalid) as error:
            raise Refused(
                f"a version needs the list of files {page.digest}, which can not be read: "
                f"{error.message}",
                hint="nothing was deleted; restore the content store first",
            ) from error
        yield from (file.digest for file in listed)
