"""What was set apart, and why."""

from datetime import datetime
from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.records import DataFile


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """The rows and lines that one commit set apart."""

    dataset: Ref  # the version that was committed without them
    number: int  # of the dataset's quarantines, from 1
    digest: str  # content: Parquet of the rows and lines with their reasons
    rows: int
    lines: int  # of texts, that were no rows
    reasons: dict[str, int]  # how many each expectation set apart; a row may break several
    at: datetime
    by: str
    replayed_as: Ref | None = None  # None: nobody committed them yet


class SetApart(msgspec.Struct, frozen=True, kw_only=True):
    """One row or line that was set apart."""

    row: int  # its place in the commit, from 1; of a line, its number in the file
    reasons: tuple[str, ...]
    values: dict[str, Any]  # {}: a line, which has no columns
    file: str = ""  # "": a row
    text: str = ""  # "": a row


class QuarantinedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what a commit set apart."""

    quarantine: Quarantine
    rows: tuple[SetApart, ...]


class Sifted(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of the files of a commit, and what was set apart of them."""

    files: tuple[DataFile, ...]  # of the version to be
    digest: str = ""  # "": nothing was set apart
    rows: int = 0
    lines: int = 0
    reasons: dict[str, int] = {}
