import math
from datetime import timedelta

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import RunQuery, RunStart


@pytest.fixture(params=["sqlite", "postgresql"])
def session(request, tmp_path):
    from bucle.testing.houses import open_test_house

    given = {}
    if request.param == "postgresql":
        given["database_url"] = request.getfixturevalue("postgresql_url")
    house = open_test_house(tmp_path / "home", **given)
    yield house.session()
    house.close()


@pytest.fixture
def runs(session):
    """Return five runs, an hour apart, with errors 3, 1, none, NaN and 2."""
    refs = []
    for number, error in enumerate([3.0, 1.0, None, math.nan, 2.0]):
        session.drivers.clock.advance(timedelta(hours=1))
        with session.begin() as scope:
            start = RunStart(name=f"train-{number}", params={"depth": number % 2})
            ref = tracking.start_run(scope, start).ref
            if error is not None:
                tracking.log_metrics(scope, ref, {"mae": error, "one": 1.0})
        refs.append(ref)
    return refs


def listed(session, **query):
    """Return all refs of a listing, two at a time."""
    refs, token = [], None
    while True:
        with session.begin(write=False) as scope:
            page = tracking.list_runs(scope, RunQuery(limit=2, token=token, **query))
        refs += [run.ref for run in page.items]
        token = page.next_token
        if token is None:
            return refs


def test_runs_are_listed_newest_first(session, runs):
    assert listed(session) == runs[::-1]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("started_at", [0, 1, 2, 3, 4]),
        ("name", [0, 1, 2, 3, 4]),
        ("metrics.mae", [1, 4, 0, 2, 3]),
        ("-metrics.mae", [0, 4, 1, 3, 2]),
        ("-metrics.one", [4, 3, 1, 0, 2]),
    ],
)
def test_runs_are_listed_in_the_order_asked_for(session, runs, order, expected):
    assert listed(session, order_by=order) == [runs[place] for place in expected]


def test_runs_are_listed_by_what_they_are(session, runs):
    with session.begin() as scope:
        tracking.finish_run(scope, runs[1], "failed")
        child = tracking.start_run(
            scope, RunStart(name="s", kind="step", experiment="e", parent=runs[0])
        )
    assert listed(session, status="failed") == [runs[1]]
    for query in ({"kind": "step"}, {"experiment": "e"}, {"parent": runs[0]}, {"name": "s"}):
        assert listed(session, **query) == [child.ref]


def test_an_order_that_there_is_not_is_refused(session):
    with session.begin(write=False) as scope, pytest.raises(Invalid, match="'colour'"):
        tracking.list_runs(scope, RunQuery(order_by="colour"))


def test_a_series_that_there_is_not_is_not_found_and_those_there_are_get_named(session, runs):
    with session.begin(write=False) as scope, pytest.raises(NotFound) as caught:
        tracking.metric_history(scope, runs[0], "auc")
    assert caught.value.hint == "it has: mae, one"


def test_points_are_kept_bit_by_bit(session, runs):
    values = (0.1, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, -0.0)
    with session.begin() as scope:
        for step, value in enumerate(values):
            tracking.log_metrics(scope, runs[0], {"x": value}, step=step)
    with session.begin(write=False) as scope:
        history = tracking.metric_history(scope, runs[0], "x")
        summary = next(s for s in tracking.list_metrics(scope, runs[0]) if s.name == "x")
    assert [value.hex() for value in history.values] == [value.hex() for value in values]
    assert (summary.minimum, summary.maximum) == (-math.inf, math.inf)


def test_a_comparison_tells_what_differs_and_what_is_shared(session, runs):
    with session.begin() as scope:
        tracking.add_input(scope, runs[0], Ref("dataset", "trips", 1))
    with session.begin(write=False) as scope:
        compared = tracking.compare(scope, (runs[0], runs[1]))
    differing = {difference.what: difference.values for difference in compared.differences}
    assert differing["params.depth"] == (0, 1)
    assert differing["metrics.mae"] == (3.0, 1.0)
    assert differing["inputs"] == (["dataset:trips@1"], None)
    assert compared.shared["metrics.one"] == 1.0


def test_one_run_is_no_comparison(session, runs):
    with session.begin(write=False) as scope, pytest.raises(Invalid, match="two runs or more"):
        tracking.compare(scope, (runs[0],))
