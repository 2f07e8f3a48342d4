"""Rows shaped in Python: the same in training and online, and versioned by their code."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Code,
    FeatureView,
    ParitySpec,
    check_parity,
    code_of,
    materialize,
    register_view,
    training_set,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.features.payments import CARD, SPENDING, START, expected, payments

DAY = timedelta(days=1)
FACTOR = 2.0


def doubled(rows: pa.Table) -> pa.Table:
    """Double the amounts, and leave out those of fraud."""
    kept = rows.filter(pc.invert(rows["fraud"]))
    return kept.append_column("twice", pc.multiply(kept["amount"], FACTOR))


VIEW = FeatureView(
    name="doubled",
    entity=CARD,
    source="payments",
    time="at",
    transform=code_of(doubled),
    columns=("twice",),
    aggregations=(Aggregation(function="max", column="twice", window="7d"),),
    owner="ann",
    description="Twice the amounts",
)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Yield a session of one installation: a process for functions takes a second to start."""
    house = open_test_house(tmp_path_factory.mktemp("source"), online_url="memory:")
    commit_table(house.session(), "few", payments(5, 50))
    yield house.session()
    house.close()


def test_training_and_online_are_of_the_shaped_rows(session: Session) -> None:
    table = payments(5, 300)
    commit_table(session, "payments", table)
    with session.begin() as scope:
        register_view(scope, VIEW)
    moment = START + 12 * DAY
    found = training_set(session, pa.table({"card": [1, 2], "at": [moment] * 2}), ["doubled"])
    for row in found.to_pylist():
        wanted = expected(VIEW, doubled(table), row["card"], moment)
        assert {name: row[name] for name in wanted} == wanted
    materialize(session, "doubled", moment)
    commit_table(session, "payments", payments(6, 100), mode="append")
    materialize(session, "doubled", moment + DAY)
    assert check_parity(session, "doubled", ParitySpec(entities=5, moments=3)).ok


def test_changed_code_is_another_version_and_a_comment_is_none(session: Session) -> None:
    def put(code: str) -> int:
        coded = Code(function="f", source=code)
        view = msgspec.structs.replace(VIEW, name="coded", transform=coded)
        with session.begin() as scope:
            return register_view(scope, view).number

    first = "def f(rows):\n    return rows"
    assert [put(first), put(first), put(first.replace("rows", "table"))] == [1, 1, 2]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(rows):\n    return 5", "f gives a int for 50 rows"),
        ("def f(rows):\n    raise KeyError('nope')", "f failed on 50 rows: KeyError: 'nope'"),
        ("import no_such\ndef f(rows):\n    return rows", "f can not run here: No module named"),
        ("def f(rows):\n    return rows.select(['at'])", "uses 'card', which its source has not"),
    ],
)
def test_python_that_gives_no_rows_is_told(session: Session, source: str, message: str) -> None:
    code = Code(function="f", source=source)
    view = msgspec.structs.replace(VIEW, source="few", transform=code)
    with pytest.raises(Invalid, match=message):
        training_set(session, pa.table({"card": [1], "at": [START]}), [view])


def test_a_stream_refuses_it(session: Session) -> None:
    view = msgspec.structs.replace(SPENDING, transform=VIEW.transform, stream="payments")
    with pytest.raises(Invalid, match="which a stream can not"), session.begin() as scope:
        register_view(scope, view)
