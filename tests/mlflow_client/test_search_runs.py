import time

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from protocol import INVALID, MISSING, refused

RUNS = {
    "one": ({"auc": 0.5, "a b": 1.0, "x/y": 3.0}, {"depth": "3", "kind": "Tree"}, {"team": "red"}),
    "two": ({"auc": 0.7, "a b": 2.0}, {"depth": "5", "kind": "tree"}, {"team": "blue"}),
    "three": ({"auc": 0.9}, {"depth": "10", "kind": "linear", "a b": "q"}, {"team": "50%_off"}),
    "four": ({}, {}, {"dotted.tag": "d", "ñ": "流"}),
}


@pytest.fixture(scope="module")
def four():
    """Fill one experiment for the module: nobody changes it."""
    from mlflow import MlflowClient, get_tracking_uri

    client = MlflowClient(get_tracking_uri())
    experiment = client.create_experiment(f"four-{time.time_ns()}")
    for at, (name, (metrics, params, tags)) in enumerate(RUNS.items()):
        run = client.create_run(experiment, run_name=name, start_time=1000 + at).info.run_id
        client.log_batch(
            run,
            [Metric(key, value, 1, 0) for key, value in metrics.items()],
            [Param(key, value) for key, value in params.items()],
            [RunTag(key, value) for key, value in tags.items()],
        )
    runs = {run.info.run_name: run.info.run_id for run in client.search_runs([experiment])}
    for name, digest, context in (("one", "d1", "train"), ("two", "d2", "eval")):
        data = Dataset(f"data-{name}", digest, "local", "{}")
        tags = [InputTag("mlflow.data.context", context)]
        client.log_inputs(runs[name], [DatasetInput(data, tags)])
    client.set_terminated(runs["one"], "FAILED", end_time=5000)
    client.set_terminated(runs["two"], "FINISHED", end_time=6000)
    return client, experiment, runs


def found(four, condition):
    client, experiment, _ = four
    return {run.info.run_name for run in client.search_runs([experiment], condition)}


CASES = [
    ("", {"one", "two", "three", "four"}),
    ("metrics.auc > 0.5", {"two", "three"}),
    ("metrics.auc >= 0.5", {"one", "two", "three"}),
    ("metrics.auc < 0.7", {"one"}),
    ("metrics.auc <= 0.7", {"one", "two"}),
    ("metrics.auc = 0.7", {"two"}),
    ("metrics.auc != 0.7", {"one", "three"}),
    ("metric.auc > 0.8", {"three"}),
    ("metrics.`auc` > 0.8", {"three"}),
    ('metrics."auc" > 0.8', {"three"}),
    ("metrics.`a b` = 2", {"two"}),
    ('metrics."a b" = 1', {"one"}),
    ("metrics.`x/y` = 3.0", {"one"}),
    ("metrics.auc > -1", {"one", "two", "three"}),
    ("metrics.auc > 5e-1", {"two", "three"}),
    ("metrics.nothing > 0", set()),
    ("metrics.auc > 0.5 and metrics.auc < 0.8", {"two"}),
    ("metrics.auc > 0.5 AND params.depth = '10' AND tags.team LIKE '50%'", {"three"}),
    ("params.depth = '3'", {"one"}),
    ('params.depth = "3"', {"one"}),
    ("param.depth != '3'", {"two", "three"}),
    ("parameter.depth = '3'", {"one"}),
    ("parameters.depth = '3'", {"one"}),
    ("params.kind LIKE 't%'", {"two"}),
    ("params.kind LIKE '%ree'", {"one", "two"}),
    ("params.kind ILIKE 'T%'", {"one", "two"}),
    ("params.kind ilike 'TREE'", {"one", "two"}),
    ("params.kind LIKE '_ree'", {"one", "two"}),
    ("params.`a b` = 'q'", {"three"}),
    ("tags.team = 'red'", {"one"}),
    ("tag.team = 'red'", {"one"}),
    ("tags.team != 'red'", {"two", "three"}),
    ("tags.team LIKE '%e%'", {"one", "two"}),
    ("tags.`dotted.tag` = 'd'", {"four"}),
    ("tags.dotted.tag = 'd'", {"four"}),
    ("tags.`ñ` = '流'", {"four"}),
    ("tags.team = 'it''s'", set()),
    ("status = 'FAILED'", {"one"}),
    ("attributes.status = 'RUNNING'", {"three", "four"}),
    ("attribute.status != 'RUNNING'", {"one", "two"}),
    ("attr.status = 'FINISHED'", {"two"}),
    ("attributes.status LIKE 'F%'", {"one", "two"}),
    ("run_name = 'one'", {"one"}),
    ("attributes.run_name LIKE 't%'", {"two", "three"}),
    ("run_name ILIKE 'T%'", {"two", "three"}),
    ("`run name` = 'one'", {"one"}),
    ("attributes.`Run name` = 'one'", {"one"}),
    ("tags.mlflow.runName = 'one'", {"one"}),
    ("tags.`mlflow.runName` LIKE 'o%'", {"one"}),
    ("start_time > 1001", {"three", "four"}),
    ("attributes.start_time <= 1001", {"one", "two"}),
    ("created = 1000", {"one"}),
    ("end_time >= 5000", {"one", "two"}),
    ("end_time = 6000", {"two"}),
    ("artifact_uri LIKE 'mlflow-artifacts:%'", {"one", "two", "three", "four"}),
    ("dataset.name = 'data-one'", {"one"}),
    ("datasets.name LIKE 'data-%'", {"one", "two"}),
    ("dataset.digest = 'd2'", {"two"}),
    ("dataset.digest IN ('d1', 'd2')", {"one", "two"}),
    ("dataset.context = 'train'", {"one"}),
    ("dataset.context ILIKE 'EV%'", {"two"}),
    ("dataset.name = 'data-one' AND dataset.context = 'eval'", set()),
    ("dataset.name = 'data-one' AND metrics.auc = 0.5", {"one"}),
]


