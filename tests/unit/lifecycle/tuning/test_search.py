import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Invalid, NotFound, NotInstalled, Refused
from bucle.base.refs import Ref
from bucle.governance.lineage.trace import trace
from bucle.lifecycle import tracking, tuning
from bucle.lifecycle.data import SplitSpec, commit_table, look, read_part, read_table, split
from bucle.lifecycle.tracking import RunStart
from bucle.lifecycle.tuning import Choice, Float, Int, Search
from bucle.testing.houses import open_test_house

SPACE = {"x": Float(-10, 10), "n": Int(1, 9), "kind": Choice(("a", "b"))}


@pytest.fixture(params=["sqlite", "postgresql"])
def any_session(request, tmp_path: Path):
    given = {}
    if request.param == "postgresql":
        given["database_url"] = request.getfixturevalue("postgresql_url")
    house = open_test_house(tmp_path / "home", **given)
    yield house.session()
    house.close()


@pytest.fixture
def session(tmp_path: Path):
    house = open_test_house(tmp_path / "home")
    yield house.session()
    house.close()


def bowl(params, _report) -> float:
    return (params["x"] - 3) ** 2 + params["n"] + (params["kind"] == "a")


def study_of(session, result):
    with session.begin(write=False) as scope:
        return tuning.get_study(scope, result.study)


def test_a_search_comes_near_the_best(any_session):
    result = tuning.search(any_session, bowl, SPACE, Search(trials=40, seed=1))
    assert result.value < 6
    assert result.value == bowl(result.params, None)
    assert len(result.trials) == 40
    assert study_of(any_session, result).trials == result.trials


def test_the_same_seed_tries_the_same(session):
    tries = [
        [trial.params for trial in tuning.search(session, bowl, SPACE, Search(seed=5)).trials]
        for _ in range(2)
    ]
    assert tries[0] == tries[1]


def test_a_greater_value_is_better_when_it_is_maximized(session):
    result = tuning.search(
        session, lambda p, _: p["n"], {"n": Int(1, 9)}, Search(direction="maximize", trials=15)
    )
    assert result.value == 9


def test_each_algorithm_has_a_space_of_its_own(session):
    seen = set()

    def objective(params, _report):
        seen.add((params["algorithm"], *sorted(params.keys() - {"algorithm"})))
        return params.get("depth", 5) + (params["algorithm"] == "forest")

    space = {
        "forest": {"depth": Int(1, 9), "trees": Int(10, 100, log=True)},
        "linear": {"depth": Float(0.5, 2, step=0.5)},
        "leaf": Choice((1, 2)),
    }
    result = tuning.search(session, objective, space, Search(trials=30))
    assert seen == {("forest", "depth", "leaf", "trees"), ("linear", "depth", "leaf")}
    assert (result.params["algorithm"], result.params["depth"]) == ("linear", 0.5)


def test_each_trial_is_a_run_of_the_outer_run(any_session):
    session = any_session
    with session.begin() as scope:
        outer = tracking.start_run(scope, RunStart(name="tune", experiment="night")).ref

    def objective(params, report):
        report(0, 9.0)
        return params["x"] ** 2

    asked = Search(trials=3, metric="mae")
    result = tuning.search(session, objective, {"x": Float(0, 1)}, asked, run=outer)
    with session.begin(write=False) as scope:
        runs = tracking.list_runs(scope, tracking.RunQuery(kind="trial", parent=outer)).items
        best = tracking.get_run(scope, result.run)
        nodes = trace(scope, result.run).nodes
        history = tracking.metric_history(scope, result.run, "mae")
    assert len(runs) == 3
    assert {run.experiment for run in runs} == {"night"}
    assert (best.params, best.metrics["mae"]) == (result.params, result.value)
    assert best.usage
    assert history.values == (9.0, result.value)
    assert {str(outer), str(result.study)} <= set(nodes)


def test_inside_a_run_that_is_the_outer_one_and_what_is_logged_goes_to_the_trial(session):
    with session.begin() as scope:
        outer = tracking.start_run(scope, RunStart(name="tune")).ref
    seen = []

    def objective(params, _report):
        seen.append(tracking.ambient_run().run)
        return params["x"]

    with tracking.within(outer, session):
        result = tuning.search(session, objective, {"x": Float(0, 1)}, Search(trials=2))
        assert tracking.ambient_run().run == outer
    assert seen == [trial.run for trial in result.trials]


def test_a_trial_that_falls_behind_is_stopped(session):
    def objective(params, report):
        for step in range(10):
            report(step, params["x"])
        return params["x"]

    result = tuning.search(session, objective, {"x": Float(0, 1)}, Search(trials=25, seed=3))
    pruned = [trial for trial in result.trials if trial.status == "pruned"]
    assert pruned
    assert all(len(trial.reports) < 10 for trial in pruned)
    with session.begin(write=False) as scope:
        run = tracking.get_run(scope, pruned[0].run)
    assert (run.status, run.tags) == ("finished", {"pruned": "true"})


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(session):
    def objective(params, _report):
        if params["n"] % 2:
            raise ArithmeticError("odd numbers do not converge")
        return params["n"]

    result = tuning.search(session, objective, {"n": Int(1, 9)}, Search(trials=20))
    failed = [trial for trial in result.trials if trial.status == "failed"]
    assert result.value == 2
    assert failed
    assert "odd numbers do not converge" in failed[0].error
    with session.begin(write=False) as scope:
        assert tracking.get_run(scope, failed[0].run).status == "failed"


