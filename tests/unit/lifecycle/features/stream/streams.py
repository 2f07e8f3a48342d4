"""Views of a stream of payments, and short ways to send to it and to read from it."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from bucle.governance.session import Session
from bucle.lifecycle.features import FeatureView, OnlineView, online_view, register_view
from bucle.lifecycle.features.stream import Absorbed, absorb, read_stream
from tests.unit.lifecycle.features.payments import (
    BIG,
    LATEST,
    SCHEMA,
    SPENDING,
    START,
    about_same,
    expected,
)

KEYS = [(1,), (2,), (3,), (BIG,), (BIG + 1,), (99,)]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAR = START + 400 * DAY  # no clock is behind it
SPENT = msgspec.structs.replace(SPENDING, stream="payments")
LAST_PAID = msgspec.structs.replace(LATEST, stream="payments", delay="6h")


def registered(session: Session, view: FeatureView) -> OnlineView:
    with session.begin() as scope:
        made = register_view(scope, view)
    return online_view(view, made.ref, session.project)


def payments_of(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Return events of card, time since the start, amount (and whether it was fraud)."""
    return pa.Table.from_pylist(
        [
            {"card": card, "at": START + since, "amount": amount, "fraud": bool(rest and rest[0])}
            for card, since, amount, *rest in rows
        ],
        schema=SCHEMA,
    )


def send(
    session: Session, view: OnlineView, events: pa.Table, first: int = 0, now: datetime = FAR
) -> Absorbed:
    """Absorb events that stand one after the other in the topic."""
    positions = f"{first:012}", f"{first + max(events.num_rows, 1) - 1:012}"
    return absorb(session, view.ref, events, positions, now)


def read(
    session: Session, view: OnlineView, now: datetime, keys: Sequence[tuple[Any, ...]] = KEYS
) -> list[dict[str, Any]]:
    return read_stream(session.drivers.online, view, keys, now)


def assert_features(
    session: Session, view: OnlineView, definition: FeatureView, events: pa.Table, now: datetime
) -> None:
    """Compare what is read with what looking at every event gives."""
    for key, found in zip(KEYS, read(session, view, now), strict=True):
        wanted = expected(definition, events, key[0], now)
        assert about_same(found, wanted), (key, found, wanted)


def contents(session: Session, view: OnlineView) -> dict[bytes, bytes]:
    """Return all rows of a stream's state in a store in memory."""
    tables = session.drivers.online._tables  # type: ignore[attr-defined]
    return dict(tables.get(f"{view.table}/stream", {}))
