"""What is known of a file, and of one line of a folder's listing."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that something left, under the path that it was given."""

    owner: Ref
    path: str
    digest: str
    size_bytes: int
    logged_at: datetime


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A file or a folder in a folder; folders are there as long as there is something in them."""

    path: str  # from the owner's root
    is_folder: bool
    size_bytes: int | None = None  # None: a folder
