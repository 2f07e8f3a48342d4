"""What an import found, and what it left out."""

import msgspec

from bucle.base.refs import Ref
from bucle.lifecycle.data.records import Expectation


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a suite expects and that has no counterpart here."""

    name: str  # what its tool calls it
    about: str  # its columns; "": the table
    why: str
    dataset: str = ""  # "": before it is known


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """What a file expects of one table."""

    table: str  # what the file calls it; "": it does not say
    expectations: tuple[Expectation, ...]
    left_out: tuple[LeftOut, ...]


class ImportedSuite(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset is expected to be since an import."""

    dataset: Ref
    expectations: tuple[Expectation, ...]  # of the file, in our words
    added: int  # of those: were not declared before


class SuiteImport(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of a file of another tool."""

    format: str  # great_expectations, dbt or pandera
    declared: bool  # False: it was a dry run
    suites: tuple[ImportedSuite, ...]
    left_out: tuple[LeftOut, ...]  # of all of them


class SuiteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the content store that says what is expected of tables."""

    digest: str
    name: str = ""  # the dataset; "": as the file calls its tables
    format: str = ""  # "": what it looks like
    dry_run: bool = False
