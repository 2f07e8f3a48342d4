"""Predictions that no request asked for, as a segment of a deployment's log.

A batch of events has the same ids however often it is tried, and so its segment has the same
name: what is written again is written over.
"""

import io
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.digest import digest_bytes
from bucle.base.refs import Ref
from bucle.drivers.blobs import BlobStore
from bucle.governance.scope import Scope
from bucle.lifecycle.registry import Field
from bucle.lifecycle.serving.log_types import typed
from bucle.lifecycle.serving.logged import PlannedLog, is_in, masked, planned_log
from bucle.lifecycle.serving.scoring.rows import Told
from bucle.lifecycle.serving.segments import FEATURE, FRAME, OUTPUT, Segment
from bucle.lifecycle.serving.sensitive import sensitive_inputs
from bucle.lifecycle.serving.store import get_deployment

VARIANT = "stream"


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Whose log, and what of the predictions goes into it."""

    project: str
    deployment: Ref  # with its revision
    plan: PlannedLog
    secret: bytes | None


def log_of(scope: Scope, name: str) -> Log:
    """Return a deployment's log as its policy has it now.

    Raises:
        NotFound: there is no such deployment.
    """
    found = get_deployment(scope.tx, scope.project, name)
    policy = found.spec.log
    plan = planned_log(policy, sensitive_inputs(scope, found)) if policy else PlannedLog()
    secret = scope.keys.log_secret if plan.hashed else None
    return Log(project=scope.project, deployment=found.ref, plan=plan, secret=secret)


def put_segment(
    blobs: BlobStore,
    log: Log,
    about: tuple[str, Ref],
    ids: Sequence[str],
    columns: dict[str, pa.Array],
) -> None:
    """Write the logged rows of a batch of a scoring (its name and its model).

    Raises:
        Unavailable: the blob store can not be written.
    """
    name, model = about
    share = log.plan.share
    errors = columns["error"].to_pylist()
    mine = [bool(error) or is_in(share, id_) for id_, error in zip(ids, errors, strict=True)]
    count = len(ids)
    frame: dict[str, Any] = {
        "id": pa.array(ids),
        "deployment_ref": pa.repeat(str(log.deployment), count),
        "model_ref": pa.repeat(str(model), count),
        "variant": pa.repeat(VARIANT, count),
        "share": pa.array([1.0 if error else share for error in errors]),
    }
    whole = frame | columns
    schema = pa.schema(
        [*(FRAME), *(pa.field(each, whole[each].type) for each in whole if each not in FRAME.names)]
    )
    arrays = [whole[field.name] for field in schema]
    table = pa.Table.from_arrays(arrays, schema=schema).filter(pa.array(mine))
    if not table.num_rows:
        return
    segment = Segment(
        project=log.project,
        deployment=log.deployment.name,
        first=ids[0],
        last=ids[-1],
        writer=f"s{digest_bytes(name.encode())[:12]}",
    )
    target = io.BytesIO()
    pq.write_table(table, target, compression="zstd")
    blobs.put(segment.key, target.getvalue())


def logged_columns(
    log: Log, told: Told, inputs: Sequence[Field], outputs: Sequence[Field]
) -> dict[str, pa.Array]:
    """Return what is logged of rows and of what was said of them."""
    types = {field.name: field.type for field in inputs}
    names = dict.fromkeys([*types, *(name for row in told.rows for name in row)])
    given = {name: [row.get(name) for row in told.rows] for name in names}
    kept = masked(log.plan, log.secret, given, tuple(types))
    hashed = dict.fromkeys(log.plan.hashed, "string")
    made = {
        FEATURE + name: typed(values, (types | hashed).get(name)) for name, values in kept.items()
    }
    said = {field.name: field.type for field in outputs}
    for name, values in told.outputs.items():
        made[OUTPUT + name] = typed(values, said.get(name))
    return made | {"error": pa.array(told.errors, pa.string())}
