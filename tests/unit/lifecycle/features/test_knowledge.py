"""A view that says since when a row was known, from its registration to the online store."""

from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa

from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    FeatureView,
    get_view,
    materialize,
    online_view,
    read_online,
    register_view,
    training_set,
)
from tests.unit.lifecycle.features.payments import LATEST, SPENDING, START

DAY = timedelta(days=1)
BOOKED = msgspec.structs.replace(
    LATEST, name="booked", created="booked", ttl="", aggregations=SPENDING.aggregations[:3]
)


def bookings(*rows: tuple[int, float, float, float]) -> pa.Table:
    """Return payments of a card, at a day, of an amount, booked on another day."""
    cards, days, amounts, booked = zip(*rows, strict=True)
    return pa.table(
        {
            "card": cards,
            "at": [START + day * DAY for day in days],
            "amount": amounts,
            "fraud": [False] * len(rows),
            "booked": [START + day * DAY for day in booked],
        }
    )


def register(session: Session, view: FeatureView) -> Any:
    with session.begin() as scope:
        return register_view(scope, view)


def test_when_rows_were_known_is_part_of_the_definition(session: Session) -> None:
    first = register(session, msgspec.structs.replace(BOOKED, created=""))
    second = register(session, BOOKED)
    assert (first.number, second.number) == (1, 2)
    with session.begin(write=False) as scope:
        assert get_view(scope, "booked").view.created == "booked"


def test_a_correction_changes_the_past_only_with_the_switch_off(session: Session) -> None:
    commit_table(session, "payments", bookings((1, 1, 10.0, 1), (1, 1, 12.0, 3)))
    register(session, BOOKED)
    asked = pa.table({"card": [1, 1], "at": [START + 2 * DAY, START + 3 * DAY]})
    assert training_set(session, asked, ["booked"])["amount"].to_pylist() == [10.0, 12.0]
    today = training_set(session, asked, ["booked"], known=False)
    assert today["amount"].to_pylist() == [12.0, 12.0]


def test_what_becomes_known_in_between_reaches_the_online_store(session: Session) -> None:
    rows = bookings((1, 1, 10.0, 1), (1, 1.5, 20.0, 4), (2, 1, 30.0, 6), (3, 1, 40.0, 1))
    commit_table(session, "payments", rows)
    made = register(session, BOOKED)
    view = online_view(BOOKED, made.ref, session.project)
    for day in (2, 4, 5, 6, 8):
        moment = START + day * DAY
        materialize(session, "booked", moment)
        online = read_online(session.drivers.online, view, [(1,), (2,), (3,)], moment)
        asked = pa.table({"card": [1, 2, 3], "at": [moment] * 3})
        offline = training_set(session, asked, ["booked"]).select(list(BOOKED.features))
        assert online == offline.to_pylist()
        assert online[0]["amount"] == (10.0 if day < 4 else 20.0)
        assert online[1]["amount"] == (None if day < 6 else 30.0)
