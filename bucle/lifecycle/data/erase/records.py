"""Whose rows are to go, and where they are."""

from typing import TypeAlias

import msgspec

from bucle.base.refs import Ref

Subject: TypeAlias = dict[str, str | int | float | bool]  # column -> value; all must be so


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at a version."""

    tags: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()  # the branches whose newest version it is


class VersionRows(msgspec.Struct, frozen=True, kw_only=True):
    """A version that holds rows of a subject."""

    ref: Ref
    rows: int
    tags: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()  # the branches whose newest version it is


class DatasetRows(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows of a subject are in a dataset."""

    dataset: Ref
    columns: tuple[str, ...]  # by which they were looked for
    versions: tuple[VersionRows, ...] = ()
    quarantined: int = 0  # rows and lines that commits set apart
    splits: tuple[Ref, ...] = ()  # of those versions
    searched: int = 0  # versions
    opened: int = 0  # files that were opened: the others can not hold such a row
