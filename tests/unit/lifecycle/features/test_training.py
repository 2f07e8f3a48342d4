import random
from datetime import UTC, datetime, timedelta

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    FeatureView,
    inputs_of,
    register_view,
    training_set,
)
from tests.unit.lifecycle.features.payments import (
    BIG,
    CARD,
    LATEST,
    SPENDING,
    START,
    about_same,
    expected,
    payments,
)


def entities(seed: int, rows: int) -> pa.Table:
    rng = random.Random(seed)
    cards = [rng.choice([1, 2, BIG, BIG + 1, 99, None]) for _ in range(rows)]
    moments = [START + timedelta(minutes=30 * rng.randrange(25 * 48)) for _ in range(rows)]
    return pa.table(
        {
            "label": range(rows),
            "card": pa.array(cards, pa.int64()),
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
        }
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("view", [SPENDING, LATEST], ids=lambda view: view.name)
def test_features_are_what_was_known_at_each_moment(
    session: Session, view: FeatureView, seed: int
) -> None:
    table = payments(seed, 300)
    commit_table(session, "payments", table)
    asked = entities(seed, 120)
    found = training_set(session, asked, [view])
    assert found.select(asked.column_names).equals(asked)
    for row in found.to_pylist():
        wanted = expected(view, table, row["card"], row["at"])
        assert about_same({name: row[name] for name in view.features}, wanted)


def test_a_future_row_is_never_seen_and_a_row_of_the_same_moment_is(session: Session) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    commit_table(
        session, "payments",
        pa.table(
            {"card": [1, 1], "at": [noon, noon + tick], "amount": [1.0, 2.0], "fraud": [True] * 2}
        ),
    )  # fmt: skip
    asked = pa.table({"card": [1, 1, 1], "at": [noon - tick, noon, noon + tick]})
    found = training_set(session, asked, [LATEST])
    assert found["amount"].to_pylist() == [None, 1.0, 2.0]


def test_nanoseconds_of_an_entity_do_not_let_it_see_the_next_microsecond(session: Session) -> None:
    moment = pa.array([1_001_000], pa.timestamp("ns", "UTC"))
    table = pa.table({"card": [1], "at": moment, "amount": [1.0], "fraud": [True]})
    commit_table(session, "payments", table)
    asked = pa.table(
        {"card": [1, 1], "at": pa.array([1_000_999, 1_001_000], pa.timestamp("ns", "UTC"))}
    )
    assert training_set(session, asked, [LATEST])["amount"].to_pylist() == [None, 1.0]


def test_of_rows_at_one_moment_the_last_to_come_counts(session: Session) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    table = pa.table(
        {
            "card": [1] * 50,
            "at": [noon] * 50,
            "amount": list(map(float, range(50))),
            "fraud": [False] * 50,
        }
    )
    commit_table(session, "payments", table.slice(0, 40))
    commit_table(session, "payments", table.slice(40), mode="append")
    view = msgspec.structs.replace(
        LATEST, aggregations=(Aggregation(function="last", column="amount", window="1d"),)
    )
    found = training_set(session, pa.table({"card": [1], "at": [noon]}), [view])
    assert found.to_pylist()[0]["amount"] == 49.0
    assert found.to_pylist()[0]["amount_last_1d"] == 49.0


def test_a_delay_hides_what_was_not_known_yet(session: Session) -> None:
    commit_table(session, "payments", payments(1, 200))
    late = msgspec.structs.replace(LATEST, delay="7d", ttl="")
    asked = entities(2, 50)
    table = payments(1, 200)
    for row in training_set(session, asked, [late]).to_pylist():
        assert row["amount"] == expected(late, table, row["card"], row["at"])["amount"]


def test_a_time_of_knowing_that_is_no_time_is_told(session: Session) -> None:
    commit_table(session, "payments", payments(1, 20))
    view = msgspec.structs.replace(LATEST, created="amount", columns=("fraud",))
    with pytest.raises(Invalid, match="the time of 'latest', 'amount', is double"):
        training_set(session, entities(1, 3), [view])


def test_rows_are_shaped_in_sql_first(session: Session) -> None:
    table = payments(3, 200)
    commit_table(session, "payments", table)
    view = FeatureView(
        name="large", entity=CARD, source="payments", time="seen", columns=("cents",),
        sql='SELECT *, "at" AS seen, (amount * 100)::BIGINT AS cents FROM source WHERE amount > 50',
        owner="me", description="Large payments",
    )  # fmt: skip
    large = [row for row in table.to_pylist() if (row["amount"] or 0) > 50 and row["card"] == 1]
    latest = max(large, key=lambda row: row["at"])
    asked = pa.table({"card": [1], "at": [START + timedelta(days=30)]})
    found = training_set(session, asked, [view])
    assert found["cents"].to_pylist() == [round(latest["amount"] * 100)]


def test_several_views_stand_beside_each_other_and_the_inputs_are_told(session: Session) -> None:
    commit_table(session, "payments", payments(1, 100))
    with session.begin() as scope:
        register_view(scope, SPENDING)
    found = training_set(session, entities(1, 10), ["spending", LATEST])
    assert found.column_names == [
        "label", "card", "at", *SPENDING.features, *LATEST.features
    ]  # fmt: skip
    assert inputs_of(found) == (
        Ref("dataset", "payments", 1),
        Ref("feature_view", "spending", 1),
    )


def test_two_keys_identify_an_entity_together(session: Session) -> None:
    table = pa.table(
        {
            "city": ["Ulm", "Ulm", "Bonn"],
            "line": [1, 2, 1],
            "day": pa.array([0, 0, 0], pa.date32()),
            "riders": [10, 20, 30],
        }
    )
    commit_table(session, "rides", table)
    view = FeatureView(
        name="riders",
        entity=CARD.__class__(name="stop", keys=("city", "line")),
        source="rides",
        time="day",
        columns=("riders",),
        owner="me",
        description="Riders",
    )
    asked = pa.table(
        {"line": pa.array([2, 1, 2], pa.int32()), "city": ["Ulm", "Bonn", "Bonn"],
         "at": [datetime(1970, 1, 1, tzinfo=UTC)] * 3}
    )  # fmt: skip
    assert training_set(session, asked, [view])["riders"].to_pylist() == [20, 30, None]


def test_no_entities_give_no_rows(session: Session) -> None:
    commit_table(session, "payments", payments(1, 20))
    found = training_set(session, entities(1, 3).slice(0, 0), [SPENDING, LATEST])
    assert found.num_rows == 0
    assert set(SPENDING.features) < set(found.column_names)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (pa.table({"card": [1]}), "no column 'at'"),
        (pa.table({"at": [START]}), "no column 'card'"),
        (pa.table({"card": [1], "at": ["2026-01-01"]}), "time 'at' is string"),
        (pa.table({"card": [1, 1], "at": [START, None]}), "row 2 of the entities has no 'at'"),
        (pa.table({"card": ["1"], "at": [START]}), "key 'card' is string .* int64 in payments"),
        (pa.table({"card": [1], "at": [START], "amount": [1.0]}), "both have 'amount'"),
    ],
)
def test_entities_that_do_not_fit_are_refused(session: Session, asked: pa.Table, said: str) -> None:
    commit_table(session, "payments", payments(1, 20))
    with pytest.raises(Invalid, match=said):
        training_set(session, asked, [LATEST])


def test_a_view_without_data_or_with_wrong_sql_is_told(session: Session) -> None:
    with pytest.raises(NotFound, match="dataset:payments does not exist"):
        training_set(session, entities(1, 3), [LATEST])
    commit_table(session, "payments", payments(1, 20))
    wrong = msgspec.structs.replace(LATEST, sql="SELECT nothing FROM source")
    with pytest.raises(Invalid, match="the SQL of 'latest' can not be executed"):
        training_set(session, entities(1, 3), [wrong])
    with pytest.raises(NotFound, match="feature_view:nobody does not exist"):
        training_set(session, entities(1, 3), ["nobody"])
