"""Find somebody's rows in what is kept with model versions, and take them out where that can be.

The rows that a version is judged on can be written anew.  A package can not: it is signed as it
is, and its input example goes when the version goes.
"""

import io
from collections.abc import Callable

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.drivers.blobs.content import content_key, store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.scope import Scope
from bucle.governance.session import Session
from bucle.lifecycle.registry import store
from bucle.lifecycle.registry.load import file_path
from bucle.lifecycle.registry.read import list_models, manifest_of
from bucle.lifecycle.registry.records import EXAMPLE_FILE, ModelVersion
from bucle.lifecycle.registry.rows import read_table

Theirs = Callable[[pa.Table], np.ndarray]  # which rows of a table are the subject's
_PAGE = 500


class KeptRows(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of a subject are kept with a version."""

    evaluation: int = 0
    example: int = 0


def every_version(scope: Scope) -> list[ModelVersion]:
    """Return all versions of all models."""
    found: list[ModelVersion] = []
    token, more = None, True
    while more:
        page = list_models(scope, limit=_PAGE, token=token)
        for model in page.items:
            found.extend(
                store.list_versions(
                    scope.tx, scope.project, model.ref.name, before=None, limit=model.versions + 1
                )
            )
        token, more = page.next_token, page.next_token is not None
    return found


def kept_rows(session: Session, version: ModelVersion, theirs: Theirs) -> KeptRows:
    """Return how many rows of a subject are kept with a version."""
    evaluation = 0
    if version.evaluation:
        try:
            evaluation = int(theirs(read_table(session, version.evaluation)).sum())
        except NotFound:  # another version had the same rows, and they are gone
            evaluation = 0
    drivers = session.drivers
    if not version.manifest:  # adopted from elsewhere: its package is not here
        return KeptRows(evaluation=evaluation)
    manifest = manifest_of(drivers, version.manifest)
    example = 0
    if EXAMPLE_FILE in manifest.files:
        path = file_path(drivers.blobs, manifest, EXAMPLE_FILE, drivers.cache_path)
        example = int(theirs(pq.read_table(path)).sum())
    return KeptRows(evaluation=evaluation, example=example)


def erase_evaluation(session: Session, version: ModelVersion, theirs: Theirs) -> int:
    """Take a subject's rows out of the table that a version is judged on; return how many."""
    if not version.evaluation:
        return 0
    table = read_table(session, version.evaluation)
    bad = theirs(table)
    if not bad.any():
        return 0
    blobs = session.drivers.blobs
    target = io.BytesIO()
    pq.write_table(table.filter(pa.array(~bad)), target, compression="zstd")
    digest = store_bytes(blobs, target.getvalue())
    with session.begin() as scope:
        scope.require(Permission.MODEL_WRITE, version.ref)
        scope.require(Permission.DATASET_FORGET, version.ref)
        # Versions that are judged on the same rows are changed together: the rows go.
        for each in every_version(scope):
            if each.evaluation == version.evaluation:
                changed = msgspec.structs.replace(each, evaluation=digest)
                store.replace_version(scope.tx, scope.project, changed)
    blobs.delete(content_key(version.evaluation))
    return int(bad.sum())
