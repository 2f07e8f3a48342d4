"""Look at what was set apart."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.base.page import Page
from bucle.base.refs import Ref, check_name
from bucle.drivers.blobs.content import read_content
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.data.quarantine import store
from bucle.lifecycle.data.quarantine.records import Quarantine, QuarantinedRows, SetApart
from bucle.lifecycle.data.quarantine.sift import FILE, REASONS, ROW, TEXT
from bucle.lifecycle.data.seal import require_whole

MARKS = (ROW, REASONS, FILE, TEXT)


def list_quarantines(
    scope: Scope, name: str, *, limit: int = 50, token: str | None = None
) -> Page[Quarantine]:
    """List what commits to a dataset set apart, newest first."""
    scope.require(Permission.DATASET_READ, Ref("dataset", check_name(name)))
    return store.list_of(scope.tx, scope.project, name, limit=limit, token=token)


def get_quarantine(scope: Scope, name: str, number: int = 0) -> Quarantine:
    """Return a dataset's quarantine of that number; of 0, the newest.

    Raises:
        NotFound: nothing was set apart, or not so often.
    """
    ref = Ref("dataset", check_name(name))
    scope.require(Permission.DATASET_READ, ref)
    require_whole(scope, ref)
    found = store.find(scope.tx, scope.project, name, number)
    if found is None:
        which = f"quarantine {number}" if number else "quarantine"
        raise NotFound(f"{ref} has no {which}", hint=f"bucle data quarantines {name}")
    return found


def read_quarantined(
    session: Session, name: str, number: int = 0, *, limit: int = 100
) -> QuarantinedRows:
    """Read rows and lines that were set apart, each with what it breaks.

    Raises:
        NotFound: there is no such quarantine.
    """
    with session.begin(write=False) as scope:
        found = get_quarantine(scope, name, number)
    table = rows_apart(session, found).slice(0, limit)
    return QuarantinedRows(
        quarantine=found,
        rows=tuple(
            SetApart(
                row=row[ROW],
                reasons=tuple(row[REASONS]),
                file=row[FILE] or "",
                text=row[TEXT] or "",
                values={}
                if row[FILE] is not None
                else {name: value for name, value in row.items() if name not in MARKS},
            )
            for row in table.to_pylist()
        ),
    )


def rows_apart(session: Session, found: Quarantine) -> pa.Table:
    """Return a quarantine's rows with their marks."""
    return pq.read_table(io.BytesIO(read_content(session.drivers.blobs, found.digest)))
