"""A parcel of points counts once, whatever happens to it on its way."""

import math

import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking.lifespan import delete_run, purge_run
from bucle.lifecycle.tracking.parcels import Parcel, store, take_parcel
from bucle.lifecycle.tracking.segments import columns_of, pack


def started(session) -> Ref:
    with session.begin() as scope:
        return tracking.start_run(scope, tracking.RunStart(name="train")).ref


def parcel(ref, first, points, *, writer="w") -> Parcel:
    """Pack points: name, step, value."""
    logged = tracking.metric_points([(name, step, 1_000, value) for name, step, value in points])
    (segment,) = pack(columns_of(logged), 100_000)
    return Parcel(ref=ref, writer=writer, first=first, series=segment.series, body=segment.body)


def take(session, sent) -> int:
    with session.begin() as scope:
        return take_parcel(scope, sent)


def history(session, ref, name="loss"):
    with session.begin(write=False) as scope:
        found = tracking.metric_history(scope, ref, name)
    return found.steps, found.values


def test_points_of_a_parcel_are_points_of_the_run(session):
    ref = started(session)
    sent = parcel(ref, 0, [("loss", 1, 0.5), ("auc", 0, math.inf), ("loss", 0, 1.0)])
    assert take(session, sent) == 3
    assert history(session, ref) == ((0, 1), (1.0, 0.5))
    assert history(session, ref, "auc") == ((0,), (math.inf,))


def test_a_parcel_that_comes_twice_counts_once(session):
    ref = started(session)
    sent = parcel(ref, 0, [("loss", 0, 1.0)])
    assert [take(session, sent), take(session, sent)] == [1, 1]
    assert history(session, ref)[0] == (0,)


def test_it_counts_once_also_when_it_was_packed_together_with_others_or_the_run_ended(session):
    ref = started(session)
    first = [parcel(ref, place, [("loss", place, 1.0)]) for place in range(300)]
    for sent in first:
        take(session, sent)
    assert [take(session, first[0]), take(session, first[-1])] == [300, 300]
    with session.begin() as scope:
        tracking.finish_run(scope, ref)
    assert take(session, first[299]) == 300
    assert history(session, ref)[0] == tuple(range(300))


def test_each_writer_numbers_its_own_points(session):
    ref = started(session)
    take(session, parcel(ref, 0, [("loss", 0, 1.0)], writer="one"))
    take(session, parcel(ref, 0, [("loss", 1, 2.0)], writer="two"))
    assert history(session, ref)[0] == (0, 1)


def test_a_parcel_that_overlaps_is_refused_and_one_that_leaves_a_gap_is_taken(session):
    ref = started(session)
    take(session, parcel(ref, 0, [("loss", 0, 1.0), ("loss", 1, 1.0)]))
    with pytest.raises(Conflict, match="overlap"):
        take(session, parcel(ref, 1, [("loss", 1, 1.0), ("loss", 2, 1.0)]))
    assert take(session, parcel(ref, 10, [("loss", 10, 1.0)])) == 11
    assert history(session, ref)[0] == (0, 1, 10)


def test_a_run_that_ended_takes_nothing_new(session):
    ref = started(session)
    with session.begin() as scope:
        tracking.finish_run(scope, ref)
    with pytest.raises(Conflict, match="takes nothing more"):
        take(session, parcel(ref, 0, [("loss", 0, 1.0)]))
    with pytest.raises(NotFound):
        take(session, parcel(Ref("run", "nobody"), 0, [("loss", 0, 1.0)]))


@pytest.mark.parametrize(
    ("series", "body"),
    [
        ((("loss", 1),), b"junk"),
        ((("loss", 2),), None),
        ((("loss", 0),), None),
        ((("", 1),), None),
        ((), None),
        ((("loss", 10**9),), None),
    ],
)
def test_what_was_not_packed_is_refused_and_leaves_nothing(session, series, body):
    ref = started(session)
    good = parcel(ref, 0, [("loss", 0, 1.0)])
    sent = Parcel(ref=ref, writer="w", first=0, series=series, body=body or good.body)
    with pytest.raises(Invalid):
        take(session, sent)
    assert take(session, good) == 1


def test_a_run_that_is_forgotten_takes_the_memory_of_its_writers_along(session):
    ref = started(session)
    take(session, parcel(ref, 0, [("loss", 0, 1.0)]))
    with session.begin() as scope:
        delete_run(scope, ref)
        purge_run(scope, ref)
        assert store.find_taken(scope.tx, scope.project, ref.name, "w") is None
