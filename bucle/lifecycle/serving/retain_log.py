"""Take predictions out of the log that are older than a deployment keeps them.

A segment whose rows are all too old is deleted; one that has some is written anew under its name,
because a model server that merges segments goes by names.  Doing it again, after a kill too,
takes out what is left.
"""

import io
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Invalid, NotFound
from bucle.base.ids import milliseconds_of
from bucle.base.quantity import parse_duration
from bucle.base.refs import Ref
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.serving import segments, store
from bucle.lifecycle.serving.segments import FRAME, Segment


class RetainedLog(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken out of a deployment's log."""

    deployment: Ref
    before: datetime  # what was answered earlier is gone
    rows: int
    segments: int  # that are gone as a whole


def log_retentions(scope: Scope) -> dict[str, str]:
    """Return how long the deployments keep predictions that do not keep them for ever."""
    scope.require(Permission.SERVING_READ)
    found = store.list_deployments(scope.tx, scope.project)
    policies = {one.name: one.spec.log for one in found}
    return {name: log.retention for name, log in policies.items() if log and log.retention}


def retain_log(session: Session, name: str) -> RetainedLog:
    """Take out what is older than the deployment's retention; what is erased is told.

    Raises:
        NotFound: there is no such deployment.
        Invalid: it keeps its predictions for ever.
        Unavailable: the blob store does not answer; what is done is done.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.SERVING_WRITE, Ref("deployment", name))
        policy = store.get_deployment(scope.tx, scope.project, name).spec.log
        now = scope.now
    if not policy or not policy.retention:
        raise Invalid(
            f"deployment:{name} keeps its predictions for ever",
            hint=f"declare deployments: {name}: log: {{retention: 90d}} and call bucle apply",
        )
    before = now - parse_duration(policy.retention)
    rows = whole = 0
    for segment in segments.list_segments(session.drivers.blobs, session.project, name):
        gone, is_whole = _trim(session, segment, before)
        rows, whole = rows + gone, whole + is_whole
    done = RetainedLog(deployment=Ref("deployment", name), before=before, rows=rows, segments=whole)
    if rows:
        with session.begin() as scope:
            scope.require(Permission.SERVING_WRITE, done.deployment)
            scope.record(
                "deployment.log_retained", done.deployment,
                before=before, rows=rows, segments=whole,
            )  # fmt: skip
    return done


def _trim(session: Session, segment: Segment, before: datetime) -> tuple[int, bool]:
    """Take the old rows out of a segment; return how many, and whether it is gone."""
    edge = int(before.timestamp() * 1000)
    # An id's time is never before its prediction's, and at most a second after it.
    if milliseconds_of(segment.first) - 1000 >= edge:
        return 0, False
    blobs = session.drivers.blobs
    try:
        content = blobs.get(segment.key)
    except NotFound:  # merged into another, which a later run finds
        return 0, False
    file = pq.ParquetFile(pa.BufferReader(content))
    if milliseconds_of(segment.last) < edge:
        _forget_copy(session, segment)
        blobs.delete(segment.key)
        return file.metadata.num_rows, True
    moments = file.read(columns=["at"])["at"]
    kept = pc.greater_equal(moments, pa.scalar(before, FRAME.field("at").type))
    gone = len(moments) - int(pc.sum(kept).as_py() or 0)
    if gone:
        target = io.BytesIO()
        pq.write_table(file.read().filter(kept), target, compression="zstd")
        blobs.put(segment.key, target.getvalue())
        _forget_copy(session, segment)
    return gone, False


def _forget_copy(session: Session, segment: Segment) -> None:
    (session.drivers.cache_path / segment.key).unlink(missing_ok=True)
