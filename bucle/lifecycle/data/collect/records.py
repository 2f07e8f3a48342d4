"""What a collection of garbage found, and took away."""

import msgspec


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Contents that are needed, and by which table of the database."""

    by: str  # the table; of several, the first by name
    objects: int
    size_bytes: int


class GarbageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored, what of it nothing refers to, and what was deleted."""

    deleted: bool  # False: this was a dry run
    grace: str
    objects: int  # that nothing refers to and are older than the grace
    size_bytes: int
    young_objects: int  # that nothing refers to yet: they may be of a commit that goes on
    young_bytes: int
    unused_bytes: int  # in packs of which something else is needed; they stay
    held: tuple[Held, ...]
    digests: tuple[str, ...]  # of what was or would be deleted, at most 1,000
