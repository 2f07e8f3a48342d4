"""Part the rows of a commit: those that break nothing go on, the others are kept with reasons.

One scan finds the bad rows; the files are only read and written again if there are some.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Refused
from bucle.base.verdict import Verdict
from bucle.drivers.blobs.content import store_bytes
from bucle.drivers.engine import TableSource
from bucle.drivers.house import Drivers
from bucle.lifecycle.data.against import Against
from bucle.lifecycle.data.by_python import Answer
from bucle.lifecycle.data.check import Check, alias, named, refuses, row_checks, told_of
from bucle.lifecycle.data.delimited import NO_ROW
from bucle.lifecycle.data.parquet import store_rows
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.quarantine.records import Sifted
from bucle.lifecycle.data.read import file_paths, quoted, rows_of
from bucle.lifecycle.data.records import DataFile, DatasetSpec
from bucle.lifecycle.data.sources import Source

ROW, REASONS, FILE, TEXT = "bucle_row", "bucle_reasons", "bucle_file", "bucle_text"
_MARKS = pa.schema([
    (ROW, pa.int64()), (REASONS, pa.list_(pa.string())), (FILE, pa.string()), (TEXT, pa.string()),
])  # fmt: skip
_THERE = "there:"


class _Bad(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that break something."""

    places: Any  # numpy: the place of each in the commit, from 0
    reasons: list[list[str]]  # what each breaks
    verdicts: tuple[Verdict, ...]  # of each check
    refused: bool  # whether more than tolerated are bad


def sift(
    drivers: Drivers, spec: DatasetSpec, files: Sequence[DataFile], *,
    there: Sequence[DataFile], sources: Sequence[Source], against: Against,
) -> Sifted:  # fmt: skip
    """Set apart what is to be, of the rows that are new, and return the files that are left.

    `there` are the head's files of an append; their rows stay as they are.

    Raises:
        Refused: nothing would be left of what is new, or more than tolerated would go.
        Invalid: an expectation can not be executed.
    """
    old = {file.digest for file in there}
    fresh = [file for file in files if file.digest not in old]
    lines = [(source.name, line) for source in sources for line in source.lines]
    marked = [_of_lines(lines)] if lines else []
    kept, bad = tuple(files), _bad_rows(drivers, spec, fresh, there, against) if fresh else None
    if bad and len(bad.places):
        rows = sum(file.rows for file in fresh)
        if bad.refused or len(bad.places) == rows:
            _refuse(spec, bad, rows)
        rest, apart = _parted(drivers, fresh, bad)
        kept = (*there, *(file for file in rest if file.digest not in old))
        marked.insert(0, apart)
    counts = {each.name: int(each.value or 0) for each in bad.verdicts} if bad else {}
    reasons = {name: count for name, count in counts.items() if count}
    return Sifted(
        files=kept,
        digest=_stored(drivers, marked) if marked else "",
        rows=len(bad.places) if bad else 0,
        lines=len(lines),
        reasons=reasons | Counter(_kind(line.reason) for _, line in lines),
    )


def _bad_rows(
    drivers: Drivers, spec: DatasetSpec, fresh: Sequence[DataFile], there: Sequence[DataFile],
    against: Against,
) -> _Bad | None:  # fmt: skip
    """Find the bad rows in one scan of those that are new; None: none are to be set apart."""
    known = against.known
    schema = known.schema if known else schema_of(file_paths(drivers, fresh))
    types = {field.name: field.type for field in schema}
    checks = row_checks(spec, types, drivers.clock.now(), against)
    if known:  # what is known is of the new rows: to be unique, they are compared with the head's
        checks = [
            check
            for check in checks
            if known.figure(check.claim, ()) is None or (check.apart and there)
        ]
    if not checks:
        return None
    table = rows_of(drivers, fresh)
    tables = {"dataset": table} | {alias(name): rows for name, rows in against.tables.items()}
    told = told_of(lambda: tables, checks, spec, against)
    places, flags = _flags_of(drivers, tables, checks, there)
    if told:
        places, flags = _with_told(places, flags, told)
    counts = flags.sum(axis=0)
    rows = sum(file.rows for file in fresh)
    names = [check.name for check in checks]
    return _Bad(
        places=places,
        reasons=[
            [name for name, is_bad in zip(names, row, strict=True) if is_bad] for row in flags
        ],
        verdicts=tuple(
            Verdict(
                name=check.name,
                ok=not count,
                value=float(count),
                limit=check.tolerance * rows if check.tolerance else None,
                note=f"{count} of {rows} rows" if count else "",
            )
            for check, count in zip(checks, counts, strict=True)
        ),
        refused=any(
            refuses(check, float(count), rows) for check, count in zip(checks, counts, strict=True)
        ),
    )


