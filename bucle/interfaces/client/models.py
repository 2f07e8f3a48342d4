"""`bucle.log_model(...)`: pack a model where it was trained, and register it from there.

Beside the installation the registry does it all.  From afar the package is made here, its files
are uploaded under their digests, and the server reads every one of them before it signs.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

import pyarrow.parquet as pq

from bucle.base.errors import NotFound
from bucle.base.refs import Ref
from bucle.base.settings import load_settings
from bucle.drivers.blobs.content import content_path
from bucle.drivers.house import Drivers
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.datasets import as_table
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.runs import default_client, find_active_run
from bucle.lifecycle import registry
from bucle.lifecycle.charter import ErrorCosts
from bucle.lifecycle.registry import ModelLog, ModelVersion, Package, Packaging, Registration
from bucle.lifecycle.registry.load import open_package
from bucle.lifecycle.registry.package import parquet_bytes
from bucle.lifecycle.tracking import Run

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Rows: TypeAlias = "pa.Table | pd.DataFrame | list[dict[str, Any]] | None"

_ROWS = ("example", "evaluation", "reference")
_DEPTH = 10
_MOST_STEPS = 1000


class Logged(TypedDict, total=False):
    """What is logged with a model; see `bucle.lifecycle.registry.ModelLog`."""

    example: Rows
    target: str
    task: str
    evaluation: Rows
    split: Ref | str
    reference: Rows
    metrics: Mapping[str, float] | None
    datasets: tuple[Ref, ...] | None
    allow_pickle: bool


def log_model(
    model: Any,  # noqa: ANN401 - any model
    name: str,
    *,
    client: Client | None = None,
    **logged: Unpack[Logged],
) -> ModelVersion:
    """Register a model as the next version of a name, made by the run that is going on here.

    Args:
        model: an estimator of scikit-learn, an ONNX model, or a function or object that
            predicts (with `allow_pickle`).
        name: the model's; versions are counted under it.
        client: where it is registered; without one, where the run writes, or the settings say.
        logged: `example` (some rows of input, as a table, a data frame or a list of dicts) is
            needed; `evaluation` (or `split`, of whose confirming part the training sees nothing)
            and `target` let gates measure the version, `reference` (the training rows) lets
            drift be seen.

    Raises:
        Invalid: a table lacks a column, or the model fits no flavor.
        Refused: the package does not say what the model says.
    """
    active = find_active_run()
    client = client or (active.client if active else default_client())
    run = active.ref if active else None
    given = dict(logged)
    tables = {key: as_table(given[key]) for key in _ROWS if given.get(key) is not None}
    if given.get("split"):
        given["split"] = Ref.parse(str(given["split"]), kind="split")
    log = ModelLog(**(given | tables))  # type: ignore[arg-type]
    if isinstance(client.transport, InProcess):
        return registry.log_model(client.transport.session, model, name, log, run)
    return _log_from_afar(client, model, name, log, run)


def _log_from_afar(
    client: Client,
    model: Any,  # noqa: ANN401 - any model
    name: str,
    log: ModelLog,
    run: Ref | None,
) -> ModelVersion:
    packaging = Packaging(
        example=log.example,
        target=log.target,
        task=log.task,
        reference=log.reference,
        check=log.evaluation,
        allow_pickle=log.allow_pickle,
    )
    with tempfile.TemporaryDirectory(prefix="bucle-model-") as folder:
        drivers = Drivers(load_settings({"BUCLE_HOME": folder}))
        try:
            package = registry.package_model(drivers, model, packaging)
            metrics = (
                _metrics(client, drivers, package, log) if log.metrics is None else log.metrics
            )
            for digest in (
                *(file.digest for file in package.manifest.files.values()),
                package.digest,
            ):
                client.put_content(content_path(drivers.blobs, digest, Path(folder)))
        finally:
            drivers.close()
    evaluation = log.evaluation
    answer: ModelVersion = client.call(
        "registry.register",
        name=name,
        manifest=package.digest,
        allow_pickle=log.allow_pickle,
        registration=Registration(
            metrics=metrics,
            run=run,
            datasets=_datasets(client, run) if log.datasets is None else log.datasets,
            evaluation=None
            if evaluation is None
            else client.put_content(parquet_bytes(evaluation)),
            split=log.split,
            target=log.target,
        ),
    )
    return answer


def _metrics(client: Client, drivers: Drivers, package: Package, log: ModelLog) -> dict[str, float]:
    """Return the metrics of the package on evaluation or selecting rows; none without any."""
    rows = log.evaluation
    if log.split is not None:
        part = client.call("data.part", ref=str(log.split), part="select")
        rows = pq.read_table(client.content_file(part.digest))
    if rows is None or not log.target:
        return {}
    predictor = open_package(drivers.blobs, package.digest, drivers.cache_path)
    try:
        return registry.evaluate(predictor, rows, log.target, costs=_costs(client))
    finally:
        predictor.close()


def _costs(client: Client) -> ErrorCosts | None:
    try:
        costs: ErrorCosts | None = client.call("charter.get").costs
    except NotFound:
        return None
    return costs


def _datasets(client: Client, run: Ref | None) -> tuple[Ref, ...]:
    """Return the dataset versions that a run read, or any step of the pipeline it is part of."""
    found: list[Run] = []
    while run is not None and len(found) < _DEPTH:
        found.append(client.call("tracking.get", ref=run))
        run = found[-1].parent
    if found:
        steps = client.call("tracking.list", parent=found[-1].ref, limit=_MOST_STEPS)
        found.extend(steps.items)
    read = {ref for each in found for ref in each.inputs if ref.kind == "dataset"}
    return tuple(sorted(read))
