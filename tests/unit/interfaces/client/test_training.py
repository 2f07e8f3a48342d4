from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid
from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle.features import Entity, inputs_of
from bucle.testing.houses import open_test_house

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def client(tmp_path):
    house = open_test_house(tmp_path / "home")
    client = Client(InProcess(house.session()))
    client.dataset("payments").commit(
        [
            {"card": 1, "at": NOON, "amount": 2.5, "booked": NOON},
            {"card": 1, "at": NOON, "amount": 3.5, "booked": NOON + 2 * HOUR},
        ]
    )
    client.features.register(
        "spending", entity=Entity(name="card", keys=("card",)), source="payments", time="at",
        created="booked", columns=["amount"], owner="me", description="Spending",
    )  # fmt: skip
    yield client
    house.close()


def test_a_training_set_has_what_was_known_or_what_is_known_today(client):
    asked = [{"card": 1, "at": NOON + HOUR}, {"card": 1, "at": NOON + 2 * HOUR}]
    assert client.training_set(asked, ["spending"])["amount"].to_pylist() == [2.5, 3.5]
    today = client.training_set(asked, ["spending"], known=False)
    assert today["amount"].to_pylist() == [3.5, 3.5]


@pytest.mark.parametrize("name", ["asked.parquet", "asked.csv"])
def test_a_file_of_entities_becomes_a_file_of_features(client, tmp_path: Path, name):
    path, made = tmp_path / name, tmp_path / "made.parquet"
    if name.endswith("csv"):
        path.write_text("card,at\n1,2026-01-01T13:00:00Z\n2,2026-01-01T13:00:00Z\n")
    else:
        pq.write_table(pa.table({"card": [1, 2], "at": [NOON + HOUR] * 2}), path)
    told = client.write_training_set(path, ["spending"], made)
    table = pq.read_table(made)
    assert table["amount"].to_pylist() == [2.5, None]
    assert (told.rows, told.columns) == (2, ("card", "at", "amount"))
    assert told.inputs == inputs_of(table)


def test_a_file_that_is_not_there_or_has_no_such_moments_is_told(client, tmp_path: Path):
    made = tmp_path / "made.parquet"
    with pytest.raises(Invalid, match=r"asked.parquet is not a file"):
        client.write_training_set(tmp_path / "asked.parquet", ["spending"], made)
    moments = pa.array([1_000_000_001], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"card": [1], "at": moments}), tmp_path / "asked.parquet")
    with pytest.raises(Invalid, match=r"column 'at' of asked.parquet: row 1 holds"):
        client.write_training_set(tmp_path / "asked.parquet", ["spending"], made)
    assert not made.exists()
