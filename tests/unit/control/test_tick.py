"""A round of control: each fact is reacted to exactly once, and the status says how far it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bucle.base.errors import NotFound, Refused
from bucle.base.refs import Ref
from bucle.base.usage import Usage
from bucle.control.budget import check_budget, month_start
from bucle.control.fire import fire_by_hand
from bucle.control.jobs import Job, list_jobs
from bucle.control.reconcile.apply import apply_project, plan_project
from bucle.control.reconcile.check import check_reality
from bucle.control.spec.project import parse_project
from bucle.control.spec.records import Budgets, ProjectSpec
from bucle.control.tick import ControlStatus, status, tick
from bucle.governance.audit.read import last_of
from bucle.governance.session import House, Session
from bucle.lifecycle import monitoring
from bucle.testing.houses import open_test_house

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TEXT = """
version: 1
project: default
datasets: {rentals: {}}
pipelines: {train: {run: "loop:train"}}
models: {demand: {pipeline: train}}
deployments: {demand: {model: demand}}
monitors: {demand: {deployment: demand, every: 1d, volume: {}}}
triggers:
  fresh: {on: new_data, dataset: rentals, run: train, min_rows: 2}
  monthly: {on: schedule, cron: "0 3 1 * *", run: train}
reconcile: {every: 30d}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Yield an installation on SQLite, then on PostgreSQL."""
    urls = {}
    if request.param == "postgresql":
        urls = {"database_url": request.getfixturevalue("postgresql_url")}
    opened = open_test_house(tmp_path / "home", start=NOW, **urls)
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()


def applied(session: Session, text: str = TEXT) -> ProjectSpec:
    """Apply declarations, and do rounds until nothing is left to do."""
    spec = parse_project(text)
    apply_project(session, spec, "")
    rounds(session)
    return spec


def rounds(session: Session) -> None:
    """Do rounds until one has nothing to do."""
    for _ in range(10):
        if not tick(session):
            return
    raise AssertionError("the rounds never end")


def jobs(session: Session) -> list[Job]:
    """Return all jobs, oldest first."""
    with session.begin(write=False) as scope:
        return list(reversed(list_jobs(scope).items))


def far(session: Session) -> ControlStatus:
    """Return how far control is."""
    with session.begin(write=False) as scope:
        return status(scope)


def say(session: Session, type_: str, ref: Ref, **body: object) -> None:
    """Leave a fact."""
    with session.begin() as scope:
        scope.record(type_, ref, **body)


def test_without_declarations_there_is_nothing_to_do(session: Session) -> None:
    say(session, "model.registered", Ref("model", "demand", 1))
    assert not tick(session)
    assert far(session).settled


def test_a_fact_is_reacted_to_once_however_many_rounds_follow(session: Session) -> None:
    applied(session)
    say(session, "model.registered", Ref("model", "demand", 1))
    assert not far(session).settled
    rounds(session)
    rounds(session)
    (job,) = jobs(session)
    assert (job.kind, job.args) == ("model.judge", {"ref": "model:demand@1"})
    assert job.cause == "model.registered model:demand@1"


def test_a_round_that_was_cut_off_is_repeated_whole(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied(session)
    say(session, "model.registered", Ref("model", "demand", 1))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bucle.control.triggers.memory.move_cursor", killed)
    with pytest.raises(KeyboardInterrupt):
        tick(session)
    assert jobs(session) == []
    monkeypatch.undo()
    rounds(session)
    assert len(jobs(session)) == 1


def test_a_model_that_is_not_declared_is_left_alone(session: Session) -> None:
    applied(session)
    say(session, "model.registered", Ref("model", "stranger", 1))
    rounds(session)
    assert jobs(session) == []


def test_new_data_fires_its_trigger_and_says_why(session: Session) -> None:
    applied(session)
    say(session, "dataset.committed", Ref("dataset", "rentals", 1), added_rows=5)
    rounds(session)
    (job,) = jobs(session)
    assert (job.kind, job.args["pipeline"]) == ("pipeline.run", "train")
    assert job.cause == "trigger:fresh: dataset:rentals@1: 5 new rows"


def test_schedules_come_due_with_the_clock_and_once(house: House, session: Session) -> None:
    applied(session)
    assert jobs(session) == []
    house.drivers.clock.advance(DAY)  # type: ignore[attr-defined]
    assert not far(session).settled
    rounds(session)
    (job,) = jobs(session)
    assert (job.kind, job.args["at"]) == ("monitor.evaluate", "2026-03-02T00:00:00+00:00")
    house.drivers.clock.advance(31 * DAY)  # type: ignore[attr-defined]
    rounds(session)
    kinds = [job.kind for job in jobs(session)]
    # What a moment brings to light comes before what is trained on it.
    assert kinds[1:] == ["monitor.evaluate", "reconcile.check", "pipeline.run"]


def test_the_status_is_settled_when_nothing_due_is_left(session: Session) -> None:
    applied(session)
    assert far(session).settled
    assert far(session).next_at == datetime(2026, 3, 2, tzinfo=UTC)
    say(session, "model.registered", Ref("model", "demand", 1))
    assert far(session).behind == 1
    rounds(session)
    found = far(session)
    assert (found.settled, found.due, found.running, found.behind) == (False, 1, 0, 0)


def test_a_trigger_is_fired_by_hand_and_a_wrong_name_is_told(session: Session) -> None:
    applied(session)
    with session.begin() as scope:
        job = fire_by_hand(scope, "monthly", {"trees": 3})
        assert job.args["params"] == {"trees": 3}
        assert fire_by_hand(scope, "train", {}).args["trigger"] == "trigger:manual"
        with pytest.raises(NotFound, match="no trigger or pipeline 'wekly'") as unknown:
            fire_by_hand(scope, "wekly", {})
    assert "fresh, monthly, train" in unknown.value.hint


def test_applying_twice_changes_nothing(session: Session) -> None:
    spec = applied(session)
    with session.begin(write=False) as scope:
        assert plan_project(scope, spec).changes == ()
    assert apply_project(session, spec, "").changes == ()
    assert not tick(session)


def test_what_is_no_longer_declared_stops_and_the_plan_comes_to_rest(session: Session) -> None:
    applied(session)
    less = "version: 1\nproject: default\n"
    applied(session, less)
    with session.begin(write=False) as scope:
        assert monitoring.list_monitors(scope) == ()
        assert plan_project(scope, parse_project(less)).changes == ()


def test_a_change_by_hand_is_reported_once_with_the_field(session: Session) -> None:
    applied(session)
    changed = monitoring.MonitorSpec(
        name="demand", deployment="demand", every="2d", volume=monitoring.VolumeRule()
    )
    with session.begin() as scope:
        monitoring.declare_monitor(scope, changed)
    (change,) = check_reality(session)
    assert [one.field for one in change.differences] == ["every"]
    with session.begin(write=False) as scope:
        first = last_of(scope, "project.diverged")
    check_reality(session)
    with session.begin(write=False) as scope:
        assert last_of(scope, "project.diverged") == first
    assert first is not None


def test_the_policy_revert_puts_it_back(session: Session) -> None:
    spec = applied(session, TEXT.replace("{every: 30d}", "{every: 30d, policy: revert}"))
    with session.begin() as scope:
        monitoring.declare_monitor(
            scope, monitoring.MonitorSpec(name="demand", deployment="demand", every="2d")
        )
    check_reality(session)
    with session.begin(write=False) as scope:
        assert monitoring.get_monitor(scope, "demand") == spec.monitors["demand"]


def test_the_budget_of_a_month_is_held(house: House, session: Session) -> None:
    limit = Budgets(cost_per_month=0.01)
    with session.begin() as scope:
        check_budget(scope, limit)
        scope.spend(Ref("run", "R"), Usage(cpu_s=10**7, wall_s=1.0, peak_memory_bytes=1))
    with session.begin(write=False) as scope, pytest.raises(Refused, match="budget is spent") as no:
        check_budget(scope, limit)
    assert [verdict.name for verdict in no.value.because] == ["budget"]
    house.drivers.clock.advance(31 * DAY)  # type: ignore[attr-defined]
    with session.begin(write=False) as scope:
        check_budget(scope, limit)
        check_budget(scope, Budgets())
    assert month_start(NOW) == datetime(2026, 3, 1, tzinfo=UTC)
