"""Control and scoring: new rows and events are scored unasked, and the prediction log is kept."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.clock import ManualClock
from bucle.base.codec import to_builtins
from bucle.base.errors import Invalid
from bucle.control.actions import ACTIONS
from bucle.control.jobs import Job, list_jobs
from bucle.control.jobs.worker import Worker
from bucle.control.reactions import react
from bucle.control.reconcile.apply import apply_project, plan_project
from bucle.control.spec.project import parse_project, project_schema
from bucle.control.tick import rules_of, tick
from bucle.governance.audit.records import Event
from bucle.governance.session import House, Session
from bucle.interfaces.operations.call import call
from bucle.interfaces.operations.serving_scoring import Batch, CollectLog, RetainLog, Stream
from bucle.interfaces.operations.table import row_named
from bucle.lifecycle import data
from bucle.lifecycle.features import transport
from bucle.testing.houses import open_test_house
from tests.support.linear import make_home

TEXT = """
version: 1
project: default
datasets: {trips: {}}
models: {demand: {}}
deployments:
  demand: {model: demand, log: {share: 0.5, mask: hash, retention: 90d, collect: 1h}}
scoring:
  trips: {model: demand@2, dataset: trips, columns: [heat]}
  live: {model: demand@1, topic: readings, output: told, log: demand}
  nightly: {model: demand@1, dataset: trips, output: nightly, every: 1d, only_new: false}
reconcile: {every: 30d}
"""
ROWS = pa.table({"heat": [1.0, 2.0], "city": ["here", "there"]})


@pytest.fixture(scope="session")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home to copy."""
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    """Yield an installation in which `demand` has three versions."""
    opened = open_test_house(shutil.copytree(linear_home, tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()


def settle(house: House) -> None:
    """Do rounds and jobs until nothing is left to do."""
    worker = Worker(house, ACTIONS)
    for _ in range(50):
        if not (tick(house.session()) | worker.step()):
            return
    raise AssertionError("control never settles")


def jobs(session: Session, kind: str) -> list[Job]:
    with session.begin(write=False) as scope:
        return list(reversed(list_jobs(scope, kind=kind).items))


def test_new_rows_are_scored_unasked_and_only_they(house: House, session: Session) -> None:
    apply_project(session, parse_project(TEXT), "")
    data.commit_table(session, "trips", ROWS)
    settle(house)
    data.commit_table(session, "trips", ROWS.slice(0, 1), mode="append")
    settle(house)
    done = [job for job in jobs(session, "serving.score") if job.args.get("name") == "trips"]
    assert sorted((job.status, (job.result or {}).get("rows")) for job in done) == [
        ("done", 1),
        ("done", 2),
    ]
    table = data.read_table(session, "trips_scored")
    assert table.column_names == ["heat", "prediction", "model_ref"]
    assert table["prediction"].to_pylist() == [2.0, 4.0, 2.0]


def test_events_are_scored_when_they_come(house: House, session: Session) -> None:
    apply_project(session, parse_project(TEXT), "")
    transport.send(session, "readings", [{"heat": 3.0, "city": "here"}])
    settle(house)
    (record,) = session.drivers.streams.read("default/told", "", 10)
    assert b'"prediction":3.0' in record.value


def test_schedules_score_collect_and_retain(house: House, session: Session) -> None:
    spec = parse_project(TEXT)
    rules = rules_of(spec)
    assert rules["scoring:nightly"] == "every 1d"
    assert rules["log:demand"] == "every 1d"
    assert rules["collect:demand"] == "every 1h"
    assert "scoring:trips" not in rules
    data.commit_table(session, "trips", ROWS)
    apply_project(session, spec, "")
    settle(house)
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    clock.advance(timedelta(days=1, minutes=1))
    settle(house)
    assert data.read_table(session, "nightly")["prediction"].to_pylist() == [1.0, 2.0]
    for kind in ("serving.retain_log", "serving.collect_log"):
        assert {job.status for job in jobs(session, kind)} == {"done"}


def test_declaring_it_twice_changes_nothing(session: Session) -> None:
    spec = parse_project(TEXT)
    apply_project(session, spec, "")
    with session.begin(write=False) as scope:
        assert plan_project(scope, spec).changes == ()


def test_who_declares_no_scoring_has_the_digest_that_they_had() -> None:
    spec = parse_project("version: 1\nproject: default\ndeployments: {}\n")
    assert "scoring" not in to_builtins(spec)
    assert "scoring" in str(project_schema())


@pytest.mark.parametrize(
    ("scoring", "said"),
    [
        ("{x: {model: nobody@1, dataset: trips}}", "no model 'nobody'"),
        ("{x: {model: demand, dataset: nowhere}}", "no dataset 'nowhere'"),
        ("{x: {model: demand, topic: t, log: nobody}}", "no deployment 'nobody'"),
        ("{x: {model: demand}}", "neither a dataset nor a topic"),
        ("{x: {model: demand, dataset: trips, every: often}}", "often"),
        ("{x: {model: demand, dataset: trips, output: trips}}", "its next version"),
        ("{x: {model: demand, dataset: trips, log: demand}}", "not to a prediction log"),
    ],
)
def test_a_mistake_is_told_with_its_place(scoring: str, said: str) -> None:
    text = (
        "version: 1\nproject: default\ndatasets: {trips: {}}\nmodels: {demand: {}}\n"
        f"deployments: {{demand: {{model: demand}}}}\nscoring: {scoring}\n"
    )
    with pytest.raises(Invalid, match=said):
        parse_project(text)


def test_a_word_about_a_column_reaches_the_model_servers(session: Session) -> None:
    now = session.drivers.clock.now()
    event = Event(number=1, id="x", type="dataset.described", ref="dataset:trips", at=now,
                  actor="me", project="default", body={}, digest="", previous="")  # fmt: skip
    (job,) = react(event, parse_project(TEXT), now)
    assert job.kind == "serving.publish"
    plain = parse_project("version: 1\nproject: default\n")
    assert react(event, plain, now) == ()


def test_the_verbs_do_it_by_hand_or_leave_it_to_control(house: House, session: Session) -> None:
    data.commit_table(session, "trips", ROWS)
    ask = Batch(model="demand@3", dataset="trips", output="by_hand")
    done = call(session, row_named("serving.batch"), ask)
    assert done.scored.rows == 2
    queued = Batch(model="demand@3", dataset="trips", output="queued", queue=True)
    assert call(session, row_named("serving.batch"), queued).job is not None
    settle(house)
    assert data.read_table(session, "queued")["prediction"].to_pylist() == [3.0, 6.0]
    transport.send(session, "readings", [{"heat": 3.0, "city": "here"}])
    stream = Stream(topic="readings", model="demand@1", output="told")
    assert call(session, row_named("serving.stream"), stream).events == 1
    assert call(session, row_named("serving.collect_log"), CollectLog(name="demand")).rows == 0
    with pytest.raises(Invalid, match="for ever"):
        call(session, row_named("serving.retain_log"), RetainLog(name="demand"))
