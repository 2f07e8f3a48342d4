from datetime import UTC, datetime

import pytest

from bucle.base.errors import Conflict, NotFound
from bucle.base.refs import Ref
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import MetricPoints, RunStart, adopted
from bucle.lifecycle.tracking.adopted import AdoptedExperiment, AdoptedRun
from bucle.lifecycle.tracking.experiments import create_experiment, get_experiment
from bucle.lifecycle.tracking.inputs import DatasetUse, LoggedDataset

AT = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)


def experiment(session, **fields):
    told = AdoptedExperiment(**{"source": "s", "id": "7", "name": "churn", **fields})
    with session.begin() as scope:
        return adopted.adopt_experiment(scope, told)


def run(session, **fields):
    told = {"source": "s", "id": "r1", "experiment": "0", "started_at": AT, **fields}
    with session.begin() as scope:
        return adopted.adopt_run(scope, AdoptedRun(**told))


def get(session):
    with session.begin(write=False) as scope:
        return tracking.get_run(scope, Ref("run", "r1"))


def points(*rows):
    return MetricPoints(
        names=tuple(row[0] for row in rows),
        steps=tuple(row[1] for row in rows),
        times=tuple(row[1] for row in rows),
        values=tuple(row[2] for row in rows),
    )


def history(session, name):
    with session.begin(write=False) as scope:
        return tracking.metric_history(scope, Ref("run", "r1"), name).values


def test_an_experiment_keeps_its_number_times_and_stage(session):
    made = experiment(session, created_at=AT, stage="deleted", tags={"team": "blue"})
    assert (made.id, made.created_at, made.stage, made.tags) == (
        "7", AT, "deleted", {"team": "blue"},
    )  # fmt: skip


def test_a_number_that_is_taken_or_huge_gives_way_to_the_next(session):
    with session.begin() as scope:
        create_experiment(scope, "ours")
    assert experiment(session, id="1").id == "2"
    assert experiment(session, id="123456789012345678", name="other").id == "3"


def test_an_experiment_of_the_name_takes_it_in_and_stays_what_it_is(session):
    with session.begin() as scope:
        ours = create_experiment(scope, "churn", tags={"a": "ours"})
    made = experiment(session, created_at=AT, tags={"b": "theirs"})
    assert (made.id, made.created_at) == (ours.id, ours.created_at)
    assert made.tags == {"a": "ours", "b": "theirs"}


def test_an_experiment_that_was_renamed_or_restored_there_is_so_here(session):
    experiment(session, stage="deleted")
    made = experiment(session, name="attrition")
    assert (made.id, made.name, made.stage) == ("7", "attrition", "active")


def test_a_run_keeps_its_id_times_state_and_user(session):
    run(session, name="first", status="failed", ended_at=AT, user="ana", params={"p": "1"},
        tags={"mlflow.parentRunId": "r0"})  # fmt: skip
    found = get(session)
    assert (found.status, found.started_at, found.ended_at) == ("failed", AT, AT)
    assert (found.params, found.parent) == ({"p": "1"}, Ref("run", "r0"))


def test_points_of_a_second_time_are_added_as_often_as_they_lack(session):
    run(session, points=points(("m", 0, 1.0), ("m", 0, 1.0), ("m", 1, "NaN")))
    run(session, points=points(("m", 0, 1.0), ("m", 0, 1.0), ("m", 1, "NaN"), ("m", 2, 3.0)))
    assert len(history(session, "m")) == 4
    assert get(session).metrics["m"] == 3.0


def test_what_was_added_here_stays(session):
    run(session, status="running", tags={"a": "1"})
    with session.begin() as scope:
        tracking.log_points(scope, Ref("run", "r1"), points(("ours", 0, 5.0)))
        tracking.set_tags(scope, Ref("run", "r1"), {"b": "2"})
    run(session, tags={"a": "3"}, points=points(("m", 0, 1.0)))
    found = get(session)
    assert (found.status, found.tags) == ("finished", {"a": "3", "b": "2"})
    assert set(found.metrics) == {"ours", "m"}


def test_a_parameter_that_differs_is_a_conflict_and_nothing_changes(session):
    run(session, params={"p": "1"})
    with pytest.raises(Conflict, match="'1' here and '2'"):
        run(session, params={"p": "2"}, tags={"new": "yes"})
    assert get(session).tags == {}


def test_a_deleted_run_with_datasets_can_be_brought_twice(session):
    use = DatasetUse(
        dataset=LoggedDataset(name="trips", digest="d", source_type="local", source="{}")
    )
    for _ in range(2):
        run(session, stage="deleted", datasets=(use,))
    assert get(session).ref.name == "r1"


def test_a_run_that_no_import_brought_is_never_written_over(session):
    with session.begin() as scope:
        tracking.start_run(scope, RunStart(name="ours", id="r1"))
    with pytest.raises(Conflict, match="no import brought it"):
        run(session, name="theirs")
    with session.begin() as scope, pytest.raises(NotFound):
        adopted.adopt_points(scope, Ref("run", "r1"), points(("m", 0, 1.0)))
    assert get(session).name == "ours"


def test_a_file_whose_content_is_not_stored_leaves_nothing_of_its_run(session):
    with pytest.raises(NotFound):
        run(session, files={"a.txt": "0" * 64})
    with session.begin(write=False) as scope:
        assert tracking.find_run(scope, Ref("run", "r1")) is None
        assert adopted.adopted_from(scope, "s", ["run:r1"]) == ()


def test_a_run_of_an_experiment_that_is_not_here_is_not_found(session):
    with pytest.raises(NotFound):
        run(session, experiment="9")


def test_a_run_of_two_sources_is_one_run(session):
    run(session, points=points(("m", 0, 1.0)))
    run(session, source="t", points=points(("m", 0, 1.0)))
    assert len(history(session, "m")) == 1
    with session.begin(write=False) as scope:
        assert {one.source: one.things for one in adopted.list_sources(scope)} == {"s": 1, "t": 1}


def test_an_experiment_keeps_what_it_is_when_it_comes_a_second_time_by_name(session):
    first = experiment(session)
    second = experiment(session, source="t", id="9")
    assert second.id == first.id
    with session.begin(write=False) as scope:
        assert get_experiment(scope, first.id).name == "churn"
