"""Take in segments of the prediction log that a model server elsewhere kept.

A segment is believed to be of the project whose caller hands it in, and is read before it is kept.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.lifecycle.serving.segments import FRAME, SEGMENTS, Segment, parse_segment

_HINT = "bucle serving collect <folder of the model server>"


def collect_segment(scope: Scope, deployment: str, name: str, path: Path) -> tuple[Segment, int]:
    """Take a segment in that a person or a program hands in; return it and its rows.

    Raises:
        Invalid: it is no segment of that deployment's.
    """
    scope.require(Permission.PREDICTION_WRITE)
    segment, rows = keep_segment(scope.drivers.blobs, scope.project, deployment, name, path)
    scope.record("prediction.collected", Ref("deployment", deployment), rows=rows, segment=name)
    return segment, rows


def keep_segment(
    blobs: BlobStore, project: str, deployment: str, name: str, path: Path
) -> tuple[Segment, int]:
    """Put a file into the project's prediction log; the same one twice is there once.

    Raises:
        Invalid: it is no segment of that deployment's.
        Unavailable: the blob store can not be written.
    """
    key = f"{SEGMENTS}/{project}/{deployment}/{name}"
    segment = parse_segment(key)
    if segment is None or "/" in deployment or "/" in name:
        raise Invalid(f"{name!r} is not the name of a segment of the prediction log", hint=_HINT)
    try:
        table = pq.read_table(path, columns=FRAME.names)
    except (pa.ArrowException, OSError, KeyError) as error:
        told = (str(error).splitlines() or [""])[0]
        raise Invalid(f"{name!r} can not be read as a segment: {told}", hint=_HINT) from error
    if table.schema.names != FRAME.names or not table.num_rows:
        raise Invalid(f"{name!r} has no rows of predictions", hint=_HINT)
    span = pc.min_max(table["id"]).as_py()
    if (span["min"], span["max"]) != (segment.first, segment.last):
        raise Invalid(f"{name!r} holds other ids than its name says", hint=_HINT)
    named = pc.unique(table["deployment_ref"]).to_pylist()
    if strange := [ref for ref in named if not str(ref).startswith(f"deployment:{deployment}@")]:
        raise Invalid(f"{name!r} holds predictions of {strange[0]}, not of {deployment!r}")
    blobs.put(key, path)
    return segment, table.num_rows
