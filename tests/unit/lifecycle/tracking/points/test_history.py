"""Histories: every point once, in order, whole, in pages and thinned out."""

import itertools
import math
import random

import pytest

from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import points


@pytest.fixture
def run(session):
    with session.begin() as scope:
        return tracking.start_run(scope, tracking.RunStart(name="r")).ref


def log(session, run, rows):
    with session.begin() as scope:
        tracking.log_points(scope, run, tracking.metric_points(rows))


def rows_of(series):
    columns = (series.times.tolist(), series.steps.tolist(), series.values.tolist())
    return list(zip(*columns, strict=True))


def paged(session, run, name, size):
    found, start = [], 0
    while start is not None:
        with session.begin(write=False) as scope:
            page, start = points.page_by_time(scope, run, name, start, size)
        assert len(page) <= size
        found += rows_of(page)
    return found


def whole(session, run, name="m"):
    with session.begin(write=False) as scope:
        return rows_of(points.series_by_time(scope, run, name))


@pytest.mark.parametrize("batch", [1, 7, 40, 2_500])
def test_a_history_is_by_time_and_its_pages_hold_all_of_it(session, run, batch):
    rows = [(name, step, 1000 + step, step / 7) for step in range(300) for name in ("a", "m")]
    for start in range(0, len(rows), batch):
        log(session, run, rows[start : start + batch])
    expected = [(1000 + step, step, step / 7) for step in range(300)]
    assert whole(session, run) == expected
    for size in (1_000, 100, 33):
        assert paged(session, run, "m", size) == expected


def test_points_that_come_in_any_order_are_read_in_order(session, run):
    rows = [("m", step, 5000 - step, float(step)) for step in range(200)]
    random.Random(3).shuffle(rows)
    for start in range(0, 200, 50):
        log(session, run, rows[start : start + 50])
    expected = sorted((5000 - step, step, float(step)) for step in range(200))
    assert whole(session, run) == expected
    assert paged(session, run, "m", 23) == expected


def test_a_point_that_comes_twice_is_there_once(session, run):
    rows = [("m", 1, 1, math.nan), ("m", 1, 1, math.nan), ("m", 1, 1, 2.0), ("m", 1, 1, 2.0)]
    for _ in range(2):
        log(session, run, rows)
    log(session, run, [("m", 2, 2, 2.0)] * 40)
    assert [str(value) for *_, value in whole(session, run)] == ["nan", "2.0", "2.0"]
    assert len(paged(session, run, "m", 2)) == 3


def test_many_small_batches_are_packed_and_say_the_same(session, run):
    for step in range(300):
        log(session, run, [("m", step, step, float(step))])
    assert paged(session, run, "m", 64) == [(step, step, float(step)) for step in range(300)]


def test_a_series_that_is_not_there_has_no_points(session, run):
    assert paged(session, run, "nothing", 10) == []


@pytest.mark.parametrize(("count", "most"), [(10, 20), (10, 10), (1_000, 7), (1_000, 1), (3, 2)])
def test_a_thinned_history_keeps_its_ends_and_is_spread_evenly(session, run, count, most):
    log(session, run, [("m", step, step, float(step)) for step in range(count)])
    with session.begin(write=False) as scope:
        thin = points.thin_out(points.series_by_step(scope, run, "m"), most)
    steps = thin.steps.tolist()
    assert len(steps) == min(count, most)
    assert steps[-1] == count - 1
    assert most == 1 or steps[0] == 0
    gaps = [b - a for a, b in itertools.pairwise(steps)]
    assert not gaps or max(gaps) <= 2 * (count // len(steps) + 1)


def test_a_stretch_of_steps_has_both_ends(session, run):
    log(session, run, [("m", step, step, 0.0) for step in range(50)])
    with session.begin(write=False) as scope:
        series = points.between(points.series_by_step(scope, run, "m"), 10, 12)
    assert series.steps.tolist() == [10, 11, 12]
