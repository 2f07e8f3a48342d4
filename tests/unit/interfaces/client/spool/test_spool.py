"""Nothing that a run said is lost, and nothing counts twice, however the line behaves."""

import math
import multiprocessing
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, Unavailable
from bucle.base.refs import Ref
from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.client.spool import courier, sync
from bucle.lifecycle import tracking
from bucle.testing.houses import open_test_house
from tests.support.lines import Line
from tests.support.processes import wait_until


@pytest.fixture
def session(tmp_path):
    house = open_test_house(tmp_path / "there")
    yield house.session()
    house.close()


@pytest.fixture
def line(session, tmp_path):
    return Line(InProcess(session), tmp_path / "here")


@pytest.fixture
def client(line):
    return Client(line)


def known(client, ref):
    return Client(client.transport.there).call("tracking.get", ref=ref)


def history(client, ref, name="loss"):
    there = Client(client.transport.there)
    return there.call("tracking.points", ref=ref, name=name).values


def spools(line):
    return [path.name for path in line.spool_path.glob("[!.]*.*")]


def trained(client, points=10, **options):
    with sdk.run("train", params={"depth": 3}, client=client, **options) as run:
        for step in range(points):
            run.log_metric("loss", step)
        run.log_params({"rate": math.inf})
        run.log_artifact({"a": 1}, "report")
        run.tag(colour="blue")
    return run


def test_a_run_that_was_delivered_leaves_no_spool(client, line):
    run = trained(client)
    assert spools(line) == []
    record = known(client, run.ref)
    assert (record.status, record.params) == ("finished", {"depth": 3, "rate": "Infinity"})
    assert record.tags == {"colour": "blue"}
    assert run.read_artifact("report.json") == b'{"a":1}'
    assert history(client, run.ref) == tuple(range(10))


def test_a_run_without_a_server_starts_goes_on_and_ends_in_the_spool(client, line, caplog):
    line.is_cut = True
    run = trained(client)
    assert "bucle tracking sync" in caplog.text
    assert spools(line) == [path.name for path in line.spool_path.iterdir()]
    told = sync(client)
    assert (told.delivered, told.error) == ((), "the line is cut")
    line.is_cut = False
    assert sync(client).delivered == (run.ref,)
    assert known(client, run.ref).status == "finished"
    assert history(client, run.ref) == tuple(range(10))
    assert run.read_artifact("report.json") == b'{"a":1}'
    assert sync(client).delivered == ()


def test_the_next_run_delivers_what_the_last_one_left(client, line):
    line.is_cut = True
    left = trained(client)
    line.is_cut = False
    with sdk.run("next", client=client) as following:
        following.log_metric("loss", 1)
        assert wait_until(lambda: len(spools(line)) == 1, within_s=10)
    assert history(client, left.ref) == tuple(range(10))


@pytest.mark.parametrize("lost", range(1, 12))
def test_what_was_told_and_whose_answer_was_lost_counts_once(client, line, lost):
    line.answers_to_lose = lost
    run = trained(client)
    for _ in range(lost + 1):
        sync(client)
    assert history(client, run.ref) == tuple(range(10))
    record = known(client, run.ref)
    assert (record.status, record.params["depth"], record.tags) == (
        "finished", 3, {"colour": "blue"},
    )  # fmt: skip
    assert spools(line) == []


def test_a_parcel_that_was_on_its_way_is_sent_again_as_it_was(client, line, monkeypatch):
    monkeypatch.setattr(courier, "PARCEL_POINTS", 4)
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 0)
        run.flush()
        line.answers_to_lose = 1
        run.log_metrics({"loss": 1})
        with suppress(Unavailable):  # or the thread's attempt was the one that lost it
            run.flush()
        assert line.answers_to_lose == 0
        for step in range(2, 20):
            run.log_metric("loss", step)
    assert history(client, run.ref) == tuple(range(20))


def test_a_loop_does_not_wait_for_a_line_that_is_cut(client, line):
    line.is_cut = True
    with sdk.run("train", client=client) as run:
        for step in range(5_000):
            run.log_metric("loss", step)
        assert line.told == []
        line.is_cut = False
    assert len(history(client, run.ref)) == 5_000


def test_a_part_arrives_after_its_whole(client, line):
    with sdk.run("outer", client=client) as outer, sdk.run("inner", client=client) as inner:
        pass
    assert known(client, inner.ref).parent == outer.ref
    line.is_cut = True
    with sdk.run("outer", client=client), sdk.run("inner", client=client) as inner:
        pass
    line.is_cut = False
    assert len(sync(client).delivered) == 2
    assert known(client, inner.ref).status == "finished"


def test_a_run_that_was_given_up_for_dead_goes_on_when_it_is_heard_of(client, session):
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 1)
        run.flush()
        with session.begin() as scope:
            tracking.finish_run(scope, run.ref, "killed", error="silent for too long")
        run.log_metric("loss", 2)
    assert known(client, run.ref).status == "finished"
    assert history(client, run.ref) == (1, 2)


