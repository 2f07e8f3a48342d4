import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.session import Session
from bucle.lifecycle.data import Commit, DatasetSpec, commit, commit_table, declare, diff

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
