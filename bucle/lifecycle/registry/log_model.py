"""Log a model from a training run: pack it, evaluate it, register it."""

from typing import Any

import msgspec
import pyarrow as pa

from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.permissions import Permission
from bucle.governance.session import Session
from bucle.lifecycle.charter import find_charter
from bucle.lifecycle.data import get_split, get_version, read_inputs, read_part
from bucle.lifecycle.registry.draft import Packaging
from bucle.lifecycle.registry.evaluate import evaluate
from bucle.lifecycle.registry.load import open_package
from bucle.lifecycle.registry.package import package_model, parquet_bytes
from bucle.lifecycle.registry.records import ModelVersion, Package, Registration
from bucle.lifecycle.registry.register import register
from bucle.lifecycle.registry.trained_on import read_by

_MOST_COMPARED = 10_000


class ModelLog(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged with a model."""

    example: pa.Table  # some rows of input
    target: str = ""  # "": the model has no target column
    task: str = ""  # "": asked of the model
    evaluation: pa.Table | None = None  # None: no gate can measure the version, unless by `split`
    split: Ref | None = None  # its confirming part is what gates measure on; None: `evaluation`
    reference: pa.Table | None = None  # the training rows; None: drift has nothing to compare with
    metrics: dict[str, float] | None = None  # None: those of the evaluation rows
    datasets: tuple[Ref, ...] | None = None  # None: what the run, and its pipeline, read
    allow_pickle: bool = False


def log_model(
    session: Session,
    model: Any,  # noqa: ANN401 - any model
    name: str,
    log: ModelLog,
    run: Ref | None = None,
) -> ModelVersion:
    """Pack a model, evaluate the package, and register it as the next version of a name.

    Raises:
        Invalid: a table lacks a column, or the model fits no flavor.
        Refused: the package does not say what the model says.
    """
    with session.begin(write=False) as scope:
        scope.require(Permission.MODEL_WRITE, Ref("model", name))
    rows = log.evaluation if log.split is None else read_part(session, log.split, "select")
    packaging = Packaging(
        example=log.example,
        target=log.target,
        task=log.task,
        reference=log.reference,
        check=_compared(session, log),
        allow_pickle=log.allow_pickle,
    )
    package = package_model(session.drivers, model, packaging)
    evaluation = None
    if log.evaluation is not None:
        evaluation = store_bytes(session.drivers.blobs, parquet_bytes(log.evaluation))
    registration = Registration(
        metrics=log.metrics if log.metrics is not None else _metrics(session, package, log, rows),
        run=run,
        datasets=log.datasets if log.datasets is not None else datasets_of(session, run),
        evaluation=evaluation,
        split=log.split,
        target=log.target,
    )
    return register(session, name, package, registration)


def _compared(session: Session, log: ModelLog) -> pa.Table | None:
    """Return the rows on which a compiled model must be equal; None: on the example only."""
    if log.split is None or log.evaluation is not None:
        return log.evaluation
    with session.begin(write=False) as scope:
        known = set(get_version(scope, get_split(scope, log.split).dataset).column_names)
    names = [name for name in log.example.column_names if name != log.target]
    if not names or set(names) - known:
        return None  # registering says what is missing
    return read_inputs(session, log.split, names, most=_MOST_COMPARED)


def datasets_of(session: Session, run: Ref | None) -> tuple[Ref, ...]:
    """Return the dataset versions that a run read, or any step of the pipeline it is part of."""
    with session.begin(write=False) as scope:
        return read_by(scope, run, "dataset")


def _metrics(
    session: Session, package: Package, log: ModelLog, rows: pa.Table | None
) -> dict[str, float]:
    """Return the metrics of the package on evaluation or selecting rows; none without any."""
    if rows is None or not log.target:
        return {}
    with session.begin(write=False) as scope:
        charter = find_charter(scope)
    drivers = session.drivers
    predictor = open_package(drivers.blobs, package.digest, drivers.cache_path)
    try:
        costs = charter.costs if charter else None
        return evaluate(predictor, rows, log.target, costs=costs)
    finally:
        predictor.close()
