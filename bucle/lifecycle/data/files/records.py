"""What is known of the files of a version, and where their bytes lie."""

import msgspec


class TreeFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a version of files."""

    path: str  # relative, in `/`
    size_bytes: int
    digest: str


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """Some bytes of a file: where they lie in a content, and what their digest is."""

    content: str  # a pack, or the file itself where it is a content of its own
    start: int
    length: int
    digest: str


class FilePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and the parts that it is made of, in order; an empty file has none."""

    file: TreeFile
    parts: tuple[FilePart, ...]
