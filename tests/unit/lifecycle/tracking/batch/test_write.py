"""What a client writes to a run in one call: all of it, or nothing."""

import math
from datetime import UTC, datetime

import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import lifespan
from bucle.lifecycle.tracking.batch import Batch, RunChange, change_run, drop_tag, log_batch
from bucle.lifecycle.tracking.begin import RunBegin, begin_run
from bucle.lifecycle.tracking.search import get_sheet


@pytest.fixture
def run(session):
    with session.begin() as scope:
        return Ref("run", begin_run(scope, RunBegin(name="r", user="ann")).head.id)


def write(session, run, *, also_ended=True, **batch):
    with session.begin() as scope:
        log_batch(scope, run, Batch(**batch), also_ended=also_ended)


def sheet(session, run):
    with session.begin(write=False) as scope:
        return get_sheet(scope, run)


def points(*rows):
    return tracking.metric_points(rows)


def test_points_params_and_tags_are_there_together(session, run):
    write(
        session, run,
        points=points(("loss", 1, 1000, 0.5)), params={"lr": "0.1"}, tags={"a/b": "ü"}, name="new",
    )  # fmt: skip
    found = sheet(session, run)
    assert found.params == [("lr", "0.1")]
    assert found.tags == [("a/b", "ü")]
    assert found.metrics == [("loss", 0.5, 1, 1000)]
    assert (found.head.name, found.head.user) == ("new", "ann")


def test_a_parameter_stays_and_a_refused_batch_leaves_nothing_behind(session, run):
    write(session, run, params={"lr": "0.1"})
    write(session, run, params={"lr": "0.1"})
    with pytest.raises(Conflict):
        write(
            session, run,
            points=points(("m", 0, 0, 1.0)), params={"new": "1", "lr": "0.2"}, tags={"t": "x"},
        )  # fmt: skip
    found = sheet(session, run)
    assert (found.params, found.tags, found.metrics) == ([("lr", "0.1")], [], [])


def test_a_native_parameter_is_compared_as_text(session):
    with session.begin() as scope:
        ref = tracking.start_run(scope, tracking.RunStart(name="r", params={"depth": 3})).ref
    write(session, ref, params={"depth": "3"})
    with pytest.raises(Conflict):
        write(session, ref, params={"depth": "4"})


def test_an_empty_batch_only_looks_for_the_run(session, run):
    write(session, run)
    with pytest.raises(NotFound):
        write(session, Ref("run", "nobody"))


def test_an_ended_run_takes_points_only_if_that_is_said(session, run):
    with session.begin() as scope:
        change_run(scope, run, RunChange(status="finished", ended_at=datetime.now(UTC)))
    write(session, run, points=points(("m", 0, 0, 1.0)))
    with pytest.raises(Conflict):
        write(session, run, also_ended=False, points=points(("m", 1, 0, 1.0)))
    write(session, run, also_ended=False, tags={"t": "still"})


def test_a_deleted_run_takes_nothing(session, run):
    with session.begin() as scope:
        lifespan.delete_run(scope, run)
    for batch in (
        {"tags": {"t": "x"}},
        {"points": points(("m", 0, 0, 1.0))},
        {"params": {"p": "x"}},
    ):
        with pytest.raises(Conflict):
            write(session, run, **batch)
    with pytest.raises(Conflict), session.begin() as scope:
        change_run(scope, run, RunChange(name="x"))


@pytest.mark.parametrize(
    "batch",
    [
        {"params": {"": "x"}},
        {"params": {"a//b": "x"}},
        {"params": {"../x": "x"}},
        {"params": {"/x": "x"}},
        {"params": {"x" * 251: "x"}},
        {"params": {"p": "x" * 6001}},
        {"tags": {"what?": "x"}},
        {"tags": {"t": "x" * 8001}},
        {"points": points(("m", 0, -1, 1.0))},
        {"points": points(("a,b", 0, 0, 1.0))},
        {"points": points(("m", 2**63, 0, 1.0))},
        {"points": points(*[("m", 2**63, 0, 1.0)] * 20)},
    ],
)
def test_what_can_not_be_kept_is_invalid(session, run, batch):
    with pytest.raises(Invalid):
        write(session, run, **batch)


@pytest.mark.parametrize("name", ["a", "a/b c:d.e-f_g", "größe", "日本", ".hidden", "a..b"])
def test_names_may_be_paths_and_of_any_language(session, run, name):
    write(session, run, params={name: "x"}, points=points((name, 0, 0, 1.0)), tags={name: "x"})
    assert sheet(session, run).params == [(name, "x")]


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ([(1, 5, 0.1), (2, 1, 0.2)], 0.2),
        ([(2, 1, 0.2), (1, 5, 0.1)], 0.2),
        ([(1, 5, 0.1), (1, 6, 0.0)], 0.0),
        ([(1, 5, 0.1), (1, 5, 0.3), (1, 5, 0.2)], 0.3),
        ([(1, 5, 0.1), (1, 5, math.nan)], 0.1),
        ([(1, 5, math.nan), (1, 5, -1.0)], -1.0),
        ([(1, 5, 0.1), (1, 6, math.inf)], math.inf),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("filler", [0, 30])
def test_the_last_value_goes_by_step_then_time_then_value(
    session, run, rows, last, at_once, filler
):
    """Also when many points go the way through NumPy (the filler)."""
    named = [("m", step, at, value) for step, at, value in rows]
    more = [("other", step, 0, 0.0) for step in range(filler)]
    for part in [[*named, *more]] if at_once else [[row, *more] for row in named]:
        write(session, run, points=points(*part))
    assert {point.name: point.value for point in sheet(session, run).metrics}["m"] == last


def test_a_tag_is_removed_once(session, run):
    write(session, run, tags={"t": "x"})
    with session.begin() as scope:
        drop_tag(scope, run, "t")
    with pytest.raises(NotFound), session.begin() as scope:
        drop_tag(scope, run, "t")


def test_a_client_may_end_a_run_and_let_it_go_on(session, run):
    end = datetime(2026, 1, 2, tzinfo=UTC)
    with session.begin() as scope:
        change_run(scope, run, RunChange(status="failed", ended_at=end))
    assert (sheet(session, run).head.status, sheet(session, run).head.ended_at) == ("failed", end)
    with session.begin() as scope:
        change_run(scope, run, RunChange(status="running"))
        assert not tracking.get_run(scope, run).ended


def test_a_parent_that_is_there_is_known_natively(session, run):
    with session.begin() as scope:
        child = begin_run(scope, RunBegin(name="c", parent=run.name)).head
        other = begin_run(scope, RunBegin(name="c", parent="nobody")).head
    assert (child.parent, other.parent) == (run.name, None)
