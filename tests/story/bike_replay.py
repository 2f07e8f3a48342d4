"""The bike story's world: 2011 as history, 2012 hour by hour, the truth a day later."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from bucle.interfaces.client.replay import Replay

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEATURES = ("hr", "weekday", "workingday", "holiday", "weathersit", "temp", "atemp", "hum",
            "windspeed")  # fmt: skip
TARGET = "cnt"
START = datetime(2012, 1, 1, tzinfo=UTC)
END = datetime(2013, 1, 1, tzinfo=UTC)


def read_hours(path: Path) -> pa.Table:
    """Return the hours with their moment in UTC, and the columns that the model knows."""
    raw = pa.csv.read_csv(path)
    days = pc.cast(raw["dteday"], pa.timestamp("us", tz="UTC"))
    hours = pc.cast(pc.multiply(raw["hr"], 3_600_000_000), pa.duration("us"))
    return raw.select([*FEATURES, TARGET]).add_column(0, "at", pc.add(days, hours))


def before(hours: pa.Table, moment: datetime) -> pa.Table:
    return hours.filter(pc.less(hours["at"], pa.scalar(moment, hours["at"].type)))


@dataclass
class Served:
    """What was answered, and what came."""

    ids: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    predicted: list[float] = field(default_factory=list)
    came: list[float] = field(default_factory=list)

    @property
    def error(self) -> float:
        pairs = zip(self.predicted, self.came, strict=True)
        return sum(abs(one - other) for one, other in pairs) / len(self.came)


def replay_days(
    replay: Replay,
    hours: pa.Table,
    start: datetime,
    end: datetime,
    *,
    each_day: Callable[[datetime], None] = lambda _: None,
    alive: Callable[[datetime], bool] = lambda _: True,
) -> Served:
    """Ask for every hour at its moment; label it a day later; let control settle every midnight.

    Where nobody is `alive` to take labels, they are sent when somebody is again, as a caller's
    own queue would, and the clock goes on without waiting.
    """
    served = Served()
    pending: list[tuple[str, float]] = []
    rows = {row["at"]: row for row in hours.to_pylist()}
    for day in _days(start, end):
        each_day(day)
        asked: list[tuple[str, float]] = []
        for moment in (day + HOUR * hour for hour in range(24)):
            row = rows.get(moment)
            if row is None:
                continue
            replay.tell(moment)
            answer = replay.ask([{name: row[name] for name in FEATURES}])
            served.ids.append(answer.ids[0])
            served.models.append(answer.model)
            served.at.append(moment)
            served.predicted.append(answer.outputs["prediction"][0])
            served.came.append(row[TARGET])
            asked.append((answer.ids[0], row[TARGET]))
        if alive(day):
            replay.label([one for one, _ in pending], [value for _, value in pending])
            pending = []
            replay.settle(day + DAY)
        pending += asked
    return served


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += DAY
