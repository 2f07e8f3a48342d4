"""The world of the demo: payments are made, judged over HTTP, and reported seven days late.

It asks for predictions and sends labels, and moves the clock.  Nothing here trains, judges,
promotes or retrains a model.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bucle.interfaces.cli.demo.feed import version_of
from bucle.interfaces.client.replay import Replay

_BATCHES = 12  # requests a day
_DAY = timedelta(days=1)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one day."""

    date: str
    payments: int
    frauds: int
    caught: int
    saved: float
    served: dict[str, int]  # predictions by version


class Stream:
    """Replays a plan's payments from one of its days on."""

    def __init__(self, payments: Any, replay: Replay, first_day: int, module: Any) -> None:  # noqa: ANN401 - the project's own
        self.payments = payments
        self._replay = replay
        self._first_day = first_day
        self._review_cost = float(module.REVIEW_COST)
        self._delay = int(module.LABEL_DELAY_DAYS)
        self._asked: list[tuple[list[str], slice]] = []  # a day's prediction ids, and its payments
        self.held = np.zeros(len(payments.seconds), bool)
        self.last_id = ""

    def day_start(self, day: int) -> datetime:
        """Return the moment at which a day begins."""
        start: datetime = self.payments.start
        return start + _DAY * day

    def run(self, until_day: int) -> Iterator[Day]:
        """Yield each day when the loop has done everything that it asked for."""
        for day in range(self._first_day, until_day):
            served = self._ask(day)
            self._label(day)
            self._replay.settle(self.day_start(day + 1))
            yield self._told(day, served)

    def saved(self, held: np.ndarray, places: slice) -> float:
        """Return what holding these payments saved: the frauds' amounts, less the calls."""
        held, fraud = held[places], self.payments.fraud[places]
        amounts = self.payments.columns["amount"][places]
        return float(amounts[held & fraud].sum() - self._review_cost * held.sum())

    def _ask(self, day: int) -> Counter[str]:
        """Ask what to do with each payment of a day, a few hours' at a time."""
        whole = self.payments.between(day, day + 1)
        ids: list[str] = []
        served: Counter[str] = Counter()
        bounds = np.linspace(whole.start, whole.stop, _BATCHES + 1).astype(int).tolist()
        for first, last in pairwise(bounds):
            seconds = float(self.payments.seconds[last - 1])
            self._replay.tell(self.payments.start + timedelta(seconds=seconds))
            answer = self._replay.ask(self.payments.rows(slice(first, last)))
            self.held[first:last] = np.asarray(answer.outputs["prediction"]) == 1
            ids += answer.ids
            served[version_of(answer.model)] += last - first
        self._asked.append((ids, whole))
        self.last_id = ids[-1]
        return served

    def _label(self, day: int) -> None:
        """Report what came of the payments of a week ago."""
        before = day + 1 - self._delay - self._first_day
        if before < 1:
            return
        ids, places = self._asked[before - 1]
        self._replay.label(ids, self.payments.fraud[places].astype(int).tolist())

    def _told(self, day: int, served: Counter[str]) -> Day:
        places = self.payments.between(day, day + 1)
        fraud = self.payments.fraud[places]
        return Day(
            date=f"{self.day_start(day):%Y-%m-%d}",
            payments=len(fraud),
            frauds=int(fraud.sum()),
            caught=int((fraud & self.held[places]).sum()),
            saved=self.saved(self.held, places),
            served=dict(served),
        )


def history_table(payments: Any, days: int, features: tuple[str, ...]) -> pa.Table:  # noqa: ANN401 - the project's own
    """Return the payments of the first days with what came of them, as the dataset has them."""
    places = payments.between(0, days)
    moments = pa.array(payments.moments(places)).cast(pa.timestamp("us", tz="UTC"))
    columns = {name: pa.array(payments.columns[name][places]) for name in features}
    return pa.table(
        {
            "payment": [f"old-{place:07}" for place in range(places.start, places.stop)],
            "at": moments,
            **columns,
            "fraud": pa.array(payments.fraud[places].astype(np.int64)),
        }
    )
