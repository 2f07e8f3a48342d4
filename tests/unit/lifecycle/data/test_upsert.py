"""Rows are changed by key, and only the files that hold them are written anew."""

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.audit.read import list_events
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    Commit,
    DataFile,
    DatasetSpec,
    Expectation,
    commit_table,
    declare,
    delete,
    delete_keys,
    get_version,
    read_table,
    upsert_table,
)
from bucle.lifecycle.data import parquet as parquet_room

TRIPS = pa.table({"id": range(1, 10), "fare": [float(n) for n in range(1, 10)]})


@pytest.fixture
def trips(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A dataset of nine rows in three files."""
    monkeypatch.setattr(parquet_room, "ROWS_PER_FILE", 3)
    with session.begin() as scope:
        expectation = Expectation(column="fare", min=0)
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=(expectation,)))
    assert len(commit_table(session, "trips", TRIPS).files) == 3
    return session


def rows(session: Session, ref: str = "trips") -> dict[int, float]:
    table = read_table(session, ref)
    return dict(zip(table["id"].to_pylist(), table["fare"].to_pylist(), strict=True))


def table_of(**columns: list[object]) -> pa.Table:
    return pa.table(columns, schema=TRIPS.schema)


def test_rows_take_the_place_of_those_with_their_keys_and_the_rest_is_added(
    trips: Session,
) -> None:
    made = upsert_table(trips, "trips", table_of(id=[5, 42], fare=[50.0, 420.0]))
    assert (made.number, made.rows) == (2, 10)
    assert rows(trips) == rows(trips, "trips@1") | {5: 50.0, 42: 420.0}
    with trips.begin(write=False) as scope:
        (event, *_) = list_events(scope).items
    assert (event.type, event.body["mode"], event.body["added_rows"]) == (
        "dataset.committed", "upsert", 2,
    )  # fmt: skip


def test_only_the_files_that_hold_a_changed_row_are_written_anew(trips: Session) -> None:
    made = upsert_table(trips, "trips", table_of(id=[5], fare=[50.0]))
    first = [file.digest for file in read_files(trips, "trips@1")]
    now = [file.digest for file in made.files]
    assert (now[0], now[2]) == (first[0], first[2])
    assert (now[1] != first[1], len(now)) == (True, 4)


def test_the_rest_of_a_file_stays_in_its_order(trips: Session) -> None:
    upsert_table(trips, "trips", table_of(id=[5], fare=[50.0]))
    assert read_table(trips, "trips")["id"].to_pylist() == [1, 2, 3, 4, 6, 7, 8, 9, 5]


def test_the_same_rows_again_make_no_new_version(trips: Session) -> None:
    change = table_of(id=[5, 42], fare=[50.0, 420.0])
    made = upsert_table(trips, "trips", change)
    assert upsert_table(trips, "trips", change) == made
    upsert_table(trips, "trips", table_of(id=[1], fare=[10.0]))
    assert upsert_table(trips, "trips", change).number == 3


def test_into_an_empty_dataset_rows_are_committed(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    assert upsert_table(session, "trips", TRIPS).rows == 9


def test_two_rows_of_one_key_are_refused(trips: Session) -> None:
    with pytest.raises(Refused, match="2 rows have the key id=5"):
        upsert_table(trips, "trips", table_of(id=[5, 5], fare=[1.0, 2.0]))


def test_an_expectation_refuses_an_upsert_too(trips: Session) -> None:
    with pytest.raises(Refused, match="fare >= 0"):
        upsert_table(trips, "trips", table_of(id=[5], fare=[-5.0]))
    assert rows(trips)[5] == 5.0


def test_without_a_key_rows_can_not_be_told_apart(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with pytest.raises(Invalid, match="dataset:trips has no key") as raised:
        upsert_table(session, "trips", TRIPS)
    assert raised.value.hint == "declare it: bucle data declare trips --key <column>"


def test_a_column_too_many_is_refused(trips: Session) -> None:
    with pytest.raises(Invalid, match="more than the dataset: column 'tip'"):
        upsert_table(trips, "trips", pa.table({"id": [1], "fare": [1.0], "tip": [1]}))


def test_keys_in_a_csv_take_rows_out(trips: Session) -> None:
    digest = store_bytes(trips.drivers.blobs, b"id,why\n2,wrong\n9,wrong\n77,never there\n")
    wish = Commit(name="trips", files=(digest,), names=("keys.csv",), format="csv")
    made = delete(trips, wish)
    assert (made.rows, set(rows(trips))) == (7, {1, 3, 4, 5, 6, 7, 8})
    assert set(rows(trips, "trips@1")) == set(range(1, 10))
    assert made.files[1] in read_files(trips, "trips@1")


def test_a_file_of_which_nothing_is_left_is_gone(trips: Session) -> None:
    made = delete_keys(trips, "trips", pa.table({"id": [4, 5, 6]}))
    assert (len(made.files), made.rows) == (2, 6)


def test_keys_that_no_row_has_change_nothing(trips: Session) -> None:
    assert delete_keys(trips, "trips", pa.table({"id": [77, 78]})).number == 1


def test_the_last_row_is_not_taken_out(trips: Session) -> None:
    with pytest.raises(Invalid, match="no row of dataset:trips@1 would be left"):
        delete_keys(trips, "trips", pa.table({"id": range(20)}))


def test_keys_without_their_column_are_refused(trips: Session) -> None:
    with pytest.raises(Invalid, match="the table lacks 'id', a column of the key"):
        delete_keys(trips, "trips", pa.table({"number": [1]}))


def test_nothing_is_taken_out_of_a_dataset_without_rows(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    with pytest.raises(NotFound, match="dataset:trips has no rows"):
        delete_keys(session, "trips", pa.table({"id": [1]}))


def test_fewer_rows_than_expected_refuse_a_deletion(session: Session) -> None:
    with session.begin() as scope:
        expectations = (Expectation(min_rows=9),)
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=expectations))
    commit_table(session, "trips", TRIPS)
    with pytest.raises(Refused, match="rows >= 9"):
        delete_keys(session, "trips", pa.table({"id": [1]}))


def test_a_change_upon_another_head_than_it_says_is_a_conflict(trips: Session) -> None:
    upsert_table(trips, "trips", table_of(id=[5], fare=[50.0]))
    with pytest.raises(Conflict, match="at dataset:trips@2"):
        delete_keys(trips, "trips", pa.table({"id": [1]}), if_head="1")


def test_nobody_changes_rows_without_the_permission(house: House, trips: Session) -> None:
    with pytest.raises(Denied, match="dataset:write"):
        upsert_table(house.session(actor=ANONYMOUS), "trips", TRIPS)
    with pytest.raises(Denied, match="dataset:write"):
        delete_keys(house.session(actor=ANONYMOUS), "trips", pa.table({"id": [1]}))


CHANGES = st.lists(
    st.tuples(
        st.booleans(),
        st.dictionaries(st.integers(0, 25), st.integers(0, 9), min_size=1, max_size=6),
    ),
    max_size=5,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes=CHANGES)
def test_any_row_of_changes_leaves_what_a_dictionary_would_hold(
    trips: Session, changes: list[tuple[bool, dict[int, int]]]
) -> None:
    commit_table(trips, "trips", TRIPS)
    held = rows(trips)
    for puts, change in changes:
        if puts:
            fares = [float(fare) for fare in change.values()]
            upsert_table(trips, "trips", table_of(id=list(change), fare=list(fares)))
            held |= {key: float(fare) for key, fare in change.items()}
        elif set(held) - set(change):
            delete_keys(trips, "trips", pa.table({"id": list(change)}))
            held = {key: fare for key, fare in held.items() if key not in change}
        assert rows(trips) == held


def read_files(session: Session, ref: str) -> tuple[DataFile, ...]:
    with session.begin(write=False) as scope:
        return get_version(scope, ref).files
