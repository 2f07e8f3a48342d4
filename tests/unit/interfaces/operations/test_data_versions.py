"""The verbs of changing versions, as the client calls them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.base.errors import Conflict, Invalid
from bucle.interfaces.client import Client, connect


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        client.data.declare("trips", key=["id"])
        client.dataset("trips").commit([{"id": 1, "fare": 4.5}, {"id": 2, "fare": 6.0}])
        yield client


def fares(client: Client, ref: str = "trips") -> dict[int, float]:
    return {row["id"]: row["fare"] for row in client.dataset(ref).read().to_pylist()}


def test_rows_are_upserted_and_deleted_by_files(client: Client, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,fare\n2,7\n3,9\n")
    (tmp_path / "keys.csv").write_text("id\n1\n")
    made = client.data.upsert("trips", [tmp_path / "rows.csv"], message="corrected")
    assert (made.rows, made.message) == (3, "corrected")
    assert client.data.delete("trips", [tmp_path / "keys.csv"]).rows == 2
    assert fares(client) == {2: 7.0, 3: 9.0}


def test_a_dataset_in_hand_is_changed_by_tables_and_rows(client: Client) -> None:
    trips = client.dataset("trips")
    trips.upsert([{"id": 2, "fare": 7.0}])
    trips.delete([{"id": 1}])
    assert fares(client) == {2: 7.0}
    with pytest.raises(Invalid, match="no row"):
        trips.delete([{"id": 2}])


def test_a_branch_is_started_committed_to_listed_and_merged(client: Client) -> None:
    trips = client.dataset("trips")
    assert client.data.branch("trips", "cleaning").name == "cleaning"
    trips.upsert([{"id": 2, "fare": 7.0}], branch="cleaning")
    trips.upsert([{"id": 1, "fare": 5.0}])
    assert (fares(client)[2], fares(client, "trips@cleaning")[2]) == (6.0, 7.0)
    heads = {one.name: one.head.version for one in client.data.branches("trips")}
    assert heads == {"main": "3", "cleaning": "2"}
    assert client.data.merge("trips", "cleaning").number == 4
    assert fares(client) == {1: 5.0, 2: 7.0}
    assert [one.number for one in client.data.log("trips", branch="cleaning").items] == [2]


def test_a_conflict_of_a_merge_names_the_keys(client: Client) -> None:
    trips = client.dataset("trips")
    client.data.branch("trips", "cleaning")
    trips.commit([{"id": 2, "fare": 7.0}], branch="cleaning")
    trips.upsert([{"id": 1, "fare": 5.0}])
    with pytest.raises(Conflict, match=r"\(id=1\)"):
        client.data.merge("trips", "cleaning")


def test_a_diff_shows_rows_as_json_has_them(client: Client) -> None:
    client.dataset("trips").upsert([{"id": 2, "fare": 7.0}])
    (changed,) = client.data.diff("trips@1", "trips").samples
    assert (changed.before, changed.after) == ({"id": 2, "fare": 6.0}, {"id": 2, "fare": 7.0})


def test_a_version_is_read_in_batches_and_in_place(client: Client) -> None:
    trips = client.dataset("trips")
    trips.commit([{"id": 3, "fare": 1.0, "tip": 0.5}], mode="append", evolve=True)
    batches = list(trips.batches(rows=1))
    assert [batch.num_rows for batch in batches] == [1, 1, 1]
    assert [batch.column("tip")[0].as_py() for batch in batches] == [None, None, 0.5]
    only = [batch.column("tip").to_pylist() for batch in trips.batches(columns=["tip"])]
    assert only == [[None, None], [0.5]]
    assert [path.is_file() for path in trips.paths()] == [True, True]
    with pytest.raises(Invalid, match="no column 'who'"):
        trips.batches(columns=["who"])
