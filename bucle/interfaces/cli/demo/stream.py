"""The world of the demo: payments are made, judged over HTTP, and reported seven days late.

It asks for predictions, commits the books of each night, sends labels, and moves the clock.
Nothing here computes a feature, trains, judges, promotes or retrains a model.
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
from bucle.interfaces.client import Client
from bucle.interfaces.client.replay import Replay
from bucle.lifecycle.data import DatasetVersion

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

    def __init__(
        self,
        payments: Any,  # noqa: ANN401 - the project's own
        client: Client,
        replay: Replay,
        first_day: int,
        module: Any,  # noqa: ANN401 - as above
    ) -> None:
        self.payments = payments
        self._client = client
        self._replay = replay
        self._first_day = first_day
        self._review_cost = float(module.REVIEW_COST)
        self._delay = int(module.LABEL_DELAY_DAYS)
        self._said = tuple(module.SAID)
        self._asked: list[tuple[list[str], slice]] = []  # a day's prediction ids, and its payments
        self.held = np.zeros(len(payments.seconds), bool)
        self.last_id = ""

    def day_start(self, day: int) -> datetime:
        """Return the moment at which a day begins."""
        start: datetime = self.payments.start
        return start + _DAY * day

    def begin(self) -> DatasetVersion:
        """Commit what is known before the first day: all payments, and what came of most."""
        self._commit("activity", self._books(0, self._first_day), "the books so far")
        known = self._known(0, self._first_day - self._delay)
        return self._commit("payments", known, "what is known so far")

    def run(self, until_day: int) -> Iterator[Day]:
        """Yield each day when the loop has done everything that it asked for."""
        for day in range(self._first_day, until_day):
            served = self._ask(day)
            self._label(day)
            # The night's books come when the day is over: nobody has them a minute before.
            self._replay.reach(self.day_start(day + 1))
            self._commit("activity", self._books(day, day + 1), "the night's books")
            self._replay.settle(self.day_start(day + 1))
            yield self._told(day, served)

    @property
    def asked(self) -> tuple[list[str], np.ndarray]:
        """The ids of all predictions, and the place of each one's payment."""
        ids = [one for day, _ in self._asked for one in day]
        places = [np.arange(whole.start, whole.stop) for _, whole in self._asked]
        return ids, np.concatenate(places)

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
        """Report what came of the payments of a week ago, by the ids under which they were asked.

        Those that were made before the stream began have none: they come as rows.
        """
        then = day - self._delay
        if then < self._first_day:
            self._commit("payments", self._known(then, then + 1), "what was known a week late")
            return
        ids, places = self._asked[then - self._first_day]
        self._replay.label(ids, self.payments.fraud[places].astype(int).tolist())

    def _commit(self, dataset: str, table: pa.Table, message: str) -> DatasetVersion:
        return self._client.dataset(dataset).commit(table, mode="append", message=message)

    def _books(self, first_day: int, until_day: int) -> pa.Table:
        """Return the payments of some days as the books have them."""
        return self._table(first_day, until_day, ("customer", "terminal", "amount"))

    def _known(self, first_day: int, until_day: int) -> pa.Table:
        """Return the payments of some days with what came of them."""
        fraud = self.payments.fraud[self.payments.between(first_day, until_day)]
        table = self._table(first_day, until_day, self._said)
        return table.append_column("fraud", pa.array(fraud.astype(np.int64)))

    def _table(self, first_day: int, until_day: int, columns: tuple[str, ...]) -> pa.Table:
        places = self.payments.between(first_day, until_day)
        moments = pa.array(self.payments.moments(places)).cast(pa.timestamp("us", tz="UTC"))
        values = {name: pa.array(self.payments.columns[name][places]) for name in columns}
        names = [f"p{place:07}" for place in range(places.start, places.stop)]
        return pa.table({"payment": names, "at": moments, **values})

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
