import math

import pytest

from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.drivers.blobs.content import store_bytes
from bucle.governance.session import Session
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import MetricPoints, RunStart


@pytest.fixture
def ref(session: Session) -> Ref:
    with session.begin() as scope:
        return tracking.start_run(scope, RunStart(name="train")).ref


def points(values: list, *, first_step: int = 0, batch: str = "", name: str = "loss"):
    count = len(values)
    return MetricPoints(
        names=(name,) * count,
        steps=tuple(range(first_step, first_step + count)),
        times=(1_767_225_600_000,) * count,
        values=tuple(values),
        batch=batch,
    )


def test_parameters_add_up(session, ref):
    with session.begin() as scope:
        tracking.log_params(scope, ref, {"depth": 3})
    with session.begin() as scope:
        run = tracking.log_params(scope, ref, {"rate": 0.1, "depth": 3})
    assert run.params == {"depth": 3, "rate": 0.1}


@pytest.mark.parametrize(("first", "second"), [(3, 4), (1, True), (1, 1.0), ("a", None)])
def test_a_parameter_stays_what_it_is(session, ref, first, second):
    with session.begin() as scope:
        tracking.log_params(scope, ref, {"depth": first})
    with session.begin() as scope, pytest.raises(Conflict, match="'depth'"):
        tracking.log_params(scope, ref, {"depth": second})


def test_a_parameter_may_be_nothing_or_not_a_number(session, ref):
    with session.begin() as scope:
        run = tracking.log_params(scope, ref, {"limit": None, "rate": math.nan})
    assert run.params == {"limit": None, "rate": "NaN"}


def test_points_come_back_in_the_order_of_their_steps(session, ref):
    with session.begin() as scope:
        assert tracking.log_points(scope, ref, points([0.5, 0.25], first_step=2)) == 2
    with session.begin() as scope:
        tracking.log_points(scope, ref, points([1.0, 0.75]))
    with session.begin(write=False) as scope:
        history = tracking.metric_history(scope, ref, "loss")
    assert history.steps == (0, 1, 2, 3)
    assert history.values == (1.0, 0.75, 0.5, 0.25)


def test_not_a_number_and_infinity_come_back(session, ref):
    with session.begin() as scope:
        tracking.log_points(scope, ref, points([1.0, "NaN", math.inf, "-Infinity", math.nan]))
    with session.begin(write=False) as scope:
        values = tracking.metric_history(scope, ref, "loss").values
        (summary,) = tracking.list_metrics(scope, ref)
    assert [str(float(value)) for value in values] == ["1.0", "nan", "inf", "-inf", "nan"]
    assert (summary.minimum, summary.maximum, summary.count) == (-math.inf, math.inf, 5)
    assert math.isnan(summary.last)


def test_the_last_value_is_that_of_the_greatest_step_whenever_it_arrives(session, ref):
    for batch in (points([0.1], first_step=9), points([0.9, 0.8])):
        with session.begin() as scope:
            tracking.log_points(scope, ref, batch)
    with session.begin(write=False) as scope:
        assert tracking.get_run(scope, ref).metrics == {"loss": 0.1}
        (summary,) = tracking.list_metrics(scope, ref)
    assert (summary.minimum, summary.maximum, summary.count) == (0.1, 0.9, 3)


def test_a_batch_that_is_sent_twice_counts_once(session, ref):
    for expected in (2, 0):
        with session.begin() as scope:
            assert tracking.log_points(scope, ref, points([1, 2], batch="b1")) == expected
    with session.begin(write=False) as scope:
        assert tracking.metric_history(scope, ref, "loss").values == (1, 2)


def test_many_small_batches_are_packed_and_nothing_is_lost(session, ref):
    for step in range(300):
        with session.begin() as scope:
            tracking.log_points(scope, ref, points([step / 2], first_step=step))
    with session.begin() as scope:
        tracking.log_metrics(scope, ref, {"auc": 0.9})
        tracking.finish_run(scope, ref)
    with session.begin(write=False) as scope:
        history = tracking.metric_history(scope, ref, "loss")
        assert tracking.metric_history(scope, ref, "auc").values == (0.9,)
    assert history.values == tuple(step / 2 for step in range(300))


def test_columns_of_different_length_are_refused(session, ref):
    uneven = MetricPoints(names=("a", "a"), steps=(0,), times=(0, 0), values=(1.0, 2.0))
    with session.begin() as scope, pytest.raises(Invalid, match="2 names, 1 steps"):
        tracking.log_points(scope, ref, uneven)


def test_an_ended_run_takes_tags_only(session, ref):
    with session.begin() as scope:
        tracking.finish_run(scope, ref)
    with session.begin() as scope:
        assert tracking.set_tags(scope, ref, {"note": "good"}).tags == {"note": "good"}
        with pytest.raises(Conflict, match="takes nothing more but tags"):
            tracking.log_params(scope, ref, {"depth": 3})
        with pytest.raises(Conflict):
            tracking.log_points(scope, ref, points([1.0]))
        with pytest.raises(Conflict):
            tracking.add_input(scope, ref, Ref("dataset", "trips", 1))
        with pytest.raises(Conflict):
            tracking.log_artifact(scope, ref, "a.txt", digest="0" * 64)


def test_an_unknown_run_is_not_found_with_what_to_type(session):
    with session.begin() as scope, pytest.raises(NotFound) as caught:
        tracking.log_params(scope, Ref("run", "nobody"), {"a": 1})
    assert caught.value.hint == "bucle tracking list"


def test_an_artifact_under_the_same_path_takes_the_place_of_the_old(session, ref):
    for text in (b"one", b"three"):
        digest = store_bytes(session.drivers.blobs, text)
        with session.begin() as scope:
            tracking.log_artifact(scope, ref, "out/a.txt", digest=digest)
    with session.begin(write=False) as scope:
        (artifact,) = tracking.list_artifacts(scope, ref)
    assert (artifact.path, artifact.size_bytes) == ("out/a.txt", 5)


def test_an_artifact_whose_content_was_never_stored_is_refused(session, ref):
    with session.begin() as scope, pytest.raises(NotFound, match=r"'a\.txt' is not stored"):
        tracking.log_artifact(scope, ref, "a.txt", digest="0" * 64)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../up.txt", "a/../../up.txt", "a\\b"])
def test_an_artifact_stays_below_its_run(session, ref, path):
    digest = store_bytes(session.drivers.blobs, b"text")
    with session.begin() as scope, pytest.raises(Invalid):
        tracking.log_artifact(scope, ref, path, digest=digest)
