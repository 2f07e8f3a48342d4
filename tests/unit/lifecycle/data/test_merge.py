"""Branches come together by key; what both changed otherwise is named and never guessed."""

from itertools import count

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    branch,
    commit_table,
    declare,
    get_version,
    log,
    merge,
    read_table,
)
from bucle.lifecycle.data import parquet as parquet_room
from tests.unit.lifecycle.data.lines import committed, deleted, upserted

TRIPS = pa.table({"id": range(1, 10), "fare": [float(n) for n in range(1, 10)]})


@pytest.fixture
def trips(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Nine rows in three files, and a branch called `cleaning` that starts there."""
    monkeypatch.setattr(parquet_room, "ROWS_PER_FILE", 3)
    with session.begin() as scope:
        expectation = Expectation(column="fare", min=0)
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=(expectation,)))
    commit_table(session, "trips", TRIPS)
    with session.begin() as scope:
        branch(scope, "trips", "cleaning")
    return session


def table_of(rows: dict[int, float]) -> pa.Table:
    return pa.table({"id": list(rows), "fare": list(rows.values())}, schema=TRIPS.schema)


def keys_of(*keys: int) -> pa.Table:
    return pa.table({"id": list(keys)}, schema=pa.schema([TRIPS.schema.field("id")]))


def rows(session: Session, ref: str = "trips") -> dict[int, float]:
    table = read_table(session, ref)
    return dict(zip(table["id"].to_pylist(), table["fare"].to_pylist(), strict=True))


def test_a_main_that_stood_still_takes_the_branch_over(trips: Session) -> None:
    theirs = upserted(trips, "cleaning", table_of({5: 50.0}))
    made = merge(trips, "trips", "cleaning")
    assert (made.number, made.digest, made.branch) == (3, theirs.digest, "main")
    assert (made.parent and made.parent.version, made.merged) == ("1", theirs.ref)
    with trips.begin(write=False) as scope:
        assert [one.number for one in log(scope, "trips").items] == [3, 1]


def test_what_both_changed_in_different_rows_is_all_there(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0, 40: 400.0}))
    deleted(trips, "cleaning", keys_of(9))
    upserted(trips, "main", table_of({1: 10.0, 41: 410.0}))
    deleted(trips, "main", keys_of(2))
    made = merge(trips, "trips", "cleaning")
    before = rows(trips, "trips@1")
    changed = before | {5: 50.0, 40: 400.0, 1: 10.0, 41: 410.0}
    assert rows(trips) == {key: fare for key, fare in changed.items() if key not in {2, 9}}
    assert made.merged is not None


def test_a_row_that_both_changed_otherwise_is_named_and_nothing_is_written(
    trips: Session,
) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0, 6: 60.0, 7: 70.0}))
    upserted(trips, "main", table_of({5: 51.0, 7: 70.0}))
    deleted(trips, "main", keys_of(6))
    with pytest.raises(Conflict, match="2 rows were changed in dataset:trips@4") as raised:
        merge(trips, "trips", "cleaning")
    assert "(id=5), (id=6)" in str(raised.value)
    assert "(id=7)" not in str(raised.value)
    with trips.begin(write=False) as scope:
        assert get_version(scope, "trips").number == 4


def test_a_conflict_is_solved_by_making_the_rows_the_same(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0}))
    upserted(trips, "main", table_of({5: 51.0}))
    upserted(trips, "cleaning", table_of({5: 51.0, 1: 11.0}))
    merge(trips, "trips", "cleaning")
    assert (rows(trips)[5], rows(trips)[1]) == (51.0, 11.0)


def test_a_branch_goes_on_after_its_merge_and_is_merged_again(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0}))
    upserted(trips, "main", table_of({1: 10.0}))
    merge(trips, "trips", "cleaning")
    upserted(trips, "main", table_of({5: 55.0}))  # main's later word on what was merged
    upserted(trips, "cleaning", table_of({6: 60.0}))
    merge(trips, "trips", "cleaning")
    assert [rows(trips)[key] for key in (1, 5, 6)] == [10.0, 55.0, 60.0]


def test_a_branch_that_is_in_changes_nothing(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0}))
    made = merge(trips, "trips", "cleaning")
    assert merge(trips, "trips", "cleaning") == made


def test_main_is_brought_into_a_branch(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0}))
    upserted(trips, "main", table_of({1: 10.0}))
    made = merge(trips, "trips", "main", into="cleaning")
    assert (made.branch, rows(trips, "trips@cleaning")[1]) == ("cleaning", 10.0)
    assert rows(trips)[5] == 5.0


def test_what_a_merge_does_not_touch_is_shared(trips: Session) -> None:
    upserted(trips, "cleaning", table_of({5: 50.0}))
    ours = upserted(trips, "main", table_of({1: 10.0}))
    made = merge(trips, "trips", "cleaning")
    shared = {file.digest for file in made.files} & {file.digest for file in ours.files}
    assert len(shared) == len(ours.files) - 1


def test_without_a_key_only_a_main_that_stood_still_is_merged(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with session.begin() as scope:
        branch(scope, "trips", "cleaning")
    committed(session, "cleaning", TRIPS.slice(0, 5))
    assert merge(session, "trips", "cleaning").rows == 5
    committed(session, "cleaning", TRIPS.slice(0, 4))
    commit_table(session, "trips", TRIPS)
    with pytest.raises(Invalid, match="dataset:trips has no key"):
        merge(session, "trips", "cleaning")


def test_branches_of_other_columns_are_not_merged_row_by_row(trips: Session) -> None:
    wider = TRIPS.append_column("tip", pa.array([1.0] * 9))
    committed_wider(trips, wider)
    upserted(trips, "main", table_of({1: 10.0}))
    with pytest.raises(Invalid, match="have other columns than dataset:trips@1"):
        merge(trips, "trips", "cleaning")


def committed_wider(session: Session, table: pa.Table) -> None:
    committed(session, "cleaning", table, evolve=True)  # type: ignore[arg-type]


def test_what_is_expected_holds_of_the_rows_together(trips: Session) -> None:
    with trips.begin() as scope:
        expectation = Expectation(max_rows=10)
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=(expectation,)))
    upserted(trips, "cleaning", table_of({40: 1.0}))
    upserted(trips, "main", table_of({41: 1.0}))
    with pytest.raises(Refused, match="rows <= 10"):
        merge(trips, "trips", "cleaning")


def test_an_unknown_branch_is_not_merged(trips: Session) -> None:
    with pytest.raises(NotFound, match="has no branch 'other'"):
        merge(trips, "trips", "other")
    with pytest.raises(NotFound, match="has no branch 'other'"):
        merge(trips, "trips", "cleaning", into="other")


def test_nobody_merges_without_the_permission(house: House, trips: Session) -> None:
    with pytest.raises(Denied, match="dataset:"):
        merge(house.session(actor=ANONYMOUS), "trips", "cleaning")


NUMBERS = count(1)  # of the branches that are made
PUT = st.dictionaries(st.integers(1, 14), st.integers(0, 3), max_size=5)
GONE = st.sets(st.integers(1, 14), max_size=4)
START = {key: float(key) for key in range(1, 10)}


def changed(start: dict[int, float], put: dict[int, int], gone: set[int]) -> dict[int, float]:
    rows = start | {key: float(fare) for key, fare in put.items()}
    return {key: fare for key, fare in rows.items() if key not in gone}


def merged(ours: dict[int, float], theirs: dict[int, float]) -> dict[int, float] | None:
    """Merge row by row; None: there is a conflict."""
    result = {}
    for key in range(1, 15):
        was, our, their = START.get(key), ours.get(key), theirs.get(key)
        if was != our != their != was:
            return None
        if (kept := their if our == was else our) is not None:
            result[key] = kept
    return result


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(puts=st.tuples(PUT, PUT), gone=st.tuples(GONE, GONE))
def test_a_merge_is_what_comparing_row_by_row_gives(
    trips: Session,
    puts: tuple[dict[int, int], dict[int, int]],
    gone: tuple[set[int], set[int]],
) -> None:
    name = f"b{next(NUMBERS)}"
    commit_table(trips, "trips", TRIPS)
    with trips.begin() as scope:
        branch(scope, "trips", name)
    for line, put, away in zip(("main", name), puts, gone, strict=True):
        if put:
            upserted(trips, line, table_of({key: float(fare) for key, fare in put.items()}))
        if away and set(rows(trips, f"trips@{line}")) - away:
            deleted(trips, line, keys_of(*away))
    ours, theirs = rows(trips), rows(trips, f"trips@{name}")
    expected = merged(ours, theirs)
    if expected is None:
        with pytest.raises(Conflict, match="changed in"):
            merge(trips, "trips", name)
    elif expected:
        merge(trips, "trips", name)
        assert rows(trips) == expected


def test_the_oracle_finds_what_it_should() -> None:
    assert merged(changed(START, {1: 3}, set()), changed(START, {}, {9}))  == {
        **{key: float(key) for key in range(2, 9)}, 1: 3.0,
    }  # fmt: skip
    assert merged(changed(START, {1: 3}, set()), changed(START, {1: 2}, set())) is None