def test_what_the_server_does_not_want_is_told_and_kept(client, line, session):
    run = sdk.run("train", client=client)
    run.log_metric("loss", 1)
    run.flush()
    with session.begin() as scope:
        tracking.finish_run(scope, run.ref)
    run.log_metric("loss", 2)
    with pytest.raises(Conflict, match="takes nothing more"):
        run.flush()
    with pytest.raises(Conflict, match="takes nothing more"):
        run.end()
    told = sync(client)
    assert (told.delivered, len(told.refused)) == ((), 1)
    assert history(client, run.ref) == (1,)
    (kept,) = line.spool_path.glob("refused/*/refused")
    assert b"takes nothing more" in kept.read_bytes()


def test_a_token_that_is_not_valid_loses_nothing(client, line, monkeypatch):
    def refuse(*_):
        raise Denied("no such token")

    with monkeypatch.context() as context:
        context.setattr(line, "_up", refuse)
        run = trained(client)
        assert sync(client).error == "no such token"
    assert sync(client).delivered == (run.ref,)
    assert known(client, run.ref).status == "finished"


def test_two_at_once_do_not_deliver_the_same_spool(client, line):
    line.is_cut = True
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 1)
        line.is_cut = False
        told = sync(client)
        assert (told.delivered, told.busy) == ((), 1)
    assert history(client, run.ref) == (1,)


def test_what_can_not_be_said_is_refused_at_once(client):
    with sdk.run("train", params={"depth": 3}, client=client) as run:
        with pytest.raises(Conflict, match="can not become 4"):
            run.log_param("depth", 4)
        with pytest.raises(Invalid, match="'loss' is no number"):
            run.log_metric("loss", "high")
        with pytest.raises(Invalid, match="no whole number"):
            run.log_metric("loss", 1.0, step=2**64)
        with pytest.raises(Invalid, match="'b' is no number"):
            run.log_metrics({"a": 1.0, "b": None})
        with pytest.raises(Invalid):
            run.log_metric("", 1)
        with pytest.raises(Invalid, match="path of an artifact"):
            run.log_artifact(b"x", "../x.bin")
    record = known(client, run.ref)
    assert (record.status, record.metrics, record.params) == ("finished", {}, {"depth": 3})
    with pytest.raises(Invalid):
        sdk.run("", client=client)


def test_a_column_of_points_is_logged_at_once(client):
    with sdk.run("train", client=client) as run:
        run.log_series("loss", np.linspace(1, 0, 120_000))
        run.log_series("loss", [7.0, 8.0])
        run.log_series("auc", [0.5, math.nan], steps=[10, 20])
        with pytest.raises(Invalid, match="steps of"):
            run.log_series("auc", [1.0], steps=[1, 2])
        with pytest.raises(Invalid, match="columns of numbers"):
            run.log_series("auc", ["high"])
    there = Client(client.transport.there)
    loss = there.call("tracking.points", ref=run.ref, name="loss")
    assert (loss.steps[-1], loss.values[-2:], len(loss.steps)) == (120_001, (7.0, 8.0), 120_002)
    assert there.call("tracking.points", ref=run.ref, name="auc").steps == (10, 20)


def test_a_run_that_has_ended_takes_no_more_points_of_a_series_that_it_has(client):
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 1)
    for say in (
        lambda: run.log_metric("loss", 2),
        lambda: run.log_metrics({"loss": 2}),
        lambda: run.log_series("loss", [2.0]),
        lambda: run.log_params({"a": 1}),
    ):
        with pytest.raises(Conflict, match="has ended"):
            say()
    assert history(client, run.ref) == (1,)


def child(run):
    for step in range(100):
        run.log_metric("child", step)


def test_what_a_forked_child_says_arrives_before_the_run_ends(client):
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 1)
        process = multiprocessing.get_context("fork").Process(target=child, args=(run,))
        process.start()
        process.join()
        run.log_metric("loss", 2)
    assert process.exitcode == 0
    assert history(client, run.ref, "child") == tuple(range(100))
    assert history(client, run.ref) == (1, 2)


def test_a_run_whose_process_died_is_ended_as_killed_by_whoever_delivers_its_spool(client, line):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        line.is_cut = True
        run = sdk.run("train", client=client)
        for step in range(1_234):
            run.log_metric("loss", step)
        os.write(writing, run.ref.name.encode())
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    ref = Ref("run", os.read(reading, 64).decode())
    assert sync(client).delivered == (ref,)
    record = known(client, ref)
    assert (record.status, len(history(client, ref))) == ("killed", 1_234)
    assert "process died" in record.error


def test_a_run_that_arrives_late_has_the_times_of_when_it_ran(client, line, session):
    before = datetime.now(UTC)
    line.is_cut = True
    run = trained(client)
    after = datetime.now(UTC)
    session.drivers.clock.advance(after - session.drivers.clock.now() + timedelta(hours=1))
    line.is_cut = False
    sync(client)
    record = known(client, run.ref)
    assert before <= record.started_at <= record.ended_at <= after


def test_a_clock_that_is_ahead_starts_no_run_in_the_future(client, session):
    run = trained(client)
    assert known(client, run.ref).started_at <= session.drivers.clock.now()
