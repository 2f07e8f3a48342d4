"""Payments by card on all ways to a feature: training sets, the online store, and a stream.

Customers and terminals have counts, means and deviations over 1, 7 and 30 days; what share of a
terminal's payments were frauds is known seven days late.  At some moments everything that
happened so far is committed, materialized and sent as events, and each entity is compared.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    OnlineView,
    materialize,
    online_view,
    read_online,
    register_view,
    training_set,
)
from bucle.lifecycle.features.compare import compare
from bucle.lifecycle.features.records import FeatureParity
from bucle.lifecycle.features.stream import absorb, read_stream

DATASET, TIME = "card_payments", "event_time"
LABEL_DELAY = timedelta(days=7)
TOLERANCE = 1e-9
_COLUMNS = [TIME, "customer_id", "terminal_id", "amount", "is_fraud"]
_KEYS_AT_ONCE = 1_000


def _view(name: str, key: str, column: str, functions: Sequence[str], delay: str) -> FeatureView:
    return FeatureView(
        name=name,
        entity=Entity(name=key.removesuffix("_id"), keys=(key,)),
        source=DATASET,
        time=TIME,
        aggregations=tuple(
            Aggregation(function=function, column=column, window=window)  # type: ignore[arg-type]
            for window in ("1d", "7d", "30d")
            for function in functions
        ),
        delay=delay,
        stream=f"{DATASET}.{name}",
        owner="card risk",
        description=f"{column} of a {key.removesuffix('_id')} lately",
    )


_FIGURES = ("count", "mean", "std")
VIEWS = (
    _view("customer_spending", "customer_id", "amount", _FIGURES, ""),
    _view("terminal_takings", "terminal_id", "amount", _FIGURES, ""),
    _view("terminal_risk", "terminal_id", "is_fraud", ("count", "sum", "mean"), "7d"),
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One view at one moment on one way, beside its training set."""

    view: str
    way: str
    moment: datetime
    entities: int
    features: tuple[FeatureParity, ...]

    @property
    def different(self) -> int:
        """How many values differ."""
        return sum(each.different for each in self.features)

    @property
    def worst(self) -> float:
        """The largest difference, relative to the value."""
        return max((each.worst or 0.0) for each in self.features)


@dataclass(kw_only=True)
class Replay:
    """What was done so far, and what it took of the processor."""

    events: int = 0  # that were committed
    streamed: int = 0  # that were counted in a stream, one view after the other
    cpu_s: dict[str, float] = field(default_factory=dict)

    def spend(self, way: str, since: float) -> None:
        """Add processor seconds since a moment of `time.process_time`."""
        self.cpu_s[way] = round(self.cpu_s.get(way, 0.0) + time.process_time() - since, 3)


def payments(path: Path, customers: int | None = None) -> pa.Table:
    """Return the payments in the order of their time; of the first customers only, if given."""
    table = pq.read_table(path, columns=_COLUMNS)
    if customers is not None:
        table = table.filter(pc.less(table["customer_id"], customers))
    return table.sort_by([(TIME, "ascending")]).combine_chunks()


def moments_of(table: pa.Table, inner: int) -> list[datetime]:
    """Return moments within the payments, their end, and when the last label is known."""
    first, last = (
        figure(table[TIME].cast(pa.timestamp("us"), safe=False)).as_py().replace(tzinfo=UTC)
        for figure in (pc.min, pc.max)
    )
    step = (last - first) / (inner + 1)
    within = [first + number * step for number in range(1, inner + 1)]
    end = last + timedelta(microseconds=1)  # the payments' nanoseconds were cut off
    return [*within, end, end + LABEL_DELAY]


def replayed(
    session: Session, table: pa.Table, moments: Sequence[datetime], batch: int, told: Replay
) -> Iterator[Compared]:
    """Let the payments happen, and compare all entities at each moment."""
    online = []
    with session.begin() as scope:
        for view in VIEWS:
            ref = register_view(scope, view).ref
            online.append(online_view(view, ref, session.project))
    times = table[TIME].cast(pa.int64()).to_numpy() // 1_000
    sent = [0] * len(VIEWS)
    for moment in moments:
        until = _place(times, moment)
        if until > told.events:
            commit_table(
                session, DATASET, table.slice(told.events, until - told.events), mode="append"
            )
            told.events = until
        for number, view in enumerate(VIEWS):
            since = time.process_time()
            materialize(session, view.name, moment)
            told.spend("online", since)
            late = LABEL_DELAY if view.delay else timedelta(0)
            known = _place(times, moment - late)
            since = time.process_time()
            _send(session, online[number], table, (sent[number], known), batch, late)
            told.spend("stream", since)
            told.streamed += known - sent[number]
            sent[number] = known
        happened = table.slice(0, until)
        for view, reader in zip(VIEWS, online, strict=True):
            yield from _compared(session, view, reader, happened, moment, told)


def _place(times: "np.ndarray[tuple[int], np.dtype[np.int64]]", moment: datetime) -> int:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return int(np.searchsorted(times, micros, side="right"))


def _send(
    session: Session,
    view: OnlineView,
    table: pa.Table,
    stretch: tuple[int, int],
    batch: int,
    late: timedelta,
) -> None:
    """Count events in small batches, each when its last one is known."""
    for start in range(*stretch, batch):
        end = min(start + batch, stretch[1])
        events = table.slice(start, end - start)
        last = events[TIME][-1].cast(pa.timestamp("us"), safe=False).as_py().replace(tzinfo=UTC)
        positions = f"{start:012}", f"{end - 1:012}"
        absorbed = absorb(session, view.ref, events, positions, last + late)
        if absorbed.applied != events.num_rows:
            raise AssertionError(f"{view.ref}: {absorbed} of {events.num_rows} events")


def _compared(
    session: Session,
    view: FeatureView,
    reader: OnlineView,
    happened: pa.Table,
    moment: datetime,
    told: Replay,
) -> Iterator[Compared]:
    (key,) = view.entity.keys
    entities = pc.unique(happened[key])
    keys = [(value,) for value in entities.to_pylist()]
    asked = pa.table({
        key: entities,
        "at": pa.array([moment] * len(keys), pa.timestamp("us", "UTC")),
    })  # fmt: skip
    since = time.process_time()
    wanted = training_set(session, asked, [view.name]).select(list(view.features)).to_pylist()
    told.spend("offline", since)
    for way, read in (("online", read_online), ("stream", read_stream)):
        since = time.process_time()
        found = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            part = keys[start : start + _KEYS_AT_ONCE]
            found += read(session.drivers.online, reader, part, moment)
        told.spend(f"{way} reads", since)
        yield Compared(
            view=view.name,
            way=way,
            moment=moment,
            entities=len(keys),
            features=compare(
                view.features, wanted, found, TOLERANCE, lambda row: f"{key}={keys[row][0]}"
            ),
        )
