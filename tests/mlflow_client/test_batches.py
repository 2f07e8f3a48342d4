import pytest
from mlflow.entities import Metric, Param, RunTag

from protocol import INVALID, MISSING, refused


def test_an_empty_batch_is_fine(client, protocol, run):
    client.log_batch(run)
    assert protocol.post("runs/log-batch", run_id=run).ok


def test_a_batch_writes_metrics_params_and_tags(client, run):
    client.log_batch(
        run,
        metrics=[Metric("loss", 0.5, 1, 0), Metric("loss", 0.25, 2, 1), Metric("auc", 0.9, 2, 1)],
        params=[Param("depth", "3")],
        tags=[RunTag("stage", "draft")],
    )
    data = client.get_run(run).data
    assert data.metrics == {"loss": 0.25, "auc": 0.9}
    assert data.params == {"depth": "3"}
    assert data.tags["stage"] == "draft"


def test_a_batch_of_1000_metrics_is_written_whole(client, run):
    client.log_batch(run, metrics=[Metric(f"m{n}", float(n), 1, 0) for n in range(1000)])
    assert client.get_run(run).data.metrics == {f"m{n}": float(n) for n in range(1000)}


def batch(protocol, run, *, metrics=0, params=0, tags=0):
    return protocol.post(
        "runs/log-batch",
        run_id=run,
        metrics=[{"key": f"m{n}", "value": 1.0, "timestamp": 1, "step": 0} for n in range(metrics)],
        params=[{"key": f"p{n}", "value": "1"} for n in range(params)],
        tags=[{"key": f"t{n}", "value": "1"} for n in range(tags)],
    )


@pytest.mark.parametrize(
    "counts",
    [
        {"metrics": 1001},
        {"params": 101},
        {"tags": 101},
        {"metrics": 850, "params": 80, "tags": 80},
    ],
)
def test_a_batch_over_the_limits_is_refused_and_writes_nothing(protocol, client, run, counts):
    answer = batch(protocol, run, **counts)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)
    data = client.get_run(run).data
    assert (data.metrics, data.params) == ({}, {})


def test_a_batch_at_the_limits_is_fine(protocol, client, run):
    assert batch(protocol, run, metrics=800, params=100, tags=100).ok
    data = client.get_run(run).data
    assert (len(data.metrics), len(data.params)) == (800, 100)


def nothing_was_written(client, run, params=None):
    data = client.get_run(run).data
    tags = {key for key in data.tags if not key.startswith("mlflow.")}
    return data.metrics == {} and data.params == (params or {}) and tags == set()


def test_a_param_that_changes_leaves_nothing_of_its_batch(client, run):
    client.log_param(run, "p", "old")
    with refused(INVALID):
        client.log_batch(
            run,
            metrics=[Metric("m", 1.0, 1, 0)],
            params=[Param("q", "1"), Param("p", "new")],
            tags=[RunTag("t", "v")],
        )
    assert nothing_was_written(client, run, {"p": "old"})


def test_a_param_twice_with_two_values_leaves_nothing_of_its_batch(client, run):
    with refused(INVALID):
        client.log_batch(
            run, metrics=[Metric("m", 1.0, 1, 0)], params=[Param("p", "1"), Param("p", "2")]
        )
    assert nothing_was_written(client, run)


def test_a_param_twice_with_one_value_is_refused_too(client, run):
    with refused(INVALID):
        client.log_batch(run, params=[Param("p", "1"), Param("p", "1")])
    assert nothing_was_written(client, run)


def test_a_param_that_is_there_with_its_value_is_fine_in_a_batch(client, run):
    client.log_param(run, "p", "1")
    client.log_batch(run, params=[Param("p", "1"), Param("q", "2")])
    assert client.get_run(run).data.params == {"p": "1", "q": "2"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": [{"key": "../m", "value": 1.0, "timestamp": 1, "step": 0}]},
        {"metrics": [{"key": "m" * 251, "value": 1.0, "timestamp": 1, "step": 0}]},
        {"metrics": [{"value": 1.0, "timestamp": 1, "step": 0}]},
        {"params": [{"key": "a;b", "value": "x"}]},
        {"params": [{"value": "x"}]},
        {"tags": [{"key": "t" * 251, "value": "x"}]},
    ],
)
def test_one_wrong_item_leaves_nothing_of_its_batch(protocol, client, run, wrong):
    right = {
        "metrics": [{"key": "good", "value": 1.0, "timestamp": 1, "step": 0}],
        "params": [{"key": "good", "value": "1"}],
        "tags": [{"key": "good", "value": "1"}],
    }
    fields = {kind: right[kind] + wrong.get(kind, []) for kind in right}
    answer = protocol.post("runs/log-batch", run_id=run, **fields)
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)
    assert nothing_was_written(client, run)


def test_values_that_are_too_long_are_cut_in_a_batch_too(client, run):
    client.log_batch(run, params=[Param("p", "x" * 6001)], tags=[RunTag("t", "x" * 8001)])
    data = client.get_run(run).data
    assert (len(data.params["p"]), len(data.tags["t"])) == (6000, 8000)


def test_the_last_of_two_tags_in_a_batch_stays(client, run):
    client.log_batch(run, tags=[RunTag("t", "first"), RunTag("t", "last")])
    assert client.get_run(run).data.tags["t"] == "last"


def test_a_batch_for_a_run_of_nobody_is_refused(client):
    with refused(MISSING):
        client.log_batch("0" * 32, params=[Param("p", "1")])


def test_a_batch_without_a_run_is_refused(protocol):
    answer = protocol.post("runs/log-batch", params=[{"key": "p", "value": "1"}])
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)


def test_a_batch_that_is_no_list_is_refused(protocol, run):
    answer = protocol.post("runs/log-batch", run_id=run, metrics="text")
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)
