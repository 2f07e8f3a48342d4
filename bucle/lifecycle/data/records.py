"""Dataset versions, their files and profiles, and what is expected of a dataset."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from bucle.base.code import Code
from bucle.base.refs import Ref
from bucle.base.verdict import Verdict
from bucle.lifecycle.data.source_spec import SourceSpec

PARTS = ("fit", "select", "confirm")  # of a split, in the order of their numbers
CONFIRM = "confirm"
# How careful one has to be with a column, from nothing to what must never be shown.
Level = Literal["none", "personal", "sensitive", "secret"]
Sensitivity = Literal["", "none", "personal", "sensitive", "secret"]  # "": nobody said


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its type in Arrow's words, such as `int64` or `timestamp[us, tz=UTC]`."""

    name: str
    type: str
    nullable: bool = True


class ColumnStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says of one of its columns; times are ISO text."""

    name: str
    nulls: int
    minimum: float | int | str | None = None  # None: no values, or a type without order
    maximum: float | int | str | None = None  # None: as above


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """One Parquet file in the content store."""

    digest: str
    size_bytes: int
    rows: int
    stats: tuple[ColumnStats, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset version is: columns and files, in the order of the rows.

    Its digest is the version's identity: it holds nothing but what the data say.
    """

    format: str = "bucle-dataset/1"  # of files: bucle-files/1
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a dataset."""

    ref: Ref
    number: int
    digest: str  # of the manifest
    parent: Ref | None  # None: the first version
    message: str
    rows: int  # of a version of files: how many files it has
    size_bytes: int
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]
    verdicts: tuple[Verdict, ...]
    profile: str = ""  # digest of a Profile in JSON; "": it is made when somebody asks for it
    judged: str = ""  # digest of what the rows were judged by; "": nobody knows
    branch: str = "main"  # on which it was committed
    merged: Ref | None = None  # None: it is no merge; else the version that was merged into it
    committed_at: datetime
    committed_by: str
    quarantined: int = 0  # rows and lines of its commit that were set apart
    erased_by: Ref | None = None  # None: its rows are those that were committed
    kind: Literal["table", "files"] = "table"  # of files, each row is a file: path, size, digest

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of one column, counted in bins that another window can be counted in.

    Numbers: `counts[i]` are the values x with `edges[i-1] < x <= edges[i]`; the first bin is
    open below and the last (one more count than edges) above.  Categories and booleans: `top`
    are the most frequent values with their counts, and `other` counts the rest.  Times:
    minimum and maximum only, in seconds since 1970.
    """

    name: str
    kind: str  # number, category, time or bool
    count: int  # rows with a value
    nulls: int  # rows without one; a NaN is none
    distinct: int  # approximate
    minimum: float | None = None  # None: no values, or not a number or time
    maximum: float | None = None  # None: as above
    mean: float | None = None  # None: no values, or not a number
    std: float | None = None  # None: fewer than two values, or not a number
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    other: int = 0


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of every column of a table."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """Return the column of that name; None: there is none."""
        return next((column for column in self.columns if column.name == name), None)


class Expectation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What must hold of a dataset; one record may expect several things of one column.

    Range, set and pattern speak of values only: say `not_null` to refuse missing ones.  `sql`
    is a condition that must be true of every row (unknown is not true), or a `SELECT` over the
    table `dataset` that answers true, or 0 as the number of bad rows.  `python` is a function of a
    `pyarrow.Table` that answers so of each row (missing is not true), or once of the table.

    What breaks it refuses the commit (`fail`), is noted (`warn`), or sets the bad rows apart and
    lets the others in (`quarantine`, of expectations that a row by itself can break).
    """

    column: str = ""  # "": of the whole table
    type: str = ""  # "": any; otherwise Arrow's word for it
    not_null: bool = False
    min: float | str | None = None  # None: no lower limit; text for times
    max: float | str | None = None  # None: no upper limit
    among: tuple[str | int | float | bool, ...] = ()  # (): any value
    regex: str = ""  # "": any text; otherwise the whole text must match
    unique: bool = False
    sql: str = ""
    min_rows: int | None = None  # None: no lower limit
    max_rows: int | None = None  # None: no upper limit
    fresh_within: str = ""  # the newest time in the column is at most this old: "2d"
    tolerance: float = 0.0  # the share of rows that may break it; of quarantine 0 is no limit
    name: str = ""  # "": named after what it expects
    action: Literal["fail", "quarantine", "warn"] = "fail"
    references: str = ""  # the column whose values these are of: "customers.id"
    like: str = ""  # the version in which the column is distributed so: "trips@golden"
    max_shift: float = 0.2  # how far from it, as population stability index
    python: Code | None = None  # None: none; otherwise `bucle.code_of(function)`
    python_of: Literal["rows", "table"] = "rows"  # what one answer of the function is of


