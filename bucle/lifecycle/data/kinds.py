"""The two kinds of datasets: tables, and files; a dataset is of the kind of its first version."""

from bucle.base.errors import Invalid
from bucle.lifecycle.data.records import CheckReport, DatasetSpec, DatasetVersion

TABLE = "bucle-dataset/1"  # the format of a manifest
FILES = "bucle-files/1"


def is_files(version: DatasetVersion | None) -> bool:
    """Tell whether a version is one of files."""
    return version is not None and version.kind == "files"


def require_table(head: DatasetVersion | None) -> None:
    """Go on only upon a version of a table.

    Raises:
        Invalid: it is one of files.
    """
    if head is not None and is_files(head):
        raise Invalid(
            f"{head.ref.bare} is a dataset of files, and no table",
            hint=f"bucle data commit {head.ref.name} <file or folder> --kind files",
        )


def require_files(head: DatasetVersion | None) -> None:
    """Go on only upon a version of files.

    Raises:
        Invalid: it is one of a table.
    """
    if head is not None and not is_files(head):
        raise Invalid(
            f"{head.ref.bare} is a table, and no dataset of files",
            hint="commit the files to a dataset of another name",
        )


def nothing_expected(format_: str, spec: DatasetSpec, rows: int) -> CheckReport | None:
    """Return the report on files of which nothing is expected; None: there is something to judge.

    No engine need start for it.
    """
    if format_ == TABLE or spec.expectations or spec.key or spec.time:
        return None
    return CheckReport(ok=True, rows=rows, verdicts=())
