"""Who reads a view, what it costs, and how it moved, as people ask for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bucle
from bucle.base.errors import Invalid, NotFound
from bucle.interfaces.client import Client, connect

NOW = datetime.now(UTC)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return a client of an installation with two views, one computed from the other."""
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path))
    monkeypatch.setenv("BUCLE_ONLINE_URL", "memory:")
    with connect() as opened:
        opened.dataset("payments").commit(
            [{"card": n % 5, "at": NOW - timedelta(hours=n), "amount": float(n)} for n in range(50)]
        )
        opened.features.register(
            "spending",
            entity=bucle.Entity(name="card", keys=("card",)),
            source="payments",
            time="at",
            aggregations=[bucle.Aggregation(function="mean", column="amount", window="9d")],
            owner="ann",
            description="What a card spent",
        )
        opened.features.register(
            "ratios",
            inputs=["spending"],
            request={"amount": "float64"},
            on_demand=[bucle.OnDemand(name="ratio", sql="amount / amount_mean_9d")],
            owner="bob",
            description="Now beside before",
        )
        yield opened


def test_the_unused_views_come_first_and_readers_are_named(client: Client) -> None:
    client.features.materialize("spending")
    ratios, spending = client.features.usage()
    assert (str(ratios.view), ratios.is_unused, ratios.cpu_s) == ("feature_view:ratios@1", True, 0)
    assert [str(ref) for ref in spending.views] == ["feature_view:ratios@1"]
    assert (spending.is_unused, spending.entities) == (False, 5)
    assert spending.cpu_s > 0
    assert spending.written_bytes > 50
    with bucle.run("train", client=client):
        bucle.training_set([{"card": 1, "at": NOW, "amount": 3.0}], ["ratios"])
    assert client.features.usage("ratios")[0].runs == 1
    assert not client.features.usage("ratios")[0].is_unused


def test_a_request_is_read_with_each_key(client: Client) -> None:
    client.features.materialize("spending")
    read = client.features.online("ratios", keys=[(1,), (2,)], request=[{"amount": 23.5}, {}])
    assert [row["ratio"] for row in read.rows] == [1.0, None]
    with pytest.raises(Invalid, match="the request has 1 rows, and there are 2 keys"):
        client.features.online("ratios", keys=[(1,), (2,)], request=[{"amount": 1.0}])


def test_a_training_set_is_compared_with_what_a_view_looked_like(
    client: Client, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="nobody has looked at feature_view:spending@1"):
        client.features.drift("spending")
    client.features.materialize("spending")
    assert client.features.stats("spending").entities == 5
    assert client.features.drift("spending").ok
    path = tmp_path / "training.parquet"
    pq.write_table(pa.table({"amount_mean_9d": [1e6] * 50}), path)
    assert not client.features.drift("spending", rows=path).ok
    assert len(client.features.looks("spending").items) == 1