def test_a_value_that_is_not_a_number_fails_its_trial(session):
    values = iter([float("nan"), 1.0])
    result = tuning.search(session, lambda *_: next(values), SPACE, Search(trials=2))
    assert [trial.status for trial in result.trials] == ["failed", "finished"]
    assert "the objective returned nan" in result.trials[0].error


def test_when_every_trial_fails_the_search_does_and_says_why(session):
    def objective(_params, _report):
        raise KeyError("price")

    with pytest.raises(Invalid, match=r"none of the 3 trials .* the first said: KeyError: 'price'"):
        tuning.search(session, objective, SPACE, Search(trials=3, name="doomed"))
    with session.begin(write=False) as scope:
        assert tuning.get_study(scope, Ref("study", "doomed")).status == "failed"


def test_an_interrupted_search_goes_on_and_tries_what_it_would_have_tried(any_session):
    session = any_session
    whole = tuning.search(session, bowl, SPACE, Search(trials=15, seed=2))
    calls = iter(range(100))

    def interrupted(params, report):
        if next(calls) == 11:
            raise KeyboardInterrupt
        return bowl(params, report)

    asked = Search(trials=15, seed=2, name="night")
    with pytest.raises(KeyboardInterrupt):
        tuning.search(session, interrupted, SPACE, asked)
    with session.begin(write=False) as scope:
        study = tuning.get_study(scope, Ref("study", "night"))
        assert [trial.status for trial in study.trials][-2:] == ["finished", "killed"]
        assert tracking.get_run(scope, study.trials[-1].run).status == "killed"
    resumed = tuning.search(session, interrupted, SPACE, asked)
    assert next(calls) == 16
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in whole.trials]
    assert resumed.value == whole.value


def test_a_study_that_is_done_only_answers(session):
    asked = Search(trials=4, name="done")
    first = tuning.search(session, bowl, SPACE, asked)
    assert tuning.search(session, lambda *_: pytest.fail("a trial"), SPACE, asked) == first


def test_a_study_of_another_space_is_not_gone_on_with(session):
    tuning.search(session, bowl, SPACE, Search(trials=2, name="night"))
    with pytest.raises(Conflict, match="another space"):
        tuning.search(session, bowl, SPACE | {"z": Int(1, 2)}, Search(trials=2, name="night"))


def test_a_study_that_another_thread_searches_is_left_alone(session):
    inside, leave = threading.Event(), threading.Event()

    def objective(params, _report):
        inside.set()
        leave.wait(30)
        return params["x"]

    asked = Search(trials=1, name="busy")
    other = threading.Thread(target=tuning.search, args=(session, objective, SPACE, asked))
    other.start()
    inside.wait(30)
    with pytest.raises(Conflict, match="is being searched by process"):
        tuning.search(session, bowl, SPACE, asked)
    leave.set()
    other.join()


def test_workers_search_side_by_side(session):
    together = threading.Barrier(3, timeout=30)

    def objective(params, _report):
        together.wait()  # passes only when three trials run at once
        return params["x"]

    result = tuning.search(session, objective, {"x": Float(0, 1)}, Search(trials=6, workers=3))
    assert [trial.status for trial in result.trials] == ["finished"] * 6


def test_time_can_be_the_budget(session):
    result = tuning.search(session, bowl, SPACE, Search(trials=1000, seconds=0.3))
    assert 1 <= len(result.trials) < 1000


def test_what_was_best_before_can_be_tried_first(session):
    known = {"x": 3.0, "n": 1, "kind": "b"}
    result = tuning.search(session, bowl, SPACE, Search(trials=3, first=(known,)))
    assert result.trials[0].params == known
    assert result.params == known
    with pytest.raises(Invalid, match="outside of the space"):
        tuning.search(session, bowl, SPACE, Search(first=({"x": 99.0},)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Search(trials=0), "0 trials"),
        (Search(seconds=0), "0 seconds"),
        (Search(workers=0), "0 workers"),
    ],
)
def test_a_budget_of_nothing_is_refused(session, asked, message):
    with pytest.raises(Invalid, match=message):
        tuning.search(session, bowl, SPACE, asked)


def test_without_optuna_the_hint_says_what_to_install(session, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NotInstalled) as caught:
        tuning.search(session, bowl, SPACE, Search())
    assert caught.value.hint == "pip install 'bucle[tune]'"


def test_studies_are_listed_newest_first(session):
    for name in ("one", "two", "three"):
        tuning.search(session, bowl, SPACE, Search(trials=1, name=name))
    names, token = [], None
    for _ in range(2):
        with session.begin(write=False) as scope:
            page = tuning.list_studies(scope, limit=2, token=token)
        names += [study.ref.name for study in page.items]
        token = page.next_token
    assert sorted(names) == ["one", "three", "two"]
    with session.begin(write=False) as scope, pytest.raises(NotFound):
        tuning.get_study(scope, Ref("study", "four"))


def test_a_trial_reads_what_fits_and_selects_and_not_what_confirms(session):
    rows = pa.table({"x": list(range(50))})
    commit_table(session, "points", rows, mode="replace", message="")
    split(session, "points", SplitSpec(name="holdout"))
    refused = []

    def objective(params, _report):
        for peek in (
            lambda: look(session, "holdout", purpose="tuning"),
            lambda: read_table(session, "points"),
        ):
            with pytest.raises(Refused) as caught:
                peek()
            refused.append(caught.value.message)
        return read_part(session, "holdout", "select").num_rows * params["x"]

    tuning.search(session, objective, {"x": Int(1, 9)}, Search(trials=2))
    assert len(refused) == 4
    assert all("is being tuned" in message for message in refused)
    assert read_table(session, "points").num_rows == 50
