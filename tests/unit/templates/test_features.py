"""The feature views of the payments template: one value a day, offline as online."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import bucle
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    FeatureView,
    load_views,
    materialize,
    online_view,
    read_online,
    register_view,
    training_set,
)
from bucle.testing.houses import open_test_house

TEMPLATE = Path(bucle.__file__).parent / "templates" / "payments"
VIEWS = {view.name: view for view in load_views(TEMPLATE, "features:VIEWS")}
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 50
TODAY = START + DAYS * DAY
HOURS = (0, 9, 23.99)
DELAY = 7


@pytest.fixture(scope="module")
def made() -> Iterator[Any]:
    """Make payments of a small town by the template's own module."""
    sys.path.insert(0, str(TEMPLATE))
    try:
        module: ModuleType = __import__("payments")
        yield module.Payments(module.Plan(days=DAYS + 1, payments_per_day=120), START)
    finally:
        sys.path.remove(str(TEMPLATE))
        sys.modules.pop("payments")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, made: Any) -> Iterator[House]:
    """Open an installation that knows what is known at the beginning of a day."""
    opened = open_test_house(tmp_path_factory.mktemp("home"), online_url="memory:", start=TODAY)
    session = opened.session()
    for day in range(0, DAYS, 10):
        commit_table(session, "activity", table(made, day, min(day + 10, DAYS)), mode="append")
    commit_table(session, "payments", table(made, 0, DAYS - DELAY))
    with session.begin() as scope:
        for view in VIEWS.values():
            register_view(scope, view)
    for view in VIEWS:
        materialize(session, view)
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()


def table(made: Any, first: int, until: int) -> pa.Table:
    """Return the payments of some days as the world commits them, with what came of them."""
    places = made.between(first, until)
    at = pa.array(made.moments(places)).cast(pa.timestamp("us", tz="UTC"))
    columns = {name: made.columns[name][places] for name in ("customer", "terminal", "amount")}
    fraud = made.fraud[places].astype(np.int64)
    return pa.table({"payment": range(places.start, places.stop), "at": at, **columns,
                     "fraud": fraud})  # fmt: skip


def keys_of(view: FeatureView) -> list[int]:
    """Return every key of the town, and one that nobody has seen."""
    return [*range(360 if view.entity.name == "customer" else 240), 9_999]


def at_hour(session: Session, view: FeatureView, hour: float) -> list[dict[str, Any]]:
    """Return what a training set has of every key at an hour of the day."""
    keys = keys_of(view)
    moment = TODAY + timedelta(hours=hour)
    asked = pa.table({view.entity.keys[0]: keys, "at": [moment] * len(keys)})
    return training_set(session, asked, [view.name]).select(list(view.features)).to_pylist()


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_at_any_hour_a_training_set_has_what_the_online_store_says(
    session: Session, view: FeatureView, hour: float
) -> None:
    online = online_view(view, bucle.Ref("feature_view", view.name, 1), session.project)
    keys = [(key,) for key in keys_of(view)]
    now = TODAY + timedelta(hours=hour)
    served = read_online(session.drivers.online, online, keys, now)
    assert served == at_hour(session, view, hour)
    assert any(row[view.features[0]] for row in served)


def test_rows_that_are_committed_during_the_day_change_nothing_before_midnight(
    session: Session, made: Any
) -> None:
    view = VIEWS["terminal_use"]
    before = at_hour(session, view, 23)
    commit_table(session, "activity", table(made, DAYS, DAYS + 1), mode="append")
    assert at_hour(session, view, 23) == before
    assert at_hour(session, view, 25) != before


def test_a_customers_figures_are_of_the_days_before(session: Session, made: Any) -> None:
    for customer, row in enumerate(at_hour(session, VIEWS["customer_spending"], 12)[:20]):
        theirs = made.columns["customer"] == customer
        week = made.columns["amount"][theirs & during(made, DAYS - 7, DAYS)]
        assert row["customer_count_1d"] == (theirs & during(made, DAYS - 1, DAYS)).sum()
        assert row["customer_mean_7d"] == (pytest.approx(week.mean()) if len(week) else None)


def test_a_terminals_frauds_are_counted_seven_days_late(session: Session, made: Any) -> None:
    counted = during(made, DAYS - DELAY - 28, DAYS - DELAY)
    rows = at_hour(session, VIEWS["terminal_risk"], 12)
    for terminal, row in enumerate(rows[:50]):
        there = counted & (made.columns["terminal"] == terminal)
        found = row["terminal_known_28d"], row["terminal_frauds_28d"]
        assert found == (there.sum(), (there & made.fraud).sum())
    assert sum(row["terminal_frauds_28d"] for row in rows) > 20


def during(made: Any, first: int, until: int) -> np.ndarray:
    """Return which payments were made on some days."""
    return (made.seconds >= first * 86_400) & (made.seconds < until * 86_400)
