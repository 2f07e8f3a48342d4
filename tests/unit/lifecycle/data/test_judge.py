"""What an append is judged by: the same as a commit of all rows would be."""

import sys

import pyarrow as pa
import pytest

from bucle.base.errors import Refused
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    check_version,
    commit_table,
    declare,
    paths,
)

FIRST = pa.table({"id": [1, 2, 3], "fare": [4.5, 6.0, 9.25], "city": ["Ulm", "Bonn", "Kiel"]})
MORE = pa.table({"id": [4, 5], "fare": [1.0, 2.0], "city": ["Ulm", "Kiel"]})
OF_ROWS = (
    Expectation(column="fare", not_null=True, min=0, max=100),
    Expectation(column="city", among=("Ulm", "Bonn", "Kiel"), regex="[A-Z].*", type="string"),
)
OF_ALL = (
    Expectation(min_rows=2, max_rows=100),
    Expectation(column="city", unique=False, not_null=True, tolerance=0.5),
    Expectation(sql="SELECT count(*) - count(DISTINCT id) FROM dataset"),
    Expectation(sql="fare > (SELECT min(fare) FROM dataset) - 1"),
)


def declared(session: Session, *expectations: Expectation, key: tuple[str, ...] = ("id",)) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=key, expectations=expectations))


def seen_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that the number of rows of each judged table is written to."""
    room = sys.modules["bucle.lifecycle.data.judge"]
    rows: list[int] = []
    check = room.check_table

    def noted(engine, table, **named):  # type: ignore[no-untyped-def]
        report = check(engine, table, **named)
        rows.append(report.rows)
        return report

    monkeypatch.setattr(room, "check_table", noted)
    return rows


def test_an_append_is_judged_as_all_rows_would_be(session: Session) -> None:
    declared(session, *OF_ROWS, *OF_ALL)
    commit_table(session, "trips", FIRST)
    made = commit_table(session, "trips", MORE, mode="append")
    assert made.verdicts == check_version(session, "trips").verdicts


def test_rows_that_were_judged_by_the_same_are_not_read_again(session: Session) -> None:
    declared(session, *OF_ROWS)
    first = commit_table(session, "trips", FIRST)
    second = commit_table(session, "trips", MORE, mode="append")
    for path in paths(session, first):
        path.unlink()  # the file that nobody needs to read
    more = pa.table({"id": [6], "fare": [1.0], "city": ["Ulm"]})
    third = commit_table(session, "trips", more, mode="append")
    assert (third.rows, third.verdicts) == (6, second.verdicts)


def test_only_what_speaks_of_the_whole_table_is_asked_of_all_rows(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(session, *OF_ROWS, Expectation(min_rows=2))
    commit_table(session, "trips", FIRST)
    rows = seen_rows(monkeypatch)
    commit_table(session, "trips", MORE, mode="append")
    assert rows == [2, 5]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"id": [4], "fare": [-1.0], "city": ["Ulm"]}, "fare >= 0: 1 of 4 rows"),
        ({"id": [4], "fare": [None], "city": ["Ulm"]}, "fare has a value: 1 of 4 rows"),
        ({"id": [4], "fare": [1.0], "city": ["Rom"]}, "city among Ulm, Bonn, Kiel: 1 of 4 rows"),
        ({"id": [3], "fare": [1.0], "city": ["Ulm"]}, "2 rows have the key id=3"),
        ({"id": [7, 7], "fare": [1.0, 1.0], "city": ["Ulm", "Ulm"]}, "2 rows have the key id=7"),
    ],
)
def test_what_an_append_breaks_is_told_as_of_all_rows(
    session: Session, bad: dict[str, list[object]], said: str
) -> None:
    declared(session, *OF_ROWS)
    commit_table(session, "trips", FIRST)
    with pytest.raises(Refused, match=said):
        commit_table(session, "trips", pa.table(bad, schema=FIRST.schema), mode="append")


def test_old_rows_are_judged_again_when_something_else_is_expected(session: Session) -> None:
    declared(session)
    commit_table(session, "trips", FIRST)
    declared(session, Expectation(column="fare", max=5))
    with pytest.raises(Refused, match="fare <= 5: 2 of 5 rows"):
        commit_table(session, "trips", MORE, mode="append")


def test_a_sum_over_old_and_new_rows_is_asked_of_both(session: Session) -> None:
    declared(session, Expectation(sql="SELECT sum(fare) < 22 FROM dataset"))
    commit_table(session, "trips", FIRST)
    with pytest.raises(Refused, match="sum"):
        commit_table(session, "trips", MORE, mode="append")


def test_another_owner_is_no_other_expectation(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(session)
    commit_table(session, "trips", FIRST)
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",), owner="ana", description="Rides"))
    rows = seen_rows(monkeypatch)
    commit_table(session, "trips", MORE, mode="append")
    assert rows == [2]


def test_a_key_of_fractions_is_compared_with_all_that_are_there(session: Session) -> None:
    declared(session, key=("fare",))
    nan = float("nan")
    commit_table(session, "trips", pa.table({"fare": [1.0, nan]}))
    with pytest.raises(Refused, match="fare=nan"):
        commit_table(session, "trips", pa.table({"fare": [9.0, nan]}), mode="append")
