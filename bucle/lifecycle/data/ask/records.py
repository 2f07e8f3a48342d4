"""What a question in SQL answers."""

from typing import Any

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.records import Column


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A `SELECT` over dataset versions, and how much it may answer."""

    sql: str
    format: str = ""  # of a file with every row: parquet, arrow, csv or json; "": no file
    limit: int = 100  # rows that are answered beside the file
    timeout_s: float = 60.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of an answer, and all of them as a file in the content store if asked."""

    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    more: bool  # whether there are rows beyond these
    inputs: tuple[Ref, ...]  # the versions that were read, by their numbers
    total: int | None = None  # None: nobody counted, as no file was asked for
    digest: str = ""  # of the file; "": none was asked for
    format: str = ""  # as above
    size_bytes: int = 0


class Derivation(msgspec.Struct, frozen=True, kw_only=True):
    """A question whose answer is to be the next version of a dataset."""

    name: str
    sql: str
    message: str = ""  # "": the statement
    mode: str = "replace"
    if_head: str | None = None  # None: upon whatever is the head
    branch: str = "main"
    timeout_s: float = 600.0
