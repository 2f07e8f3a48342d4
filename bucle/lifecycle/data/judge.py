"""Judge rows that are added to a version by themselves, where that says as much as all rows.

A missing value, a range, a set and a pattern hold of each row alone: rows that were judged so
before need no second look.  A key must be compared with the files that may hold it only.  What
speaks of the table as a whole is asked of all rows.
"""

from collections.abc import Sequence
from functools import partial

import msgspec
import pyarrow as pa

from bucle.base.codec import canonical_json
from bucle.base.digest import digest_bytes
from bucle.drivers.engine import Engine, TableSource
from bucle.drivers.house import Drivers
from bucle.lifecycle.data.against import Against
from bucle.lifecycle.data.check import check_table
from bucle.lifecycle.data.compare import same_key
from bucle.lifecycle.data.known import Known
from bucle.lifecycle.data.profile import schema_of
from bucle.lifecycle.data.prune import may_share
from bucle.lifecycle.data.read import file_paths, rows_of
from bucle.lifecycle.data.records import (
    CheckReport,
    DataFile,
    DatasetSpec,
    DatasetVersion,
    Expectation,
)


def judged_by(spec: DatasetSpec) -> str:
    """Return the digest of what is expected, whoever owns the dataset and whatever it means."""
    said = msgspec.structs.replace(spec, description="", owner="", require_decision=msgspec.UNSET)
    return digest_bytes(canonical_json(said))


def judge_added(
    drivers: Drivers,
    spec: DatasetSpec,
    head: DatasetVersion,
    *,
    kept: Sequence[DataFile],
    added: Sequence[DataFile],
    against: Against,
) -> CheckReport | None:
    """Judge a version of files of the head and of files that are added.

    Returns:
        The report, as of all rows; None where the added rows alone can not tell: other
        expectations than of the head, other columns, or rows that break something (all rows
        then say which and how many).
    """
    if head.judged != judged_by(spec):
        return None
    known = against.known
    fresh = partial(_rows, drivers, kept, added)
    schema = known.schema if known else schema_of(fresh())
    types = {field.name: field.type for field in schema}
    if {name: str(type_) for name, type_ in types.items()} != {
        column.name: column.type for column in head.columns
    }:
        return None
    alone = tuple(each for each in spec.expectations if _of_each_row(each))
    together = tuple(each for each in spec.expectations if not _of_each_row(each))
    now = drivers.clock.now()
    by_row = msgspec.structs.replace(spec, expectations=alone)
    alike = Against(known=known, compute=against.compute)
    report = check_table(drivers.engine, fresh, spec=by_row, types=types, now=now, against=alike)
    if not report.ok or _repeats(drivers, spec.key, kept, added):
        return None
    rows = sum(file.rows for file in (*kept, *added))
    found = {verdict.name: verdict for verdict in report.verdicts}
    if together:
        whole = partial(rows_of, drivers, (*kept, *added))
        counted = Known(schema=schema, rows=rows)  # what else is known is of the added rows only
        beside = msgspec.structs.replace(against, known=counted)
        by_table = msgspec.structs.replace(spec, key=(), expectations=together)
        told = check_table(
            drivers.engine, whole, spec=by_table, types=types, now=now, against=beside
        )
        if not told.ok:
            return None
        found |= {verdict.name: verdict for verdict in told.verdicts}
    # The head was judged by the same: its verdicts have every name, in the order of the whole.
    names = [verdict.name for verdict in head.verdicts]
    if len(set(names)) < len(names) or set(names) != set(found):
        return None
    return CheckReport(ok=True, rows=rows, verdicts=tuple(found[name] for name in names))


def _rows(drivers: Drivers, kept: Sequence[DataFile], added: Sequence[DataFile]) -> TableSource:
    return rows_of(drivers, added) if added else _no_rows(drivers, kept)


def _no_rows(drivers: Drivers, kept: Sequence[DataFile]) -> pa.Table:
    """Return what is added where rows are taken away only."""
    return schema_of(file_paths(drivers, kept[-1:])).empty_table()


def _of_each_row(expectation: Expectation) -> bool:
    """Tell whether nothing is expected but what each row shows by itself, without exception."""
    rest = msgspec.structs.replace(
        expectation, column="", type="", not_null=False, min=None, max=None, among=(), regex="",
        name="", python=None,
    )  # fmt: skip
    return rest == Expectation()


def _repeats(
    drivers: Drivers,
    key: Sequence[str],
    kept: Sequence[DataFile],
    added: Sequence[DataFile],
) -> bool:
    """Tell whether an added row has the key of a row that is kept."""
    near = may_share(kept, added, key) if key and added else ()
    if not near:
        return False
    return holds_any(drivers.engine, rows_of(drivers, near), rows_of(drivers, added), key)


def holds_any(engine: Engine, old: TableSource, fresh: TableSource, key: Sequence[str]) -> bool:
    """Tell whether a key of one table is in another."""
    answer = engine.query(
        "SELECT 1 AS found FROM fresh AS f SEMI JOIN old AS o "
        f"ON {same_key(key, 'f', 'o')} LIMIT 1",
        tables={"fresh": fresh, "old": old},
    )
    return bool(answer.num_rows)
