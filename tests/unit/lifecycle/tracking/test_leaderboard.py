"""A board ranks what qualifies, and says of the rest why it does not."""

import math
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.figure import Figure
from bucle.base.refs import Ref
from bucle.interfaces.client import Client
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle import charter, data
from bucle.lifecycle.tracking import Run
from bucle.lifecycle.tracking.leaderboard import Candidate, Required, Rules, rank

TRIPS = Ref("dataset", "trips", 2)


def candidate(name, rows=None, *, status="finished", inputs=(TRIPS,), **metrics):
    run = Run(
        ref=Ref("run", name), name=name, kind="training", experiment="e", status=status,
        started_at=datetime(2026, 1, 1, tzinfo=UTC), started_by="me", inputs=inputs,
        metrics={key: Figure(value) for key, value in metrics.items()},
    )  # fmt: skip
    return Candidate(run=run, rows_read={} if rows is None else {TRIPS: rows})


def ranks(candidates, **rules):
    return [(place.run.name, place.rank) for place in rank(candidates, Rules(**rules))]


def reason(candidate, **rules):
    (place,) = rank([candidate], Rules(by="auc", **rules))
    assert place.rank is None
    return "; ".join(place.reasons)


def test_the_largest_is_first_or_the_smallest_and_equal_ones_share_a_rank():
    runs = [candidate("a", auc=0.7), candidate("b", auc=0.9), candidate("c", auc=0.7)]
    assert ranks(runs, by="auc") == [("b", 1), ("a", 2), ("c", 2)]
    assert ranks(runs, by="auc", smallest=True) == [("a", 1), ("c", 1), ("b", 3)]
    assert ranks([candidate("a", auc=-math.inf), *runs], by="auc")[-1] == ("a", 4)


def test_utility_is_the_cost_of_a_case_with_the_sign_turned():
    runs = [candidate("dear", cost_per_case=2.0), candidate("gains", cost_per_case=-1.0)]
    places = rank(runs, Rules(by="utility"))
    assert [(place.run.name, place.value) for place in places] == [("gains", 1.0), ("dear", -2.0)]


@pytest.mark.parametrize(
    ("run", "rules", "said"),
    [
        (candidate("a", status="failed", auc=1), {}, "it is failed"),
        (candidate("a"), {}, "it has no metric auc"),
        (candidate("a", auc=math.nan), {}, "its auc is not a number"),
        (candidate("a", auc=1, f1=0.5), {"at_least": {"f1": 0.6}}, "f1 is 0.5, and 0.6 is the"),
        (candidate("a", auc=1), {"at_least": {"f1": 0.6}}, "f1 is missing"),
        (candidate("a", auc=1, ms=math.nan), {"at_most": {"ms": 9}}, "ms is nan, and 9 is the mo"),
        (candidate("a", auc=1, inputs=()), {"required": (Required(ref=TRIPS),)},
         "it did not read dataset:trips@2"),
        (candidate("a", auc=1, inputs=(Ref("dataset", "trips", 1),)),
         {"required": (Required(ref=TRIPS),)}, "it read dataset:trips@1 and not dataset:trips@2"),
        (candidate("a", auc=1), {"required": (Required(ref=TRIPS, rows=5),)}, "does not say how"),
        (candidate("a", 4, auc=1), {"required": (Required(ref=TRIPS, rows=5),)}, "it read 4 rows"),
    ],
)  # fmt: skip
def test_what_does_not_qualify_does_not_rank_and_the_reason_is_shown(run, rules, said):
    assert said in reason(run, **rules)


def test_what_meets_every_bar_exactly_ranks():
    run = candidate("a", 5, auc=0.5, ms=9)
    rules = {
        "at_least": {"auc": 0.5},
        "at_most": {"ms": 9},
        "required": (Required(ref=TRIPS, rows=5),),
    }
    assert ranks([run], by="auc", **rules) == [("a", 1)]


@pytest.fixture
def client(session):
    return Client(InProcess(session))


def test_a_run_that_saw_the_wrong_data_does_not_rank(client, session):
    data.commit_table(session, "trips", pa.table({"x": [1, 2]}))
    data.commit_table(session, "trips", pa.table({"x": [1, 2, 3, 4]}))
    for name, version in (("new", "trips@2"), ("old", "trips@1")):
        with sdk.run(name, experiment="e", client=client) as run:
            run.use(version)
            run.log_metric("auc", 0.9)
    with sdk.run("half", experiment="e", client=client) as run:
        run.add_input(Ref("dataset", "trips", 2), rows=2)
        run.log_metric("auc", 0.99)
    asked = {"experiment": "e", "by": "metrics.auc", "datasets": ["dataset:trips"]}
    board = client.call("tracking.leaderboard", coverage=0.75, **asked)
    assert next((place.name, place.rank) for place in board.places) == ("new", 1)
    assert {place.name: place.reasons for place in board.places[1:]} == {
        "half": ("it read 2 rows of dataset:trips@2, and 3 is the least",),
        "old": ("it read dataset:trips@1 and not dataset:trips@2",),
    }
    with pytest.raises(NotFound):
        client.call("tracking.leaderboard", **(asked | {"datasets": ["dataset:nowhere"]}))


def test_utility_has_the_charters_unit_and_needs_its_costs(client, session):
    with sdk.run("train", experiment="e", client=client) as run:
        run.log_metric("cost_per_case", 1.5)
    with pytest.raises(Invalid, match="puts no price on errors"):
        client.call("tracking.leaderboard", experiment="e", by="utility")
    costs = charter.ErrorCosts(unit="EUR", false_negative=50.0)
    client.call("charter.set", problem="p", kpi={"name": "k", "unit": "u"}, costs=costs)
    board = client.call("tracking.leaderboard", experiment="e", by="utility")
    assert (board.unit, board.places[0].value) == ("EUR per case", -1.5)
