"""Experiments: their numbers, names, stages, tags and searches."""

from datetime import timedelta

import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.governance.principals import Grant, Principal
from bucle.lifecycle import tracking
from bucle.lifecycle.tracking import experiments, lifespan
from bucle.lifecycle.tracking.experiments import ExperimentQuery


def make(session, name, **how):
    with session.begin() as scope:
        return experiments.create_experiment(scope, name, **how)


def names(session, **query):
    with session.begin(write=False) as scope:
        found = experiments.search_experiments(scope, ExperimentQuery(**query)).items
    return [one.name for one in found]


def start(session, **how):
    with session.begin() as scope:
        return tracking.start_run(scope, tracking.RunStart(name="r", **how))


def test_ids_are_numbers_of_their_project_and_0_is_the_default(session):
    assert [make(session, name).id for name in ("a", "b")] == ["1", "2"]
    with session.begin(write=False) as scope:
        assert experiments.get_experiment(scope, "0").name == "Default"


def test_a_project_in_which_nothing_was_written_has_its_default(session):
    with session.begin(write=False) as scope:
        assert experiments.get_experiment(scope, "0").location == "mlflow-artifacts:/0"
        assert experiments.get_experiment_by_name(scope, "Default").id == "0"


def test_a_native_run_makes_the_experiment_that_it_names(session):
    start(session, experiment="churn")
    start(session)
    assert sorted(names(session)) == ["Default", "churn"]


def test_a_name_is_taken_even_by_a_deleted_experiment(session):
    made = make(session, "a")
    with session.begin() as scope:
        experiments.delete_experiment(scope, made.id)
    with pytest.raises(Conflict, match="deleted"):
        make(session, "a")


def test_a_run_can_not_begin_in_a_deleted_experiment(session):
    made = make(session, "a")
    with session.begin() as scope:
        experiments.delete_experiment(scope, made.id)
    with pytest.raises(Conflict):
        start(session, experiment="a")


def test_an_experiment_takes_its_runs_aside_and_back(session):
    run = start(session, experiment="a")
    for verb, stage in (
        (experiments.delete_experiment, "deleted"),
        (experiments.restore_experiment, "active"),
    ):
        with session.begin() as scope:
            verb(scope, "1")
            assert tracking.search.get_head(scope, run.ref).stage == stage


def test_what_is_aside_already_can_not_be_put_aside(session):
    made = make(session, "a")
    with session.begin() as scope:
        experiments.delete_experiment(scope, made.id)
    with pytest.raises(NotFound), session.begin() as scope:
        experiments.delete_experiment(scope, made.id)


def test_a_new_name_is_that_of_its_runs_too(session):
    run = start(session, experiment="a")
    with session.begin() as scope:
        experiments.rename_experiment(scope, "1", "b")
        assert tracking.get_run(scope, run.ref).experiment == "b"


def test_a_tag_is_set_over_what_it_was_and_removed_once(session):
    made = make(session, "a", tags={"team": "x"})
    with session.begin() as scope:
        experiments.tag_experiment(scope, made.id, {"team": "y"})
        assert experiments.get_experiment(scope, made.id).tags == {"team": "y"}
        experiments.untag_experiment(scope, made.id, "team")
    with pytest.raises(NotFound), session.begin() as scope:
        experiments.untag_experiment(scope, made.id, "team")


@pytest.mark.parametrize("name", ["", "x" * 501])
def test_a_name_that_can_not_be_kept_is_invalid(session, name):
    with pytest.raises(Invalid):
        make(session, name)


@pytest.mark.parametrize(
    "location", ["runs:/x", "s3://b/../c", "s3://b?x=1", "no scheme", "s3://b/#f", "x" * 3000]
)
def test_a_location_that_leads_elsewhere_is_invalid(session, location):
    with pytest.raises(Invalid):
        make(session, "a", location=location)


@pytest.mark.parametrize("id_", ["", "x", "-1", "1.0", "٣", "9" * 30])
def test_an_id_that_is_no_number_is_invalid(session, id_):
    with pytest.raises(Invalid), session.begin(write=False) as scope:
        experiments.get_experiment(scope, id_)


def test_searches_go_by_name_tag_id_and_time(session, house):
    for name in ("alpha", "beta", "Beta"):
        house.drivers.clock.advance(timedelta(minutes=1))
        make(session, name, tags={"first": name[0]})
    millis = int(house.drivers.clock.now().timestamp() * 1000)
    assert names(session, filter="name LIKE 'b%'") == ["beta"]
    assert names(session, filter="name ILIKE 'b%'", order_by=("name ASC",)) == ["Beta", "beta"]
    assert names(session, filter="tags.first = 'a'") == ["alpha"]
    assert names(session, filter="tags.first IS NULL") == ["Default"]
    assert names(session, filter="experiment_id IN ('1', '3')") == ["Beta", "alpha"]
    assert names(session, filter=f"creation_time >= {millis}") == ["Beta"]
    assert names(session, filter=f"creation_time < {millis - 100_000}") == ["alpha", "Default"]


def test_pages_hold_all_and_a_strange_token_is_invalid(session):
    for number in range(5):
        make(session, f"e{number}")
    with session.begin(write=False) as scope:
        first = experiments.search_experiments(scope, ExperimentQuery(limit=4))
        rest = experiments.search_experiments(
            scope, ExperimentQuery(limit=4, token=first.next_token)
        )
        assert len({one.id for one in (*first.items, *rest.items)}) == 6
        with pytest.raises(Invalid):
            experiments.search_experiments(scope, ExperimentQuery(token="garbled"))


def test_who_may_only_read_makes_no_experiment(house):
    viewer = Principal(name="eve", grants=(Grant(role="viewer", project="default"),))
    with pytest.raises(Denied):
        make(house.session(viewer, "default"), "a")


def test_purging_forgets_what_was_deleted_long_enough_ago_and_gives_no_number_again(session, house):
    run = start(session, experiment="a")
    with session.begin() as scope:
        experiments.delete_experiment(scope, "1")
    house.drivers.clock.advance(timedelta(minutes=1))
    with session.begin() as scope:
        assert lifespan.purge(scope, older_than_s=100).runs == 0
        gone = lifespan.purge(scope, older_than_s=10)
    assert (gone.runs, gone.experiments, gone.more) == (1, 1, False)
    with session.begin(write=False) as scope:
        assert tracking.find_run(scope, run.ref) is None
    assert make(session, "a").id == "2"


@pytest.mark.parametrize("order", [(), ("name ASC",), ("last_update_time DESC",)])
def test_experiments_made_between_pages_skip_and_double_none(session, order):
    for name in ("a", "b", "c", "d", "e"):
        make(session, name)
    with session.begin(write=False) as scope:
        first = experiments.search_experiments(scope, ExperimentQuery(order_by=order, limit=2))
    make(session, "aa")
    make(session, "0")
    with session.begin(write=False) as scope:
        query = ExperimentQuery(order_by=order, limit=100, token=first.next_token)
        rest = experiments.search_experiments(scope, query)
    found = [one.name for one in (*first.items, *rest.items)]
    assert len(found) == len(set(found))
    assert set("abcde") <= set(found)


def test_a_page_token_of_another_order_is_refused(session):
    for name in ("a", "b"):
        make(session, name)
    with session.begin(write=False) as scope:
        query = ExperimentQuery(order_by=("name ASC",), limit=1)
        token = experiments.search_experiments(scope, query).next_token
        for other in ((), ("name DESC",)):
            query = ExperimentQuery(order_by=other, token=token)
            with pytest.raises(Invalid, match="not a page token"):
                experiments.search_experiments(scope, query)
