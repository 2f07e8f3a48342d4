"""Decide which versions and which rows are too old; nothing is changed here."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.drivers.house import Drivers
from bucle.lifecycle.data.erase.records import Marks
from bucle.lifecycle.data.read import file_paths, moment_of
from bucle.lifecycle.data.records import DataFile, DatasetVersion, Retention
from bucle.lifecycle.data.retain.records import KeptVersion


def judge_versions(
    versions: Sequence[DatasetVersion],
    retention: Retention,
    now: datetime,
    *,
    marks: Mapping[int, Marks],
    used: Mapping[Ref, str],
) -> tuple[tuple[Ref, ...], tuple[KeptVersion, ...]]:
    """Return the versions to drop, and those that are too old and stay, with the reason.

    A branch's newest version stays, as does one with a tag (if so declared), and one that
    something uses, of which `used` says what.
    """
    if not retention.versions:
        return (), ()
    limit = now - parse_duration(retention.versions)
    drop: list[Ref] = []
    kept: list[KeptVersion] = []
    for version in versions:
        if version.committed_at >= limit:
            continue
        mark = marks.get(version.number, Marks())
        why = ""
        if mark.heads:
            why = f"the newest of {', '.join(mark.heads)}"
        elif mark.tags and retention.keep_tags:
            why = f"tagged {', '.join(mark.tags)}"
        elif version.ref in used:
            why = used[version.ref]
        if why:
            kept.append(KeptVersion(ref=version.ref, why=why))
        else:
            drop.append(version.ref)
    return tuple(drop), tuple(kept)


def young_rows(drivers: Drivers, file: DataFile, column: str, limit: datetime) -> np.ndarray | None:
    """Return which rows of a file are not too old; None: all. A row without a time stays.

    Raises:
        Invalid: the column is missing, or is no time.
    """
    said = next((each for each in file.stats if each.name == column), None)
    oldest = moment_of(said.minimum) if said and isinstance(said.minimum, str) else None
    if oldest is not None and oldest >= limit:
        return None
    (path,) = file_paths(drivers, (file,))
    with pq.ParquetFile(path) as opened:
        if column not in opened.schema_arrow.names:
            return None
        values = opened.read(columns=[column]).column(column)
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        raise Invalid(
            f"{column!r} is {values.type}, and no time by which rows grow old",
            hint="declare retention.by with a column of times",
        )
    zone = values.type.tz if pa.types.is_timestamp(values.type) else None
    type_ = pa.timestamp("us", zone)
    edge = pa.scalar(limit if zone else limit.replace(tzinfo=None), type_)
    old = pc.less(values.cast(type_, safe=False), edge)
    keep = ~pc.fill_null(old, fill_value=False).to_numpy(zero_copy_only=False)
    return None if keep.all() else keep
