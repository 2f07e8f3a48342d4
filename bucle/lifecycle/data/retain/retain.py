"""Plan and carry out what is declared of a dataset's retention.

Old rows go into a new version without them: the old ones still have them, until they are too
old themselves.  A version that is dropped leaves a tombstone; what lay in its files is collected
as garbage.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, Refused
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref, check_name
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data import store
from bucle.lifecycle.data.columns import known_schema
from bucle.lifecycle.data.commit import Proposal, settle
from bucle.lifecycle.data.erase.drop import drop_version
from bucle.lifecycle.data.erase.find import every_version, marks_of
from bucle.lifecycle.data.parquet import store_rows
from bucle.lifecycle.data.read import file_paths, find_head
from bucle.lifecycle.data.records import (
    Commit,
    DataFile,
    DatasetSpec,
    DatasetVersion,
    Retention,
)
from bucle.lifecycle.data.retain.plan import judge_versions, young_rows
from bucle.lifecycle.data.retain.records import Retained, RetentionPlan

_WHY = "older than its retention"


def plan(session: Session, name: str, used: Mapping[Ref, str]) -> RetentionPlan:
    """Return what a dataset's retention would remove now.

    Raises:
        Invalid: none is declared, or it goes by a column that is no time.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_READ, Ref("dataset", check_name(name)))
        spec, retention = _declared(scope, name)
        versions = every_version(scope, name)
        marks = marks_of(scope, name)
        head = find_head(scope, name)
        now = scope.now
        used = dict(used)
        for split in store.list_splits(scope.tx, scope.project, name):
            used.setdefault(split.dataset, f"split as {split.ref}")
    drop, kept = judge_versions(versions, retention, now, marks=marks, used=used)
    limit = _limit(retention, now)
    old = _old(session, head, spec, limit) if head and limit else {}
    return RetentionPlan(
        dataset=Ref("dataset", name),
        at=now,
        drop=drop,
        kept=kept,
        rows=sum(int((~keep).sum()) for keep in old.values()),
        rows_before=limit,
    )


def retain(session: Session, name: str, used: Mapping[Ref, str]) -> Retained:
    """Remove what is too old: rows of the newest version, then versions.

    Raises:
        Invalid: no retention is declared.
        Refused: no row would be left, or the rows that stay break an expectation.
        Conflict: somebody committed meanwhile.
    """
    ref = Ref("dataset", check_name(name))
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET, ref)
        spec, retention = _declared(scope, name)
        head = find_head(scope, name)
        limit = _limit(retention, scope.now)
    made = None
    old = _old(session, head, spec, limit) if head and limit else {}
    if head and old:
        made = _without(session, head, spec, old)
    planned = plan(session, name, used)
    with session.begin() as scope:
        dropped = [each for each in planned.drop if drop_version(scope, each, by=ref, why=_WHY)]
        rows = sum(int((~keep).sum()) for keep in old.values())
        if dropped or made:
            scope.record(
                "dataset.retained", ref, dropped=dropped, rows=rows, head=made and made.ref,
                kept=planned.kept,
            )  # fmt: skip
    return Retained(
        dataset=ref,
        dropped=tuple(dropped),
        kept=planned.kept,
        rows=rows,
        head=made.ref if made else None,
    )


def _declared(scope: Scope, name: str) -> tuple[DatasetSpec, Retention]:
    spec = store.find_spec(scope.tx, scope.project, name)
    if spec is None or spec.retention is None:
        raise Invalid(
            f"no retention is declared of dataset:{name}",
            hint=f"bucle data declare {name} --retention.versions 90d",
        )
    return spec, spec.retention


def _limit(retention: Retention, now: datetime) -> datetime | None:
    return now - parse_duration(retention.rows) if retention.rows else None


def _old(
    session: Session, head: DatasetVersion, spec: DatasetSpec, limit: datetime
) -> dict[str, np.ndarray]:
    """Return which rows stay, of each file of a version that has rows that are too old."""
    retention = spec.retention or Retention()
    column = retention.by or spec.time or ""
    if column not in head.column_names:
        raise Invalid(
            f"{head.ref} has no column {column!r}, by which its rows grow old",
            hint=f"it has {', '.join(head.column_names)}",
        )
    found = {}
    for file in head.files:
        keep = young_rows(session.drivers, file, column, limit)
        if keep is not None:
            found[file.digest] = keep
    return found


def _without(
    session: Session, head: DatasetVersion, spec: DatasetSpec, old: dict[str, np.ndarray]
) -> DatasetVersion:
    drivers = session.drivers
    files: list[DataFile] = []
    for file in head.files:
        keep = old.get(file.digest)
        if keep is None:
            files.append(file)
        elif keep.any():
            (path,) = file_paths(drivers, (file,))
            table = pq.ParquetFile(path).read().filter(pa.array(keep))
            folder = drivers.cache_path / "incoming"
            files += store_rows(drivers.blobs, table.to_batches(), table.schema, folder=folder)
    if not files:
        raise Refused(
            f"every row of {head.ref} is {_WHY}, and a version has at least one row",
            hint="commit newer rows first, or keep rows longer",
        )
    wish = Commit(name=head.ref.name, files=(), mode="retain", message=f"without rows {_WHY}")
    proposal = Proposal(
        spec=spec, head=head, files=tuple(files), schema=known_schema(session, head), added_rows=0
    )
    return settle(session, wish, proposal)
