from datetime import timedelta

import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.audit.read import events_after
from bucle.governance.lineage.trace import trace
from bucle.governance.session import Session
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import RunStart


def start(session: Session, **known: object) -> Ref:
    with session.begin() as scope:
        return tracking.start_run(scope, RunStart(**{"name": "train", **known})).ref


def test_a_run_says_what_was_known_when_it_began(session):
    ref = start(session, params={"depth": 3, "name": "a", "on": True}, tags={"team": "blue"})
    with session.begin(write=False) as scope:
        run = tracking.get_run(scope, ref)
    assert run.status == "running"
    assert run.params == {"depth": 3, "name": "a", "on": True}
    assert run.tags == {"team": "blue"}
    assert run.experiment == "default"
    assert run.ended_at is None


def test_a_run_comes_from_its_code_its_environment_and_its_parent(session):
    parent = start(session, kind="pipeline")
    code = tracking.CodeState(commit="c0ffee", diff="d1ff")
    ref = start(session, parent=parent, code=code, environment="e" * 64)
    with session.begin(write=False) as scope:
        up = trace(scope, ref)
    assert set(up.nodes) == {str(ref), str(parent), "code:c0ffee", "environment:" + "e" * 64}


def test_an_unknown_parent_is_not_found(session):
    with pytest.raises(NotFound, match="run:nobody is not a run"):
        start(session, parent=Ref("run", "nobody"))


def test_an_id_can_be_chosen_once(session):
    assert start(session, id="night-1") == Ref("run", "night-1")
    with pytest.raises(Conflict, match="exists already"):
        start(session, id="night-1")


@pytest.mark.parametrize("name", ["", "a@b", "x" * 251])
def test_a_name_that_can_not_be_one_is_refused(session, name):
    with pytest.raises(Invalid):
        start(session, name=name)


def test_a_run_that_failed_can_go_on_and_one_that_finished_can_not(session, house):
    ref = start(session)
    house.drivers.clock.advance(timedelta(seconds=5))
    with session.begin() as scope:
        tracking.finish_run(scope, ref, "failed", error="no disk")
    with session.begin() as scope:
        run = tracking.resume_run(scope, ref)
        assert (run.status, run.ended_at, run.error) == ("running", None, "")
    with session.begin() as scope:
        tracking.finish_run(scope, ref)
    with session.begin() as scope, pytest.raises(Conflict, match="has finished"):
        tracking.resume_run(scope, ref)


def test_each_step_of_a_runs_life_is_an_event(session):
    ref = start(session)
    with session.begin() as scope:
        tracking.finish_run(scope, ref, "failed", error="no disk")
    with session.begin() as scope:
        tracking.resume_run(scope, ref)
    with session.begin() as scope:
        tracking.finish_run(scope, ref)
    with session.begin(write=False) as scope:
        types = [event.type for event in events_after(scope, 0)]
    assert types == ["run.started", "run.failed", "run.resumed", "run.finished"]
