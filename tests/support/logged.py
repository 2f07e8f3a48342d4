"""Write predictions into the log as a model server does, without one."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bucle.governance.session import House
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import Answers, LoggedField, Source

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IDS = PredictionIds()


def log_predictions(
    house: House,
    folder: Path,
    columns: Mapping[str, list[Any]],
    *,
    at: datetime,
    model: str = "model:demand@1",
    outputs: Mapping[str, list[Any]] | None = None,
) -> list[str]:
    """Log rows of `demand` at one moment, hand them over, and return their ids.

    Without outputs, the prediction is twice the first column.
    """
    first = next(iter(columns.values()))
    said = {"prediction": [2 * (value or 0.0) for value in first]} if outputs is None else outputs
    log = PredictionLog(folder / "log", house.drivers.blobs)
    source = Source(
        number=0,
        project="default",
        deployment="deployment:demand@2",
        model=model,
        variant="champion",
        inputs=tuple(LoggedField(name, _type(values)) for name, values in columns.items()),
        outputs=tuple(LoggedField(name, _type(values)) for name, values in said.items()),
    )
    taken = _IDS.take(at, len(first))
    answers = Answers(
        source=log.source(source),
        at_us=(at - EPOCH) // timedelta(microseconds=1),
        latency_us=100,
        ids=taken,
        columns=dict(columns),
        outputs=dict(said),
        error="",
    )
    log.append(answers, 0)
    log.close()
    return taken


def _type(values: list[Any]) -> str:
    known = next((value for value in values if value is not None), 0.0)
    if isinstance(known, list):
        return "list<float64>"
    return {bool: "bool", str: "string"}.get(type(known), "float64")
