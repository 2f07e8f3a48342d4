"""Rows in the prediction log, as a model server writes them, without one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bucle.governance.session import House
from bucle.interfaces.predict.ids import PredictionIds
from bucle.interfaces.predict.log import PredictionLog
from bucle.interfaces.predict.wal import Answers, LoggedField, Source
from tests.support.linear import model

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PREDICTION = LoggedField("prediction", "float64")


class Answering:
    """Logs what versions of `demand` answered at the house's time."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._folder = folder
        self._ids = PredictionIds()

    def __call__(
        self,
        version: int,
        variant: str,
        heats: Sequence[float],
        *,
        predictions: Sequence[float] | None = None,
        latency_us: int = 100,
        error: str = "",
    ) -> list[str]:
        """Log rows, and hand them over; return their ids."""
        given = [heat * version for heat in heats] if predictions is None else list(predictions)
        return self._write(
            version,
            variant,
            {} if error else {"prediction": given},
            columns={"heat": list(heats), "city": ["here"] * len(heats)},
            latency_us=latency_us,
            error=error,
        )

    def shadow(self, version: int, ids: Sequence[str], predictions: Sequence[float]) -> list[str]:
        """Log what a version in the shadow said of rows that were answered."""
        outputs = {"prediction": list(predictions), "shadow_of": list(ids)}
        return self._write(version, "shadow", outputs, columns={}, latency_us=200, error="")

    def _write(
        self,
        version: int,
        variant: str,
        outputs: dict[str, list[float] | list[str]],
        *,
        columns: dict[str, list[float] | list[str]],
        latency_us: int,
        error: str,
    ) -> list[str]:
        at = self._house.drivers.clock.now()
        count = len(next(iter((columns or outputs).values())))
        log = PredictionLog(self._folder, self._house.drivers.blobs)
        source = Source(
            number=0,
            project="default",
            deployment="deployment:demand@2",
            model=str(model(version)),
            variant=variant,
            inputs=(LoggedField("heat", "float64"), LoggedField("city", "string")),
            outputs=(PREDICTION, LoggedField("shadow_of", "string"))
            if variant == "shadow"
            else (PREDICTION,),
        )
        ids = self._ids.take(at, count)
        answers = Answers(
            source=log.source(source),
            at_us=(at - EPOCH) // timedelta(microseconds=1),
            latency_us=latency_us,
            ids=ids,
            columns=columns,
            outputs=outputs,
            error=error,
        )
        log.append(answers, self._ids.epoch)
        log.close()
        return ids
