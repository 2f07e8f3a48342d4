"""Tests of features: what does not hold does not go online."""

from datetime import timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.governance.session import Session
from bucle.lifecycle.data import Expectation, commit_table
from bucle.lifecycle.features import (
    Aggregation,
    FeatureView,
    find_materialization,
    materialize,
    online_view,
    read_online,
    register_view,
)
from tests.unit.lifecycle.features.payments import CARD, START

DAY = timedelta(days=1)
VIEW = FeatureView(
    name="paid",
    entity=CARD,
    source="payments",
    time="at",
    aggregations=(Aggregation(function="max", column="amount", window="30d", name="most"),),
    tests=(
        Expectation(column="most", min=0.0, name="nobody was paid"),
        Expectation(sql="most < 100", action="warn", name="not much"),
    ),
    owner="ann",
    description="What a card paid",
)


def pay(session: Session, *amounts: float) -> None:
    table = pa.table(
        {
            "card": list(range(len(amounts))),
            "at": [START - DAY] * len(amounts),
            "amount": list(amounts),
        }
    )
    commit_table(session, "payments", table)


def test_what_does_not_hold_leaves_what_was_online(session: Session) -> None:
    pay(session, 5.0, 50.0)
    with session.begin() as scope:
        ref = register_view(scope, VIEW).ref
    first = materialize(session, "paid", START)
    assert [(each.name, each.ok) for each in first.verdicts] == [
        ("nobody was paid", True), ("not much", True),
    ]  # fmt: skip
    pay(session, -5.0, 60.0)
    with pytest.raises(Refused, match="stays online as it was") as caught:
        materialize(session, "paid", START + DAY)
    assert [each.name for each in caught.value.because] == ["nobody was paid"]
    view = online_view(VIEW, ref, session.project)
    rows = read_online(session.drivers.online, view, [(0,), (1,)], START)
    assert [row["most"] for row in rows] == [5.0, 50.0]
    with session.begin(write=False) as scope:
        assert find_materialization(scope, ref) == first


def test_a_warning_is_noted_and_written(session: Session) -> None:
    pay(session, 500.0)
    with session.begin() as scope:
        register_view(scope, VIEW)
    made = materialize(session, "paid", START)
    assert [each.ok for each in made.verdicts] == [True, False]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (Expectation(column="amount", min=0.0), "'amount', which is no feature"),
        (Expectation(column="most", min=0.0, action="quarantine"), "sets rows apart"),
        (Expectation(column="most", references="cards.card"), "compares with another dataset"),
        (Expectation(sql="nope > 1"), "nope"),
    ],
)
def test_a_test_that_can_not_be_executed_is_refused(
    session: Session, test: Any, message: str
) -> None:
    pay(session, 5.0)
    view = msgspec.structs.replace(VIEW, tests=(test,))
    with pytest.raises(Invalid, match=message), session.begin() as scope:
        register_view(scope, view)
