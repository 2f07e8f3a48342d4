import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bucle.base.errors import Invalid
from bucle.drivers.online import open_online
from bucle.interfaces.cli.main import run
from bucle.interfaces.client import Client, connect
from bucle.lifecycle.features import Aggregation, Entity, online_view

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = START + timedelta(hours=12)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        rows = [{"card": n % 3, "at": START + timedelta(hours=n), "amount": n} for n in range(9)]
        client.dataset("payments").commit(rows)
        client.call(
            "features.register",
            name="spending",
            entity=Entity(name="card", keys=("card",)),
            source="payments",
            time="at",
            aggregations=[Aggregation(function="count", window="4h")],
            owner="me",
            description="Spending",
        )
        client.call("features.materialize", ref="spending", until=NOON)
        yield client


def test_a_view_is_compared_and_what_was_found_is_listed(client: Client) -> None:
    found = client.call("features.parity", ref="spending", entities=2, moments=9, seed=3)
    assert (found.ok, found.spec.seed) == (True, 3)
    assert {path.path for path in found.paths} == {"online", "replay"}
    assert client.call("features.parities", ref="spending").items == (found,)
    assert client.call("features.parities").items == (found,)


def test_a_view_that_differs_stops_a_script(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["features", "parity", "spending"]) == 0
    view = client.call("features.get", ref="spending")
    online = open_online(f"lmdb://{tmp_path / 'home' / 'online'}")
    online.clear(online_view(view.view, view.ref, client.project).table)
    online.close()
    capsys.readouterr()
    assert run(["features", "parity", "spending", "--json"]) != 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert "materialize it again" in said["verdicts"][0]["note"]


@pytest.mark.parametrize("wrong", [{"entities": 0}, {"moments": 0}, {"tolerance": -1.0}])
def test_nothing_to_compare_is_refused_at_the_door(client: Client, wrong: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        client.call("features.parity", ref="spending", **wrong)


def test_an_online_answer_says_as_of_when(client: Client) -> None:
    read = client.call("features.online", ref="spending", keys=[[0]])
    assert read.as_of == NOON
    assert read.age_s == pytest.approx((datetime.now(UTC) - NOON).total_seconds(), abs=60)


def test_an_answer_of_a_view_that_was_never_materialized_has_no_age(client: Client) -> None:
    view = client.call("features.get", ref="spending").view
    client.call(
        "features.register",
        name="other",
        entity=view.entity,
        source="payments",
        time="at",
        columns=["amount"],
        owner="me",
        description="Other",
    )
    read = client.call("features.online", ref="other", keys=[[0]])
    assert (read.as_of, read.age_s, read.rows) == (None, None, [{"amount": None}])
