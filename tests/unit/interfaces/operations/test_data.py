from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.interfaces.client import Client, connect
from bucle.lifecycle.data import Expectation
from bucle.lifecycle.features import Aggregation, Entity, inputs_of

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        yield client


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    path = tmp_path / "trips.csv"
    path.write_text("id,fare\n1,4.5\n2,6\n")
    return path


def test_a_file_is_committed_in_the_format_that_its_name_says(client: Client, trips: Path) -> None:
    version = client.call("data.commit", name="trips", files=[trips], message="first")
    assert (version.rows, version.message) == (2, "first")
    assert client.call("data.get", ref="trips@1") == version
    assert client.call("data.log", name="trips").items == (version,)
    assert client.call("data.files", ref="trips") == version.files
    assert [found.ref.name for found in client.call("data.list").items] == ["trips"]


def test_a_file_whose_name_says_nothing_needs_a_format(client: Client, trips: Path) -> None:
    plain = trips.rename(trips.with_suffix(".dat"))
    with pytest.raises(Invalid, match=r"'trips\.dat' does not say its format"):
        client.call("data.commit", name="trips", files=[plain])
    assert client.call("data.commit", name="trips", files=[plain], format="csv").rows == 2


def test_rows_are_read_as_json_with_a_condition_and_a_limit(client: Client, trips: Path) -> None:
    client.call("data.commit", name="trips", files=[trips])
    found = client.call("data.read", ref="trips", columns=["id"], where="fare > 5", limit=1)
    assert (found.total, found.rows) == (2, [{"id": 2}])


def test_files_are_judged_without_being_committed(client: Client, trips: Path) -> None:
    client.call("data.declare", name="trips", expectations=[Expectation(column="fare", max=5)])
    report = client.call("data.check", name="trips", files=[trips])
    assert (report.ok, report.samples) == (False, ("fare <= 5: row 2: fare=6.0",))
    with pytest.raises(Refused, match="fare <= 5"):
        client.call("data.commit", name="trips", files=[trips])
    assert client.call("data.list").items[0].head is None


def test_versions_are_tagged_compared_and_profiled(client: Client, trips: Path) -> None:
    client.call("data.commit", name="trips", files=[trips])
    client.call("data.tag", ref="trips@1", tag="golden")
    trips.write_text("id,fare\n1,4.5\n")
    client.call("data.commit", name="trips", files=[trips])
    assert client.call("data.diff", left="trips@golden", right="trips").rows_removed == 1
    assert client.call("data.profile", ref="trips@golden").column("fare").maximum == 6.0
    assert client.call("data.check", name="trips").rows == 1


def test_a_version_whose_columns_came_later_is_read_whole(client: Client) -> None:
    trips = client.dataset("trips")
    trips.commit([{"id": 1}])
    trips.commit([{"id": 2, "tip": 0.5}], mode="append", evolve=True)
    assert trips.read().to_pylist() == [{"id": 1, "tip": None}, {"id": 2, "tip": 0.5}]


def test_features_are_registered_trained_on_materialized_and_read_online(client: Client) -> None:
    rows = [{"card": n % 2, "at": START + timedelta(hours=n), "amount": float(n)} for n in range(9)]
    client.dataset("payments").commit(rows)
    made = client.call(
        "features.register",
        name="spending",
        entity=Entity(name="card", keys=("card",)),
        source="payments",
        time="at",
        columns=["amount"],
        aggregations=[Aggregation(function="count", window="4h")],
        owner="me",
        description="Spending",
    )
    assert client.call("features.get", ref="spending") == made
    assert client.call("features.list").items == (made,)
    noon = START + timedelta(hours=12)
    entities = pa.table({"card": [1, 0, 7], "at": [noon - timedelta(hours=6), noon, noon]})
    table = client.training_set(entities, ["spending"])
    assert table["amount"].to_pylist() == [5.0, 8.0, None]
    assert table["count_4h"].to_pylist() == [2, 0, 0]
    assert [str(ref) for ref in inputs_of(table)] == ["dataset:payments@1", str(made.ref)]
    assert client.call("features.materialize", ref="spending", until=noon).rows == 2
    online = client.call("features.online", ref="spending", keys=[[0], [7]])
    assert online.rows == [{"amount": 8.0, "count_4h": 0}, {"amount": None, "count_4h": 0}]
