import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    Commit,
    DatasetSpec,
    commit,
    commit_table,
    declare,
    delete_keys,
    diff,
    paths,
    upsert_table,
)

OLD = pa.table({"id": [1, 2, 3], "fare": [1.0, 2.0, 3.0]})
NEW = pa.table({"id": [2, 3, 4], "fare": [2.0, 3.5, 4.0]})


def test_rows_are_compared_by_key(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    commit_table(session, "trips", OLD)
    commit_table(session, "trips", NEW)
    found = diff(session, "trips@1", "trips")
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (1, 1, 1)


def test_without_a_key_a_change_is_one_out_and_one_in(session: Session) -> None:
    commit_table(session, "trips", OLD)
    commit_table(session, "trips", NEW)
    found = diff(session, "trips@1", "trips@2")
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (2, 2, None)


def test_an_append_shares_files_and_adds_its_rows(session: Session) -> None:
    commit_table(session, "trips", OLD)
    commit_table(session, "trips", NEW, mode="append")
    found = diff(session, "trips@1", "trips@2")
    assert (found.rows_added, found.rows_removed, found.files_shared) == (3, 0, 1)
    assert found.bytes_added > 0


def test_columns_that_came_went_and_changed_are_named(session: Session) -> None:
    commit_table(session, "trips", OLD)
    digest = store_bytes(session.drivers.blobs, b"id,tip\nx,5\n")
    commit(session, Commit(name="trips", files=(digest,), format="csv", evolve=True))
    found = diff(session, "trips@1", "trips@2")
    assert [column.name for column in found.columns_added] == ["tip"]
    assert [column.name for column in found.columns_removed] == ["fare"]
    assert [(column.name, column.type) for column in found.columns_retyped] == [("id", "string")]


def test_versions_of_two_datasets_are_not_compared(session: Session) -> None:
    commit_table(session, "trips", OLD)
    commit_table(session, "rentals", NEW)
    with pytest.raises(Invalid, match="two datasets"):
        diff(session, "trips", "rentals")


def keyed(session: Session, *expected: str) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=expected or ("id",)))


def test_some_rows_of_each_kind_are_shown_as_they_were_and_are(session: Session) -> None:
    keyed(session)
    commit_table(session, "trips", OLD)
    commit_table(session, "trips", NEW)
    found = diff(session, "trips@1", "trips@2")
    assert [(one.what, one.before, one.after) for one in found.samples] == [
        ("added", None, {"id": 4, "fare": 4.0}),
        ("removed", {"id": 1, "fare": 1.0}, None),
        ("changed", {"id": 3, "fare": 3.0}, {"id": 3, "fare": 3.5}),
    ]


def test_at_most_five_rows_of_a_kind_are_shown_those_of_the_least_keys(session: Session) -> None:
    keyed(session, "city", "id")
    rows = pa.table({"id": range(40), "city": ["Ulm", "Bonn"] * 20, "fare": [1.0] * 40})
    commit_table(session, "trips", rows)
    other = rows.set_column(2, "fare", pa.array([2.0] * 40))
    commit_table(session, "trips", other)
    found = diff(session, "trips@1", "trips@2")
    assert found.rows_changed == 40
    assert [one.after and one.after["id"] for one in found.samples] == [1, 3, 5, 7, 9]


def test_a_column_whose_figures_moved_is_named_with_both(session: Session) -> None:
    keyed(session)
    commit_table(session, "trips", OLD)
    commit_table(session, "trips", pa.table({"id": [1, 2, 3], "fare": [1.0, None, 7.0]}))
    (changed,) = diff(session, "trips@1", "trips@2").columns_changed
    assert (changed.name, changed.before.nulls, changed.after.nulls) == ("fare", 0, 1)
    assert (changed.before.maximum, changed.after.maximum) == (3.0, 7.0)


def test_missing_values_and_no_numbers_are_equal_to_themselves(session: Session) -> None:
    keyed(session)
    odd = pa.table({"id": [1, 2, 3], "fare": [None, float("nan"), 0.0]})
    commit_table(session, "trips", odd)
    one_more = pa.table({"id": [1, 2, 3, 4], "fare": [None, float("nan"), -0.0, None]})
    commit_table(session, "trips", one_more)
    found = diff(session, "trips@1", "trips@2")
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (1, 0, 0)


def test_a_column_that_came_later_is_no_change_of_old_rows(session: Session) -> None:
    keyed(session)
    commit_table(session, "trips", OLD)
    tip = store_bytes(session.drivers.blobs, b"id,fare,tip\n9,9.0,1\n")
    wish = Commit(name="trips", files=(tip,), format="csv", mode="append", evolve=True)
    commit(session, wish)
    upsert_table(session, "trips", pa.table({"id": [2], "fare": [2.5], "tip": [None]},
                 schema=OLD.schema.append(pa.field("tip", pa.int64()))))  # fmt: skip
    found = diff(session, "trips@2", "trips@3")
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (0, 0, 1)
    (sample,) = found.samples
    assert (sample.before, sample.after) == (
        {"id": 2, "fare": 2.0},
        {"id": 2, "fare": 2.5, "tip": None},
    )


def test_an_unchanged_part_is_not_read(session: Session) -> None:
    keyed(session)
    first = commit_table(session, "trips", OLD)
    commit_table(session, "trips", pa.table({"id": [8, 9], "fare": [8.0, 9.0]}), mode="append")
    delete_keys(session, "trips", pa.table({"id": [9]}))
    for path in paths(session, first):
        path.unlink()
    found = diff(session, "trips@2", "trips@3")
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (0, 1, 0)


def test_a_column_of_another_type_is_compared_by_its_values(session: Session) -> None:
    keyed(session)
    commit_table(session, "trips", OLD)
    digest = store_bytes(session.drivers.blobs, b"id,fare\n1,1\n2,2\n3,4\n")
    commit(session, Commit(name="trips", files=(digest,), format="csv", evolve=True))
    found = diff(session, "trips@1", "trips@2")
    assert [column.name for column in found.columns_retyped] == ["fare"]
    assert found.rows_changed == 1