@pytest.mark.parametrize(("condition", "names"), CASES, ids=[case for case, _ in CASES])
def test_a_filter_finds(four, condition, names):
    assert found(four, condition) == names


def test_run_id_is_an_attribute_with_in_and_not_in(four):
    _, _, runs = four
    one, two = runs["one"], runs["two"]
    assert found(four, f"run_id = '{one}'") == {"one"}
    assert found(four, f"attributes.run_id IN ('{one}', '{two}')") == {"one", "two"}
    assert found(four, f"attributes.run_id NOT IN ('{one}', '{two}')") == {"three", "four"}
    assert found(four, f"run_id IN ('{one}')") == {"one"}


WRONG = [
    "metrics.auc",
    "metrics.auc >",
    "> 3",
    "metrics.auc > 'text'",
    "metrics.auc > text",
    "metrics.auc LIKE '1'",
    "metrics > 3",
    "auc > 3",
    "nothing.auc > 3",
    "params.depth = 3",
    "params.depth > '3'",
    "tags.team > 'a'",
    "tags.team = red",
    "status > 'RUNNING'",
    "attributes.nothing = 'x'",
    "metrics.auc = 1 OR metrics.auc = 2",
    "start_time = 'yesterday'",
    "start_time LIKE '1%'",
    "run_id IN (1, 2)",
    "run_id IN ()",
    "run_id IN 'x'",
    "dataset.nothing = 'x'",
    "dataset.name > 'x'",
    "tags.team = 'unclosed",
    "metrics.`auc > 1",
    "params.depth = '3'; DROP TABLE runs",
    "(metrics.auc > 1",
    "metrics.auc IN (1, 2)",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_filter_that_cannot_be_read_is_refused(four, wrong):
    with refused(INVALID):
        found(four, wrong)


def ordered(four, *order_by):
    client, experiment, _ = four
    return [run.info.run_name for run in client.search_runs([experiment], order_by=list(order_by))]


@pytest.mark.parametrize(
    ("order_by", "names"),
    [
        ([], ["four", "three", "two", "one"]),
        (["start_time"], ["one", "two", "three", "four"]),
        (["attributes.start_time DESC"], ["four", "three", "two", "one"]),
        (["attribute.start_time asc"], ["one", "two", "three", "four"]),
        (["created DESC"], ["four", "three", "two", "one"]),
        (["metrics.auc ASC"], ["one", "two", "three", "four"]),
        (["metrics.auc DESC"], ["three", "two", "one", "four"]),
        (["metric.`auc` desc"], ["three", "two", "one", "four"]),
        (["params.depth"], ["three", "one", "two", "four"]),
        (["params.depth DESC"], ["two", "one", "three", "four"]),
        (["tags.team"], ["three", "two", "one", "four"]),
        (["tags.`team` DESC"], ["one", "two", "three", "four"]),
        (["run_name"], ["four", "one", "three", "two"]),
        (["attributes.run_name DESC"], ["two", "three", "one", "four"]),
        (["metrics.`a b` DESC"], ["two", "one", "four", "three"]),
        (["status", "start_time DESC"], ["one", "two", "four", "three"]),
        (["metrics.nothing", "start_time"], ["one", "two", "three", "four"]),
        (["end_time DESC"], ["two", "one", "four", "three"]),
    ],
    ids=str,
)
def test_an_order_is_kept_and_what_lacks_the_value_comes_last(four, order_by, names):
    assert ordered(four, *order_by) == names


@pytest.mark.parametrize(
    "wrong",
    ["metrics.auc SIDEWAYS", "metrics.auc ASC DESC", "auc", "nothing.auc", "metrics", "", "1"],
)
def test_an_order_that_cannot_be_read_is_refused(four, wrong):
    with refused(INVALID):
        ordered(four, wrong)


@pytest.mark.parametrize("order_by", [["metrics.same DESC"], ["tags.same"], [], ["params.same"]])
def test_pages_over_ties_give_each_run_once(client, experiment, order_by):
    made = set()
    for _ in range(7):
        run = client.create_run(experiment, start_time=1, tags={"same": "s"}).info.run_id
        client.log_batch(run, [Metric("same", 1.0, 1, 0)], [Param("same", "1")])
        made.add(run)
    seen, token = [], None
    for _ in range(10):
        page = client.search_runs([experiment], order_by=order_by, max_results=3, page_token=token)
        assert len(page) <= 3
        seen += [run.info.run_id for run in page]
        token = page.token
        if not token:
            break
    assert set(seen) == made
    assert len(seen) == len(made)


def test_a_page_that_holds_all_has_no_next(four):
    client, experiment, _ = four
    assert not client.search_runs([experiment], max_results=5).token


def test_a_page_token_of_nobody_is_refused(four):
    client, experiment, _ = four
    with refused(INVALID):
        client.search_runs([experiment], page_token="garbage")


@pytest.mark.parametrize("wrong", [-1, 0, 50001])
def test_a_page_size_out_of_bounds_is_refused(four, wrong):
    client, experiment, _ = four
    with refused(INVALID):
        client.search_runs([experiment], max_results=wrong)


def test_several_experiments_are_searched_at_once(client, unique):
    ids = [client.create_experiment(unique("several")) for _ in range(3)]
    runs = [client.create_run(experiment).info.run_id for experiment in ids]
    told = {run.info.run_id for run in client.search_runs(ids[:2])}
    assert told == set(runs[:2])


def test_no_experiment_finds_nothing(client):
    assert list(client.search_runs([])) == []


def test_an_experiment_of_nobody_finds_nothing(client):
    assert list(client.search_runs(["987654321"])) == []


def test_infinities_and_nan_have_their_place_in_the_order(client, experiment):
    for name, value in (("nan", "nan"), ("low", "-inf"), ("mid", "0"), ("high", "inf")):
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_metric(run, "m", float(value))
    client.create_run(experiment, run_name="none")
    up = [run.info.run_name for run in client.search_runs([experiment], order_by=["metrics.m"])]
    down = client.search_runs([experiment], order_by=["metrics.m DESC"])
    assert up == ["low", "mid", "high", "nan", "none"]
    assert [run.info.run_name for run in down][:3] == ["high", "mid", "low"]


def test_a_filter_asks_the_last_value_of_a_metric(client, run, found):
    for step, value in enumerate((0.9, 0.1)):
        client.log_metric(run, "auc", value, step=step)
    assert found("metrics.auc > 0.5") == []
    assert len(found("metrics.auc < 0.5")) == 1


def test_a_search_tells_metrics_params_and_tags(four):
    client, experiment, _ = four
    (run,) = client.search_runs([experiment], "run_name = 'one'")
    metrics, params, tags = RUNS["one"]
    assert run.data.metrics == metrics
    assert run.data.params == params
    assert tags.items() <= run.data.tags.items()


def test_a_deleted_experiments_runs_are_not_active(client, experiment, run):
    client.delete_experiment(experiment)
    assert list(client.search_runs([experiment])) == []
    with refused(MISSING):
        client.get_run("0" * 32)