class ColumnNote(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a column means, and how careful one has to be with it."""

    meaning: str = ""  # "": nobody said
    unit: str = ""  # "": it has none, or nobody said
    sensitivity: Sensitivity = ""  # "": nobody said


class Retention(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How long rows and versions are kept; durations such as `365d`."""

    rows: str = ""  # "": for ever; otherwise as old as the time in `by` may be
    by: str = ""  # "": the dataset's time
    versions: str = ""  # "": for ever; otherwise so long after they were committed
    keep_tags: bool = True  # whether a version that has a tag stays


class DatasetSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What is declared of a dataset."""

    name: str
    key: tuple[str, ...] = ()  # (): rows have no identity
    time: str | None = None  # None: rows have no time
    description: str = ""
    owner: str = ""
    expectations: tuple[Expectation, ...] = ()
    # Whether control trains on its versions only after somebody decided go; left out: no.
    require_decision: bool | msgspec.UnsetType = msgspec.UNSET
    licence: str = ""  # an SPDX id such as CC-BY-4.0, or words; "": nobody said
    fresh_within: str = ""  # the newest rows are at most this old: "1d"; "": no objective
    tags: tuple[str, ...] = ()
    links: dict[str, str] = {}  # where more is said, by what it is called
    columns: dict[str, ColumnNote] = {}
    retention: Retention | None = None  # None: nothing is removed
    source: SourceSpec | None = None  # None: nobody draws it, people bring its rows


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a listing."""

    ref: Ref
    spec: DatasetSpec | None  # None: never declared
    head: Ref | None  # None: nothing was committed yet
    rows: int = 0
    size_bytes: int = 0
    committed_at: datetime | None = None  # None: as for the head
    tags: dict[str, int] = {}


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """A wish to make a new version out of files that are in the content store."""

    name: str
    files: tuple[str, ...]  # digests
    names: tuple[str, ...] = ()  # what people call the files, for errors
    format: str = "parquet"  # parquet, csv, json (lines or one array), arrow or excel
    mode: str = "replace"  # replace: these files are the version; append: add them to the head
    message: str = ""
    if_head: str | None = None  # None: on whatever is the head; else its number or digest
    evolve: bool = False  # whether columns may come, go or (when replacing) change their type
    quote: str = ""  # CSV: whether " quotes texts: yes, no, or "": yes, unless that is unclear
    columns: tuple[str, ...] = ()  # CSV without a header: the names of its columns
    lines: str = "fail"  # of a text or sheet: what becomes of lines that are no rows, or quarantine
    sheet: str = ""  # Excel: which sheet; "": the only one
    header_row: int = 1  # Excel: the row that names the columns
    branch: str = "main"  # whose head the version becomes
    inputs: tuple[Ref, ...] = ()  # what the rows were made of; (): they came from outside
    made_by: str = ""  # the statement that made them of the inputs; "": as above
    pull: str = ""  # which pull appends the rows, written into their files; "": none


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A line of versions beside the main one."""

    name: str
    head: Ref  # the newest version of it


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """One row that came, went or changed between two versions."""

    what: str  # added, removed or changed
    before: dict[str, Any] | None = None  # None: the row was added
    after: dict[str, Any] | None = None  # None: the row was removed


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """What two versions say of a column that both have, where they differ; times are ISO text."""

    name: str
    before: ColumnStats
    after: ColumnStats


class DatasetDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What lies between two versions of a dataset."""

    left: Ref
    right: Ref
    rows_added: int
    rows_removed: int
    rows_changed: int | None  # None: the dataset has no key, so a change is one out and one in
    columns_added: tuple[Column, ...] = ()
    columns_removed: tuple[Column, ...] = ()
    columns_retyped: tuple[Column, ...] = ()  # as they are on the right
    columns_changed: tuple[ColumnChange, ...] = ()
    files_shared: int = 0
    bytes_added: int = 0
    samples: tuple[RowChange, ...] = ()  # of rows with a key: some of each kind, by their keys


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the expectations say of a version or of files that were not committed."""

    ok: bool  # whether nothing refuses a commit; warnings and rows to be set apart do not
    rows: int
    verdicts: tuple[Verdict, ...]
    samples: tuple[str, ...] = ()  # some of the bad rows, in words
    breaks: tuple[str, ...] = ()  # the names of the verdicts that refuse


class SplitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """How a version is split; what neither fits nor selects confirms."""

    name: str
    fit: float = 0.6
    select: float = 0.2
    by: str = ""  # a column whose equal values stay together; "": rows are drawn
    time: str = ""  # a column by which the newest confirm; "": rows are drawn
    seed: int = 0
    stratify: tuple[str, ...] = ()  # each part has each class of these in its share; (): no
    key: tuple[str, ...] = ()  # by which rows are drawn class by class; (): the dataset's


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """A class of rows, and how many of it are in each part of a split."""

    name: str
    rows: dict[str, int]
    is_thin: bool = False  # whether a part has none of it


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """A version's rows in three parts, for ever; its version is that of the dataset."""

    ref: Ref
    dataset: Ref
    spec: SplitSpec
    digest: str  # content: Parquet with the number of each row's part, in the order of the rows
    rows: dict[str, int]  # of each part
    made_at: datetime
    made_by: str
    strata: tuple[Stratum, ...] = ()  # at most 100 of them, the thin ones first; (): no classes


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at the confirming part of a split."""

    split: Ref
    number: int  # counts from 1
    at: datetime
    actor: str
    purpose: str
    about: Ref | None = None  # None: nothing that has a name was measured


class SplitReport(msgspec.Struct, frozen=True, kw_only=True):
    """A split, and who looked at its confirming part."""

    split: Split
    count: int  # of all looks
    looks: tuple[Look, ...]  # the newest first, at most 200


class SplitLeaks(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the parts of a split know of each other."""

    split: Ref
    ok: bool
    verdicts: tuple[Verdict, ...]


class PartFile(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a split as a Parquet file in the content store."""

    split: Ref
    dataset: Ref
    part: str
    digest: str
    rows: int


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a version, or of what a commit set apart, that is not what it was."""

    dataset: Ref  # with its number; of a quarantine, the version that it lies beside
    what: Literal["rewritten", "dropped", "quarantine"]
    digest: str  # what it had
    by: Ref  # the deletion, or the dataset whose retention asked for it
    why: str
    at: datetime
