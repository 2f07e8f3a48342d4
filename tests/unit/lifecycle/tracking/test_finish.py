import subprocess
import sys
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bucle.base.errors import Conflict, Invalid
from bucle.base.usage import Usage
from bucle.governance.cost.read import list_spendings
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import RunStart

USAGE = Usage(cpu_s=2.0, wall_s=3.0, peak_memory_bytes=1000)


def begin(session, **known):
    with session.begin() as scope:
        return tracking.start_run(scope, RunStart(name="train", **known)).ref


def end(session, ref, *args, **more):
    with session.begin() as scope:
        return tracking.finish_run(scope, ref, *args, **more)


def test_a_finished_run_says_when_it_ended_and_what_it_used(session, house):
    ref = begin(session)
    house.drivers.clock.advance(timedelta(hours=1))
    run = end(session, ref, usage=USAGE)
    assert run.status == "finished"
    assert run.ended_at is not None
    assert run.ended_at - run.started_at == timedelta(hours=1)
    with session.begin(write=False) as scope:
        assert tracking.get_run(scope, ref) == run
        (spent,) = list_spendings(scope, kind="run")
    assert (spent.ref, spent.usage) == (str(ref), USAGE)


def test_ending_twice_in_the_same_way_changes_nothing(session):
    ref = begin(session)
    assert end(session, ref, usage=USAGE) == end(session, ref)
    with pytest.raises(Conflict, match="has ended already: finished"):
        end(session, ref, "failed")


def test_running_is_no_way_to_end(session):
    ref = begin(session)
    with pytest.raises(Invalid, match="can not end as running"):
        end(session, ref, "running")


def test_a_run_whose_process_died_is_found(session):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dead = begin(session, host=tracking.capture_host(child.pid))
    alive = begin(session, host=tracking.capture_host())
    nobody = begin(session)
    child.communicate(b"\n")
    with session.begin() as scope:
        (killed,) = tracking.sweep(scope)
    assert killed.ref == dead
    assert killed.status == "killed"
    assert f"process {child.pid}" in killed.error
    with session.begin(write=False) as scope:
        assert not tracking.get_run(scope, alive).ended
        assert not tracking.get_run(scope, nobody).ended


def test_a_run_of_another_machine_is_given_up_after_a_long_silence(session, house):
    elsewhere = replace(tracking.capture_host(), name="far", machine="far/1/2")
    ref = begin(session, host=elsewhere)
    for minutes, found in ((9, ()), (2, (ref,))):
        house.drivers.clock.advance(timedelta(minutes=minutes))
        with session.begin() as scope:
            assert tuple(run.ref for run in tracking.sweep(scope)) == found


def test_a_sign_of_life_keeps_a_run_of_another_machine(session, house):
    elsewhere = replace(tracking.capture_host(), name="far", machine="far/1/2")
    ref = begin(session, host=elsewhere)
    for _ in range(3):
        house.drivers.clock.advance(timedelta(minutes=9))
        with session.begin() as scope:
            tracking.log_points(scope, ref, tracking.MetricPoints())
    with session.begin() as scope:
        assert tracking.sweep(scope) == ()
