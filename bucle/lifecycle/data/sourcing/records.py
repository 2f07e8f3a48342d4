"""How far a source was drawn, what a pull brought, and which files arrived."""

from datetime import datetime

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.records import DatasetSpec
from bucle.lifecycle.data.source_spec import SourceSpec


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Up to where a source was drawn; each kind of source has its own field."""

    watermark: tuple[str, str] | None = None  # None: no row yet; else its type and its text
    etag: str = ""  # of the document that was taken last
    modified: str = ""  # as its Last-Modified said
    topic: str = ""  # where the reader stands in its topic


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a dataset's source between its pulls."""

    dataset: str
    number: int = 0  # grows with every write: who saw an older one has lost a race
    position: Position = Position()
    column: str = ""  # the watermark's column that the position is of
    pulled_at: datetime | None = None  # None: no pull ended well yet
    version: int = 0  # that the last pull with rows made
    rows: int = 0  # of the last pull with rows
    total: int = 0  # rows of all pulls
    failures: int = 0  # in a row
    error: str = ""  # of the last pull; "": it ended well
    failed_at: datetime | None = None  # None: as for the error
    notes: tuple[str, ...] = ()  # what the last pull has to say


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was found at a source."""

    name: str
    mark: str  # what changes when the file does: ETag, or size and time
    status: str  # taken or broken
    at: datetime
    reason: str = ""  # why it is broken
    version: int = 0  # that it became part of; 0: of none


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull brought."""

    dataset: Ref
    version: Ref | None  # None: there was nothing new
    source: str  # the address, without a password
    rows: int = 0
    quarantined: int = 0
    position: str = ""  # up to where the source is drawn now
    files: tuple[Arrival, ...] = ()  # that were taken or are broken
    waiting: int = 0  # files that may not be whole yet
    notes: tuple[str, ...] = ()  # what somebody should know: rows without a watermark, say


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset's source and how its pulls go."""

    dataset: Ref
    source: str  # the address, without a password
    mode: str
    schedule: str
    next_at: datetime | None = None  # None: when somebody asks
    pulled_at: datetime | None = None  # None: no pull ended well yet
    version: Ref | None = None  # None: no pull brought rows yet
    rows: int = 0  # of the last pull with rows
    total: int = 0  # of all pulls
    position: str = ""
    failures: int = 0  # in a row
    error: str = ""
    failed_at: datetime | None = None  # None: the last pull ended well
    notes: tuple[str, ...] = ()


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One pull: what is declared, and what was kept of the pulls before it."""

    spec: DatasetSpec
    source: SourceSpec
    url: str = ""  # with its secrets, which no record that is kept has
    headers: dict[str, str] = {}  # as for the address
    shown: str  # the address, without a password
    mode: str  # append, upsert or replace
    state: SourceState
    ties: bytes = b""  # digests of the rows that may come again
    again: bool = False  # whether files that are broken are tried once more

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.spec.name
