"""Leave out what sensitive columns hold, of what is shown to somebody who may not see it.

Masking is done where something is shown, never where it is computed: a training that a viewer
could not start is not to train on stars.
"""

import secrets
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.errors import Denied, Invalid
from bucle.governance.session import Session
from bucle.lifecycle.data.quarantine.records import QuarantinedRows
from bucle.lifecycle.data.read import paths, quoted
from bucle.lifecycle.data.records import (
    CheckReport,
    ColumnProfile,
    DataFile,
    DatasetDiff,
    DatasetSpec,
    DatasetVersion,
    Profile,
    RowChange,
)

MASK = "***"


def masked_row(row: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """Return a row with a mask in place of each hidden value; what is missing stays missing."""
    return {
        name: MASK if name in hidden and value is not None else value for name, value in row.items()
    }


def read_masked(
    session: Session,
    version: DatasetVersion,
    hidden: Collection[str],
    *,
    columns: Collection[str] = (),
    where: str = "",
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Read rows of a version as somebody may see them who may not see some of its columns.

    A condition can not ask for a hidden column: by asking often enough it would tell its values.

    Raises:
        Invalid: an unknown column, or a condition that is no SQL over the columns left.
    """
    names = tuple(columns or version.column_names)
    if unknown := [name for name in names if name not in version.column_names]:
        raise Invalid(
            f"{version.ref} has no column {unknown[0]!r}",
            hint=f"it has {', '.join(version.column_names)}",
        )
    seen = [name for name in version.column_names if name not in hidden]
    whole = f"t{secrets.token_hex(16)}"  # a name that no condition can know
    nulls = [f"{quoted(name)} IS NULL AS {quoted(_null(name))}" for name in sorted(hidden)]
    shown = ", ".join([*map(quoted, seen), *nulls])
    condition = f" WHERE ({where}\n)" if where else ""
    most = f" LIMIT {int(limit)}" if limit is not None else ""
    table: pa.Table = session.drivers.engine.query(
        f"WITH dataset AS (SELECT {shown} FROM {whole}) SELECT * FROM dataset{condition}{most}",
        tables={whole: paths(session, version)},
    )
    return [
        {
            name: (None if row[_null(name)] else MASK) if name in hidden else row[name]
            for name in names
        }
        for row in table.to_pylist()
    ]


def masked_version(version: DatasetVersion, hidden: Collection[str]) -> DatasetVersion:
    """Return a version whose files say nothing of what hidden columns hold."""
    return msgspec.structs.replace(version, files=masked_files(version.files, hidden))


def masked_files(files: Collection[DataFile], hidden: Collection[str]) -> tuple[DataFile, ...]:
    """Return files that say nothing of what hidden columns hold."""
    return tuple(
        msgspec.structs.replace(
            file,
            stats=tuple(
                msgspec.structs.replace(each, minimum=None, maximum=None)
                if each.name in hidden
                else each
                for each in file.stats
            ),
        )
        for file in files
    )


def masked_profile(profile: Profile, hidden: Collection[str]) -> Profile:
    """Return a profile that counts hidden columns and shows nothing of their values."""
    return msgspec.structs.replace(
        profile,
        columns=tuple(
            ColumnProfile(
                name=each.name,
                kind=each.kind,
                count=each.count,
                nulls=each.nulls,
                distinct=each.distinct,
            )
            if each.name in hidden
            else each
            for each in profile.columns
        ),
    )


def masked_diff(diff: DatasetDiff, hidden: Collection[str]) -> DatasetDiff:
    """Return a diff whose rows and statistics say nothing of what hidden columns hold."""
    return msgspec.structs.replace(
        diff,
        samples=tuple(
            RowChange(
                what=each.what,
                before=None if each.before is None else masked_row(each.before, hidden),
                after=None if each.after is None else masked_row(each.after, hidden),
            )
            for each in diff.samples
        ),
        columns_changed=tuple(
            msgspec.structs.replace(
                each,
                before=msgspec.structs.replace(each.before, minimum=None, maximum=None),
                after=msgspec.structs.replace(each.after, minimum=None, maximum=None),
            )
            if each.name in hidden
            else each
            for each in diff.columns_changed
        ),
    )


def masked_report(report: CheckReport, hidden: Collection[str]) -> CheckReport:
    """Return a report without the bad rows, as they are in words, if anything is hidden."""
    return msgspec.structs.replace(report, samples=()) if hidden else report


def masked_quarantined(found: QuarantinedRows, hidden: Collection[str]) -> QuarantinedRows:
    """Return rows that were set apart, masked; of lines, whose columns nobody knows, none."""
    if not hidden:
        return found
    return msgspec.structs.replace(
        found,
        rows=tuple(
            msgspec.structs.replace(
                each,
                values=masked_row(each.values, hidden),
                text=MASK if each.text else "",
            )
            for each in found.rows
        ),
    )


def masked_spec(spec: DatasetSpec, hidden: Collection[str]) -> DatasetSpec:
    """Return expectations without those of hidden columns: ranges and sets say values."""
    kept = tuple(each for each in spec.expectations if each.column not in hidden)
    return msgspec.structs.replace(spec, expectations=kept)


def require_visible(ref: object, hidden: Collection[str], actor: str) -> None:
    """Go on only where nothing is hidden: rows that leave as a file are not masked.

    Raises:
        Denied: a column is hidden.
    """
    if hidden:
        raise Denied(
            f"{actor!r} may not sensitive:read on {ref}, whose columns "
            f"{', '.join(sorted(hidden))} are sensitive",
            hint="read rows with bucle data read, which masks them, or ask an owner for a role",
        )


def _null(name: str) -> str:
    return f"bucle_null_{name}"
