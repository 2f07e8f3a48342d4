"""The files of a version as a table: path, size and digest, in the order of their paths.

The table is cut into pages where the paths say (a checksum of the path), so that one changed
file writes one page anew, and the same files make the same pages whoever commits them.
"""

import io
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid
from bucle.lifecycle.data.files.paths import check_path
from bucle.lifecycle.data.files.records import TreeFile
from bucle.lifecycle.data.records import ColumnStats, DataFile

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
    ]
)
_PAGE_FILES = 1024  # on average
_NOTHING = digest_bytes(b"")

Tree = Mapping[str, TreeFile]


class TreePage(msgspec.Struct, frozen=True):
    """Some files of a version, and the content that lists them."""

    file: DataFile
    content: bytes
    files: Sequence[TreeFile]


def pages_of(tree: Tree) -> Iterator[TreePage]:
    """Yield the pages of a tree; `check_tree` tells whether it may be one."""
    page: list[TreeFile] = []
    for path in sorted(tree):
        page.append(tree[path])
        if _ends_page(path):
            yield _page(page)
            page = []
    if page:
        yield _page(page)


def pages_as_given(contents: Sequence[bytes]) -> list[TreePage] | None:
    """Return pages that somebody made; None: `pages_of` would cut their files otherwise.

    Raises:
        Invalid: one is no page.
    """
    pages = [TreePage(listed(content, files := read_page(content)), content, files)
             for content in contents]  # fmt: skip
    last = ""
    for page in pages:
        for file in page.files:
            if file.path <= last:
                return None
            last = file.path
        inner = any(_ends_page(file.path) for file in page.files[:-1])
        if inner or not page.files or (page is not pages[-1] and not _ends_page(last)):
            return None
    return pages


def read_page(content: bytes) -> tuple[TreeFile, ...]:
    """Return the files of a page.

    Raises:
        Invalid: it is no page.
    """
    try:
        table = pq.ParquetFile(io.BytesIO(content)).read(use_threads=False)
    except pa.ArrowException as error:
        raise Invalid(f"this content is no list of files: {error}") from error
    if not table.schema.equals(SCHEMA):
        raise Invalid("this content is no list of files", hint="bucle data commit makes them")
    columns = (table.column(name).to_pylist() for name in SCHEMA.names)
    return tuple(
        TreeFile(path=path, size_bytes=size_bytes, digest=digest)
        for path, size_bytes, digest in zip(*columns, strict=True)
    )


def tree_of(pages: Iterable[Sequence[TreeFile]]) -> dict[str, TreeFile]:
    """Return the files of pages by their paths, which lie in order."""
    return {file.path: file for page in pages for file in page}


def check_tree(tree: Tree) -> None:
    """Look at the paths of a tree.

    Raises:
        Invalid: one may not be a path, or is a file and a folder of another one; or an empty file
            is said to be another content.
    """
    folders = {check_path(path).rpartition("/")[0] for path in tree} - {""}
    for folder in list(folders):
        parts = folder.split("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
    if both := folders & tree.keys():
        raise Invalid(
            f"{min(both)!r} is a file, and other files lie in a folder of that name",
            hint="commit the whole folder again, without --mode append",
        )
    for path, file in tree.items():
        if not file.size_bytes and file.digest != _NOTHING:
            raise Invalid(f"{path!r} is empty, and its digest is not that of nothing")


def _ends_page(path: str) -> bool:
    return zlib.crc32(path.encode()) % _PAGE_FILES == 0


def _page(files: Sequence[TreeFile]) -> TreePage:
    table = pa.table(
        {name: [getattr(file, name) for file in files] for name in SCHEMA.names}, schema=SCHEMA
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", version="2.6", use_dictionary=False)
    content = buffer.getvalue()
    return TreePage(listed(content, files), content, files)


def listed(content: bytes, files: Sequence[TreeFile]) -> DataFile:
    """Return what a manifest says of a page."""
    sizes = [file.size_bytes for file in files]
    digests = [file.digest for file in files]
    paths = [file.path for file in files]
    return DataFile(
        digest=digest_bytes(content),
        size_bytes=len(content),
        rows=len(files),
        stats=(
            _stats("path", min(paths, default=""), max(paths, default="")),
            ColumnStats(
                name="size_bytes",
                nulls=0,
                minimum=min(sizes, default=None),
                maximum=max(sizes, default=None),
            ),
            _stats("digest", min(digests, default=""), max(digests, default="")),
        ),
    )


def _stats(name: str, least: str, most: str) -> ColumnStats:
    """Leave out what is too long for a listing, as other files do."""
    short = max(len(least), len(most)) <= 200  # noqa: PLR2004 - see `parquet`
    return ColumnStats(
        name=name, nulls=0, minimum=least if short else None, maximum=most if short else None
    )
