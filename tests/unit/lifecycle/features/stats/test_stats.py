"""What features look like, how they moved, and which are there twice."""

from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.governance.session import House, Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    FeatureView,
    OnDemand,
    find_materialization,
    get_view,
    materialize,
    register_view,
)
from bucle.lifecycle.features.stats import (
    drift_of_rows,
    find_duplicates,
    list_stats,
    take_stats,
)
from tests.unit.lifecycle.features.payments import CARD, START

DAY = timedelta(days=1)
VIEW = FeatureView(
    name="spent",
    entity=CARD,
    source="payments",
    time="at",
    columns=("shop",),
    aggregations=(
        Aggregation(function="count", window="7d"),
        Aggregation(function="mean", column="amount", window="7d"),
    ),
    owner="ann",
    description="What a card spent",
)


def payments(cards: int, *, day: int = 0, factor: float = 1.0) -> pa.Table:
    """Return two payments of each card; every fifth has no amount."""
    return pa.table(
        {
            "card": [n % cards for n in range(2 * cards)],
            "at": [START + day * DAY + timedelta(minutes=n % 60) for n in range(2 * cards)],
            "amount": [None if n % 5 == 0 else factor * n for n in range(2 * cards)],
            "shop": [f"s{n % 3}" for n in range(2 * cards)],
        }
    )


def put(session: Session, *views: FeatureView) -> None:
    with session.begin() as scope:
        for view in views:
            register_view(scope, view)


def test_they_say_what_the_online_features_are(session: Session) -> None:
    commit_table(session, "payments", payments(200))
    put(session, VIEW)
    materialize(session, "spent", START + DAY)
    found = take_stats(session, "spent")
    assert (found.until, found.entities, found.drawn) == (START + DAY, 200, 200)
    assert found.newest_event == START + timedelta(minutes=59)
    count, mean, shop = (
        found.profile.column(name) for name in ("count_7d", "amount_mean_7d", "shop")
    )
    assert count
    assert mean
    assert shop
    assert (count.minimum, count.maximum, count.std) == (2.0, 2.0, 0.0)
    assert (mean.nulls, mean.count) == (40, 160)
    assert {name for name, _ in shop.top} == {"s0", "s1", "s2"}
    assert found.drift == ()


def test_they_are_taken_once_for_each_materialization(session: Session) -> None:
    commit_table(session, "payments", payments(50))
    put(session, VIEW)
    materialize(session, "spent", START + DAY)
    first = take_stats(session, "spent")
    assert take_stats(session, "spent") == first
    materialize(session, "spent", START + 2 * DAY)
    second = take_stats(session, "spent")
    assert (second.against, second.until) == (first.until, START + 2 * DAY)
    assert all(verdict.ok for verdict in second.drift)
    with session.begin(write=False) as scope:
        assert [each.id for each in list_stats(scope, "spent").items] == [second.id, first.id]
        page = list_stats(scope, "spent", limit=1)
        (last,) = list_stats(scope, "spent", limit=1, token=page.next_token).items
        assert last.id == first.id


def test_a_feature_that_moved_or_went_missing_is_named(session: Session) -> None:
    commit_table(session, "payments", payments(200))
    put(session, VIEW)
    materialize(session, "spent", START + DAY)
    take_stats(session, "spent")
    changed = payments(200, day=20, factor=50.0)
    gone = pa.nulls(400, pa.string())
    commit_table(session, "payments", changed.set_column(3, "shop", gone))
    materialize(session, "spent", START + 21 * DAY)
    moved = {verdict.name: verdict for verdict in take_stats(session, "spent").drift
             if not verdict.ok}  # fmt: skip
    assert set(moved) == {"amount_mean_7d shift", "shop missing"}
    assert moved["shop missing"].value == 1.0
    assert "before" in moved["amount_mean_7d shift"].note


def test_a_draw_is_even_and_the_same_each_time(session: Session) -> None:
    commit_table(session, "payments", payments(500, day=-1))
    put(session, VIEW)
    found = take_stats(session, "spent", entities=100)
    assert (found.entities, found.drawn, found.profile.rows) == (500, 100, 100)


def test_a_training_set_is_compared_with_what_is_served(session: Session) -> None:
    commit_table(session, "payments", payments(200, day=-1))
    put(session, VIEW)
    profile = take_stats(session, "spent").profile
    engine = session.drivers.engine
    same = pa.table({"count_7d": [2] * 100, "label": [1] * 100})
    assert all(verdict.ok for verdict in drift_of_rows(engine, profile, same))
    other = pa.table({"count_7d": [9] * 100})
    assert [each.name for each in drift_of_rows(engine, profile, other) if not each.ok] == [
        "count_7d shift"
    ]
    with pytest.raises(Invalid, match="none of the view's features"):
        drift_of_rows(engine, profile, pa.table({"label": [1]}))


@pytest.mark.parametrize(
    ("given", "message"), [({"entities": 0}, "no entity"), ({}, "computed when somebody asks")]
)
def test_what_can_not_be_looked_at_is_refused(
    session: Session, given: dict[str, Any], message: str
) -> None:
    asked = FeatureView(
        name="asked", request={"a": "float64"}, on_demand=(OnDemand(name="b", sql="a + 1"),),
        owner="ann", description="x",
    )  # fmt: skip
    put(session, VIEW, asked)
    with pytest.raises(Invalid, match=message):
        take_stats(session, "asked", **given)
    with pytest.raises(NotFound):
        take_stats(session, "spent")


def test_features_that_are_there_twice_are_pointed_out(session: Session) -> None:
    commit_table(session, "payments", payments(200, day=-1))
    twin = msgspec.structs.replace(
        VIEW,
        name="twin",
        columns=(),
        aggregations=(
            Aggregation(function="mean", column="amount", window="168h", name="average"),
            Aggregation(function="sum", column="amount", window="6d", name="paid"),
            Aggregation(function="max", column="amount", window="1m", name="lately"),
        ),
        description="Somebody else's",
    )
    put(session, VIEW, twin)
    found = {(each.feature, each.same_as): each for each in find_duplicates(session)}
    assert found["twin.average", "spent.amount_mean_7d"].why == "definition"
    alike = found["twin.paid", "spent.amount_mean_7d"]
    assert alike.why == "correlation"
    assert alike.correlation is not None
    assert alike.correlation > 0.9
    assert not any("lately" in name for pair in found for name in pair)
    assert find_duplicates(session, at_least=1.0)[0].why == "definition"


def test_a_materialization_says_what_it_wrote_and_used(house: House, session: Session) -> None:
    commit_table(session, "payments", payments(200))
    put(session, VIEW)
    materialize(session, "spent", START + DAY)
    with session.begin(write=False) as scope:
        made = find_materialization(scope, get_view(scope, "spent").ref)
    assert made
    assert 200 * 10 < made.written_bytes < 200 * 100
