"""Control draws datasets unasked: by schedule, when events come, and less often if it fails."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bucle.base.clock import ManualClock
from bucle.base.errors import Invalid
from bucle.control.jobs import Job, list_jobs
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import parse_project
from bucle.governance.audit.read import last_of
from bucle.governance.session import House, Session
from bucle.lifecycle import data
from bucle.lifecycle.features.transport import send
from bucle.testing.houses import open_test_house
from tests.support.control import settle
from tests.unit.lifecycle.data.sourcing.shop import (
    Shop,
    declare,
    ids,
    report,
    sqlite_shop,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = """
version: 1
project: default
datasets:
  orders:
    key: [id]
    source: {url: "URL", table: orders, watermark: at, schedule: "0 * * * *"}
  clicks:
    source: {url: "topic:clicks"}
reconcile: {every: 30d}
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_test_house(tmp_path / "home", start=NOW)
    yield opened
    opened.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    opened = sqlite_shop(tmp_path)
    yield opened
    opened.close()


def later(house: House, **by: float) -> None:
    assert isinstance(house.drivers.clock, ManualClock)
    house.drivers.clock.advance(timedelta(**by))
    settle(house)


def pulls(session: Session) -> list[Job]:
    with session.begin(write=False) as scope:
        return [job for job in list_jobs(scope).items if job.kind == "data.pull"]


def test_a_declared_source_is_drawn_by_its_schedule(house: House, shop: Shop):
    session = house.session()
    shop.add((1, "2026-03-01 10:00:00", 1.5, "a"))
    apply_project(session, parse_project(TEXT.replace("URL", shop.url)), "")
    settle(house)
    assert pulls(session) == []
    later(house, hours=1)
    assert (ids(session), report(session).pulled_at) == ([1], NOW + timedelta(hours=1))
    shop.add((2, "2026-03-01 10:00:00", 1.5, "b"))
    later(house, minutes=30)
    assert ids(session) == [1]
    later(house, minutes=30)
    assert ids(session) == [1, 2]
    # Declared without a source, it is drawn no more.
    bare = "version: 1\nproject: default\ndatasets: {orders: {key: [id]}, clicks: {}}\n"
    apply_project(session, parse_project(bare), "")
    later(house, hours=1)
    assert len(pulls(session)) == 2


def test_a_source_that_was_declared_by_hand_is_drawn_without_a_project_file(
    house: House, shop: Shop
):
    session = house.session()
    shop.add((1, "2026-03-01 10:00:00", 1.5, "a"))
    declare(session, shop.url, table="orders", watermark="at", schedule="10m")
    settle(house)
    later(house, minutes=10)
    assert ids(session) == [1]
    with session.begin() as scope:
        data.remove_source(scope, "orders")
    settle(house)
    later(house, minutes=10)
    assert len(pulls(session)) == 1


def test_events_that_were_sent_are_drawn_at_once(house: House, shop: Shop):
    session = house.session()
    apply_project(session, parse_project(TEXT.replace("URL", shop.url)), "")
    send(session, "clicks", [{"id": 7}])
    settle(house)
    assert ids(session, "clicks") == [7]


def test_a_source_that_fails_rests_longer_each_time_and_its_fact_is_told_once(house: House):
    session = house.session()
    url = "postgresql://ana@127.0.0.1:1/shop"
    declare(session, url, table="orders", schedule="10s")
    settle(house)
    for _ in range(30):
        later(house, seconds=10)
    # Five minutes of a schedule of ten seconds: three attempts, rests of 2 and of 4 minutes.
    assert 3 <= report(session).failures <= 7
    with session.begin(write=False) as scope:
        fact = last_of(scope, "dataset.pull_failed")
        assert fact is not None
        number = fact.number
    later(house, hours=2)
    with session.begin(write=False) as scope:
        again = last_of(scope, "dataset.pull_failed")
    assert again is not None
    assert again.number == number
    assert "did not answer" in report(session).error


def test_files_that_arrive_are_drawn_and_run_what_waits_for_rows(house: House, tmp_path: Path):
    session = house.session()
    folder = tmp_path / "in"
    folder.mkdir()
    text = f"""
version: 1
project: default
datasets:
  orders: {{source: {{url: "file://{folder}/*.csv", settle: 0s, schedule: 1m}}}}
pipelines: {{train: {{run: "loop:train"}}}}
triggers: {{fresh: {{on: new_data, dataset: orders, run: train}}}}
reconcile: {{every: 30d}}
"""
    apply_project(session, parse_project(text), "")
    settle(house)
    (folder / "a.csv").write_text("id\n1\n")
    (folder / "b.csv").write_text("")
    later(house, minutes=1)
    assert ids(session) == [1]
    with session.begin(write=False) as scope:
        fired = last_of(scope, "trigger.fired")
    assert fired is not None
    assert fired.body["cause"] == "dataset:orders@1: 1 new rows"
    assert (pulls(session)[0].result or {})["broken"] == [f"file://{folder}/b.csv"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{url: "topic:t", schedule: "99 * * * *"}', "in datasets.orders.source: '99"),
        ('{url: "postgresql://a:b@c/d", table: t}', "a password is written out"),
        ('{url: "topic:t", colour: red}', "'colour' is not known"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(source: str, said: str):
    text = f"version: 1\nproject: default\ndatasets:\n  orders:\n    source: {source}\n"
    with pytest.raises(Invalid, match=rf"bucle.yaml:5: .*{said}"):
        parse_project(text)
