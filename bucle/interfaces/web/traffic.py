"""Who answered how much, hour by hour: the prediction log, counted once and kept up to date.

The log is Parquet in the blob store; a page that looks every two seconds must not count all of
it again.  Servers hand their logs over late, so the newest stretch is always counted anew, and
all of it now and then.
"""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from bucle.governance.session import Session
from bucle.lifecycle import serving

_COLUMNS = ("at", "model_ref", "variant", "error")
_WINDOW = timedelta(days=400)
_LATE = timedelta(days=2)  # on the house's clock, which may run fast
_ANEW_S = 120.0
_FRESH_S = 1.0


class Cell(NamedTuple):
    """Where requests are counted."""

    hour: datetime
    model: str
    variant: str
    failed: bool


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one deployment, by hour, model and variant."""

    cells: dict[Cell, int]
    since: datetime | None = None  # None: nobody asked yet
    until: datetime | None = None  # None: as above

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.cells.values())

    def by_hour(self) -> dict[datetime, int]:
        """Count by hour."""
        found: Counter[datetime] = Counter()
        for cell, count in self.cells.items():
            found[cell.hour] += count
        return dict(sorted(found.items()))

    def by_variant(self, since: datetime) -> dict[tuple[str, str], tuple[int, int]]:
        """Count requests and errors by variant and model, from a moment's hour on."""
        start = _hour(since)
        found: dict[tuple[str, str], tuple[int, int]] = {}
        for cell, count in self.cells.items():
            if cell.hour >= start:
                all_, failed = found.get((cell.variant, cell.model), (0, 0))
                place = cell.variant, cell.model
                found[place] = all_ + count, failed + count * cell.failed
        return found


@dataclass
class _Kept:
    cells: dict[Cell, int] = field(default_factory=dict)
    until: datetime | None = None  # the newest request; None: none yet
    counted_s: float = 0.0
    anew_s: float = 0.0
    busy: threading.Lock = field(default_factory=threading.Lock)


class TrafficCounter:
    """The counts of every deployment that somebody looks at."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    def count(self, session: Session, deployment: str) -> Traffic:
        """Return the counts, brought up to date if they are older than a second.

        Raises:
            Denied: the session may not read predictions.
        """
        with self._lock:
            kept = self._kept.setdefault((session.project, deployment), _Kept())
        with kept.busy:
            moment_s, now = time.monotonic(), session.drivers.clock.now()
            fresh = moment_s - kept.counted_s < _FRESH_S
            # Asked even when nothing is to be read: it is what refuses those who may not see.
            since = now if fresh else self._since(kept, moment_s, now)
            until = now + timedelta(milliseconds=1)
            rows = serving.read_predictions(session, deployment, since, until, columns=_COLUMNS)
            if not fresh:
                _recount(kept, rows, since)
                kept.counted_s = moment_s
            hours = [cell.hour for cell in kept.cells]
            return Traffic(cells=dict(kept.cells), since=min(hours, default=None), until=kept.until)

    @staticmethod
    def _since(kept: _Kept, moment_s: float, now: datetime) -> datetime:
        if kept.until is None or moment_s - kept.anew_s > _ANEW_S:
            kept.anew_s = moment_s
            return now - _WINDOW
        return _hour(kept.until - _LATE)


def _recount(kept: _Kept, rows: pa.Table, since: datetime) -> None:
    old = {cell: count for cell, count in kept.cells.items() if cell.hour < since}
    kept.cells = old | count_cells(rows)
    newest = pc.max(rows["at"]).as_py() if rows.num_rows else None
    kept.until = newest or kept.until


def count_cells(rows: pa.Table) -> dict[Cell, int]:
    """Count rows of the log by hour, model, variant and whether they failed."""
    if not rows.num_rows:
        return {}
    keyed = pa.table(
        {
            "hour": pc.floor_temporal(rows["at"], unit="hour"),
            "model": rows["model_ref"],
            "variant": rows["variant"],
            "failed": pc.not_equal(pc.fill_null(rows["error"], ""), ""),
        }
    )
    counted = keyed.group_by(["hour", "model", "variant", "failed"]).aggregate([([], "count_all")])
    return {
        Cell(row["hour"], row["model"], row["variant"], row["failed"]): row["count_all"]
        for row in counted.to_pylist()
    }


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
