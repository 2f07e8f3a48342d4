"""What a blob store promises, whatever lies beneath it: files, S3, GCS or Azure."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec


class BlobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a listing."""

    key: str
    size_bytes: int
    modified_at: datetime


class BlobStore(Protocol):
    """Bytes under keys.

    The law, which `bucle.testing.contracts.blobs` checks for every driver:

    - A key is a relative path in `/`, such as `content/ab/cd/<digest>`; see `check_key`.
      No key is a folder of another key.
    - A blob appears whole or not at all: readers never see half of one, whatever dies.
    - `put` overwrites; `create` never does, and of two creators exactly one is told `True`.
    - A missing key is `NotFound`; deleting it is not an error.
    - A store that is full, read-only, forbidden or unreachable is `Unavailable`.
    - Files go in (`put`) and out (`download`) in constant memory.
    - Listings come in no promised order; a prefix is a folder, `""` is everything.
    """

    @property
    def url(self) -> str:
        """The URL that opens this store."""
        ...

    @property
    def incoming_path(self) -> Path | None:
        """A folder of this machine for files to be taken; `None`: none is better than another."""
        ...

    def put(self, key: str, content: bytes | Path) -> None:
        """Write a blob from bytes or from a file, over what was there."""
        ...

    def create(self, key: str, content: bytes | Path) -> bool:
        """Write a blob if the key is free; return `False` (and write nothing) if it is not.

        Remote drivers hold the content in memory for this; it is meant for markers and locks.
        """
        ...

    def take(self, key: str, path: Path) -> None:
        """Write a blob from a file that is given away, over what was there.

        From `incoming_path` this is a rename; from elsewhere the file is copied and removed.
        """
        ...

    def get(self, key: str) -> bytes:
        """Return a whole blob."""
        ...

    def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes `start <= i < end`; what lies past the blob's end is left out."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write a blob to a local file, which appears whole or not at all."""
        ...

    def exists(self, key: str) -> bool:
        """Tell whether there is a blob under the key."""
        ...

    def size(self, key: str) -> int:
        """Return a blob's size in bytes."""
        ...

    def list(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Yield the blobs in a folder and its sub-folders."""
        ...

    def delete(self, key: str) -> None:
        """Remove a blob, if it is there."""
        ...

    def refresh(self, key: str) -> bool:
        """Make a blob less than an hour old, whatever it was; return `False` if there is none."""
        ...

    def delete_before(self, key: str, moment: datetime) -> bool:
        """Remove a blob that was last written or refreshed before a moment; tell whether it was.

        Of a refresh and this, one comes first: either the blob stays, or the refresh says that
        there is none.  Clouds do not promise that within the milliseconds that this takes.
        """
        ...

    def version(self, key: str) -> str | None:
        """Return a mark that changes when the blob does, cheaply; `None` if there is no blob."""
        ...

    def local_path(self, key: str) -> Path | None:
        """Return the path where the blob can be read in place; `None` for a remote store."""
        ...