def _flags_of(
    drivers: Drivers, tables: dict[str, TableSource], checks: Sequence[Check],
    there: Sequence[DataFile],
) -> tuple[Any, Any]:  # fmt: skip
    """Return the places of the bad rows by SQL, and which check (a column) each breaks."""
    by_sql = [place for place, check in enumerate(checks) if not check.python]
    flags = np.zeros((0, len(checks)), bool)
    if not by_sql:
        return np.array([], np.int64), flags
    held: Sequence[str] = ()
    if there:
        tables = tables | {_THERE: rows_of(drivers, there)}
        held = schema_of(tables[_THERE]).names
    asked = [checks[place] for place in by_sql]
    found = named(asked, lambda some: _flagged(drivers, tables, some, held))
    flags = np.zeros((found.num_rows, len(checks)), bool)
    for column, place in enumerate(by_sql, start=1):
        flags[:, place] = found.column(column).to_numpy(zero_copy_only=False)
    return found.column(0).to_numpy() - 1, flags


def _with_told(places: Any, flags: Any, told: Mapping[int, Answer]) -> tuple[Any, Any]:  # noqa: ANN401 - numpy
    """Add the rows that functions in Python found bad."""
    every = np.unique(np.concatenate([places, *(each.places for each in told.values())]))
    wider = np.zeros((len(every), flags.shape[1]), bool)
    wider[np.searchsorted(every, places)] = flags
    for column, answer in told.items():
        wider[np.searchsorted(every, answer.places), column] = True
    return every, wider


def _flagged(
    drivers: Drivers, tables: dict[str, TableSource], checks: Sequence[Check], there: Sequence[str]
) -> pa.Table:
    """Return the number of each bad row, and whether it breaks each check, in order."""
    flags = [f"coalesce({_condition(check, there)}, false)" for check in checks]
    chosen = ", ".join(f"{flag} AS bucle_flag{place}" for place, flag in enumerate(flags))
    names = [f"bucle_flag{place}" for place in range(len(checks))]
    return drivers.engine.query(
        f"SELECT {ROW}, {', '.join(names)} FROM (SELECT {ROW}, {chosen} FROM "
        f"(SELECT *, row_number() OVER () AS {ROW} FROM dataset) AS dataset) "
        f"WHERE {' OR '.join(names)} ORDER BY {ROW}",
        tables=tables,
    )


def _condition(check: Check, there: Sequence[str]) -> str:
    """Return what makes a row bad; what must be unique is compared with the head's rows too."""
    said = f"({check.row})"
    if check.apart and check.columns[0] in there:
        name = quoted(check.columns[0])
        seen = f"SELECT {name} FROM {quoted(_THERE)} WHERE {name} IS NOT NULL"
        said = f"({said} OR {name} IN ({seen}))"
    return said


def _refuse(spec: DatasetSpec, bad: _Bad, rows: int) -> None:
    said = "; ".join(f"{each.name}: {each.note}" for each in bad.verdicts if not each.ok)
    why = "more than tolerated" if bad.refused else "nothing would be left"
    raise Refused(
        f"{len(bad.places)} of {rows} rows of dataset:{spec.name} would be set apart, {why}: "
        f"{said}",
        because=bad.verdicts,
        hint=f"look at the rows with bucle data check {spec.name}, and correct them",
    )


def _parted(
    drivers: Drivers, fresh: Sequence[DataFile], bad: _Bad
) -> tuple[tuple[DataFile, ...], pa.Table]:
    """Write the good rows as files of their own, and return the bad ones with their marks."""
    paths = file_paths(drivers, fresh)
    schema = pq.read_schema(paths[0])
    taken: list[pa.RecordBatch] = []

    def good() -> Iterator[pa.RecordBatch]:
        start = 0
        for path in paths:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    first, last = np.searchsorted(bad.places, (start, start + batch.num_rows))
                    inside = bad.places[first:last] - start
                    start += batch.num_rows
                    mask = np.zeros(batch.num_rows, bool)
                    mask[inside] = True
                    taken.append(batch.filter(pa.array(mask)))
                    yield batch.filter(pa.array(~mask))

    rest = store_rows(drivers.blobs, good(), schema, folder=drivers.cache_path / "incoming")
    nothing = pa.nulls(len(bad.places), pa.string())
    marks = [pa.array(bad.places + 1), pa.array(bad.reasons, pa.list_(pa.string()))]
    marked = pa.Table.from_arrays([*marks, nothing, nothing], schema=_MARKS)
    for name, column in zip(
        schema.names, pa.Table.from_batches(taken, schema).columns, strict=True
    ):
        marked = marked.append_column(name, column)
    return rest, marked


def _kind(reason: str) -> str:
    """Return a reason without what it says of one line only: the counts are in the audit."""
    return reason if reason == NO_ROW else reason.partition(":")[0]


def _of_lines(lines: Sequence[tuple[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {ROW: line.number, REASONS: [line.reason], FILE: name, TEXT: line.text}
            for name, line in lines
        ],
        schema=_MARKS,
    )


def _stored(drivers: Drivers, parts: Sequence[pa.Table]) -> str:
    table = pa.concat_tables(parts, promote_options="default").combine_chunks()
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    return store_bytes(drivers.blobs, target.getvalue())
