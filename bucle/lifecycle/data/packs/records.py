"""What is known of packs."""

import msgspec


class PackReport(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was added to a project."""

    digest: str
    contents: int  # that it holds
    size_bytes: int


class Place(msgspec.Struct, frozen=True):
    """Where a content lies."""

    pack: str
    start: int
    length: int
    is_list: bool  # whether the bytes are the digests of its parts, and not itself
