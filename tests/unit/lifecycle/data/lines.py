"""Commit tables to branches."""

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.drivers.blobs.content import store_bytes
from bucle.governance.session import Session
from bucle.lifecycle.data import Commit, DatasetVersion, commit, delete, upsert


def committed(session: Session, branch: str, table: pa.Table, **wish: str) -> DatasetVersion:
    """Commit a table to a branch of `trips`."""
    return commit(session, _wish(session, branch, table, **wish))


def upserted(session: Session, branch: str, table: pa.Table) -> DatasetVersion:
    """Upsert a table into a branch of `trips`."""
    return upsert(session, _wish(session, branch, table))


def deleted(session: Session, branch: str, table: pa.Table) -> DatasetVersion:
    """Delete keys from a branch of `trips`."""
    return delete(session, _wish(session, branch, table))


def _wish(session: Session, branch: str, table: pa.Table, **wish: str) -> Commit:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    digest = store_bytes(session.drivers.blobs, sink.getvalue().to_pybytes())
    return Commit(name="trips", files=(digest,), branch=branch, **wish)  # type: ignore[arg-type]
