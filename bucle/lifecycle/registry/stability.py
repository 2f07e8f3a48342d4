"""Train a version again with other seeds, to see how far its metric moves.

The trainings are rebuilds (`rebuild.py`): the recorded code, data and parameters, with nothing
changed but the seed; each is measured on the evaluation rows of the version and thrown away.
"""

import tempfile
from pathlib import Path

import msgspec
import pyarrow as pa

from bucle.base.errors import BucleError
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry.evaluate import evaluate
from bucle.lifecycle.registry.load import open_package
from bucle.lifecycle.registry.origin import Origin, origin_of
from bucle.lifecycle.registry.rebuild import find_made, retrain
from bucle.lifecycle.registry.records import ModelVersion, Stability
from bucle.lifecycle.registry.scratch import open_scratch, restore_code


class Reseeded(msgspec.Struct, frozen=True, kw_only=True):
    """The metric by seed, in words, or why there is none."""

    values: dict[str, float] = {}
    note: str = ""  # "": every training gave the metric


def measure_stability(
    session: Session,
    version: ModelVersion,
    asked: Stability,
    table: pa.Table,
    costs: ErrorCosts | None,
) -> Reseeded:
    """Return the metric of new trainings with other seeds on a table of evaluation rows."""
    with session.begin(write=False) as scope:
        scope.require(Permission.PIPELINE_RUN, version.ref)
        try:
            origin = origin_of(scope, version.ref)
        except BucleError as error:
            return Reseeded(note=error.message)
    own = origin.pipeline.params.get(asked.param)
    if not isinstance(own, int) or isinstance(own, bool):
        return Reseeded(
            note=f"the pipeline {origin.pipeline.pipeline!r} has no whole number as its parameter "
            f"{asked.param!r}"
        )
    values: dict[str, float] = {}
    for seed in range(own + 1, own + asked.seeds):
        words = f"{asked.param}={seed}"
        try:
            metrics = _metrics(session, _with(origin, asked.param, seed), table, costs)
        except BucleError as error:
            return Reseeded(values=values, note=f"{words}: {error.message}")
        if asked.metric in metrics:
            values[words] = metrics[asked.metric]
    return Reseeded(values=values)


def own_seed(session: Session, version: ModelVersion, param: str) -> str:
    """Return the seed of the version itself, in words."""
    with session.begin(write=False) as scope:
        return f"{param}={origin_of(scope, version.ref).pipeline.params.get(param)}"


def _with(origin: Origin, param: str, seed: int) -> Origin:
    pipeline = origin.pipeline
    changed = msgspec.structs.replace(pipeline, params={**pipeline.params, param: seed})
    return msgspec.structs.replace(origin, pipeline=changed)


def _metrics(
    session: Session, origin: Origin, table: pa.Table, costs: ErrorCosts | None
) -> dict[str, float]:
    """Train once more, in a house of its own, and measure what came of it."""
    version, drivers = origin.version, session.drivers
    with tempfile.TemporaryDirectory(prefix="bucle-seed-") as name:
        folder = Path(name)
        restore_code(session, origin, folder / "code", None)
        house, settings = open_scratch(session, origin, folder)
        try:
            answer = retrain(session, origin, folder, (settings, "this"))
            found = find_made(house.session(), origin, answer)
        finally:
            house.close()
    if found is None:
        return {}
    predictor = open_package(drivers.blobs, found.manifest, drivers.cache_path)
    try:
        return evaluate(predictor, table, version.target, version.task, costs)
    finally:
        predictor.close()
