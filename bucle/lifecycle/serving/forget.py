"""Find the predictions that were made of somebody, and take them out of the log.

A segment is written anew under its name.  A model server that merges segments at this very
moment may write rows that it read before: whoever erases searches again afterwards.
"""

import io
from collections.abc import Collection, Mapping

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.governance.keys import read_log_secret
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.serving import segments
from bucle.lifecycle.serving.logged import hashed
from bucle.lifecycle.serving.segments import FEATURE, SHADOW_OF, Segment


class LoggedRows(msgspec.Struct, frozen=True, kw_only=True):
    """The predictions of a deployment that were made of a subject."""

    deployment: str
    ids: tuple[str, ...]


def find_logged(session: Session, subject: Mapping[str, object]) -> tuple[LoggedRows, ...]:
    """Return the predictions whose inputs name a subject, by deployment."""
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET)
    secret = read_log_secret(session.house.settings.home_path / "keys")
    found: dict[str, list[str]] = {}
    for segment in segments.list_segments(session.drivers.blobs, session.project):
        table = _table(session, segment)
        if table is None:
            continue
        mask = _theirs(table, subject, secret)
        if mask.any():
            ids = table["id"].filter(pa.array(mask)).to_pylist()
            found.setdefault(segment.deployment, []).extend(ids)
    return tuple(LoggedRows(deployment=name, ids=tuple(ids)) for name, ids in sorted(found.items()))


def erase_logged(session: Session, ids: Mapping[str, Collection[str]]) -> int:
    """Take predictions out of the log, by the ids of each deployment; return how many."""
    with session.begin(write=False) as scope:
        scope.require(Permission.DATASET_FORGET)
    drivers, gone = session.drivers, 0
    for deployment, wanted in ids.items():
        values = pa.array(sorted(wanted), pa.string())
        for segment in segments.list_segments(drivers.blobs, session.project, deployment):
            table = _table(session, segment)
            if table is None:
                continue
            mask = pc.is_in(table["id"], value_set=values)
            rows = int(pc.sum(mask).as_py() or 0)
            if SHADOW_OF in table.column_names:  # what a shadow said of the same request
                mask = pc.or_(mask, pc.is_in(table[SHADOW_OF], value_set=values))
            if pc.any(mask).as_py():
                target = io.BytesIO()
                pq.write_table(table.filter(pc.invert(mask)), target, compression="zstd")
                drivers.blobs.put(segment.key, target.getvalue())
                (drivers.cache_path / segment.key).unlink(missing_ok=True)
                gone += rows
    return gone


def _table(session: Session, segment: Segment) -> pa.Table | None:
    """Return a segment's rows; None: it was merged into another one meanwhile."""
    try:
        return pq.read_table(io.BytesIO(session.drivers.blobs.get(segment.key)))
    except NotFound:
        return None


def _theirs(table: pa.Table, subject: Mapping[str, object], secret: bytes | None) -> np.ndarray:
    mask = np.ones(table.num_rows, bool)
    for name, value in subject.items():
        column = f"{FEATURE}{name}"
        if column not in table.column_names:
            return np.zeros(table.num_rows, bool)
        mask &= _same(table[column], value, secret)
    return mask


def _same(column: pa.ChunkedArray, value: object, secret: bytes | None) -> np.ndarray:
    """Tell which rows hold a value, or its hash where hashes are logged."""
    found = np.zeros(len(column), bool)
    is_text = pa.types.is_string(column.type)
    for wanted in (value, hashed(secret, value) if secret and is_text else None):
        if wanted is None:
            continue
        try:
            same = pc.equal(column, pa.scalar(wanted).cast(column.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            continue
        found |= pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False)
    return found
