import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag

from protocol import INVALID, MISSING, refused


def made(name, digest="d1", context="train"):
    dataset = Dataset(
        name=name,
        digest=digest,
        source_type="local",
        source='{"uri": "file:///data.csv"}',
        schema='{"mlflow_colspec": []}',
        profile='{"num_rows": 3}',
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", context)])


def test_a_dataset_is_told_with_everything_it_came_with(client, run):
    client.log_inputs(run, [made("cards")])
    (told,) = client.get_run(run).inputs.dataset_inputs
    assert told.dataset.name == "cards"
    assert told.dataset.digest == "d1"
    assert told.dataset.source_type == "local"
    assert told.dataset.source == '{"uri": "file:///data.csv"}'
    assert told.dataset.schema == '{"mlflow_colspec": []}'
    assert told.dataset.profile == '{"num_rows": 3}'
    assert [(tag.key, tag.value) for tag in told.tags] == [("mlflow.data.context", "train")]


def test_the_same_dataset_twice_is_one_input(client, run):
    client.log_inputs(run, [made("cards")])
    client.log_inputs(run, [made("cards")])
    assert len(client.get_run(run).inputs.dataset_inputs) == 1


def test_two_digests_of_a_name_are_two_inputs(client, run):
    client.log_inputs(run, [made("cards", "d1"), made("cards", "d2", "eval")])
    told = client.get_run(run).inputs.dataset_inputs
    assert sorted(one.dataset.digest for one in told) == ["d1", "d2"]


def test_a_search_tells_the_inputs_too(client, experiment, run):
    client.log_inputs(run, [made("cards")])
    (told,) = client.search_runs([experiment])
    assert [one.dataset.name for one in told.inputs.dataset_inputs] == ["cards"]


def test_a_run_without_data_has_no_inputs(client, run):
    assert client.get_run(run).inputs.dataset_inputs == []


def test_log_input_of_a_frame_keeps_digest_schema_and_context(client, fluent_experiment):
    frame = pd.DataFrame({"amount": [1.0, 2.0], "fraud": [0, 1]})
    dataset = mlflow.data.from_pandas(frame, name="frame", targets="fraud")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training", tags={"split": "a"})
    (told,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert (told.dataset.name, told.dataset.digest) == ("frame", dataset.digest)
    assert "amount" in told.dataset.schema
    tags = {tag.key: tag.value for tag in told.tags}
    assert tags["mlflow.data.context"] == "training"


def test_log_input_of_an_array_is_told(client, fluent_experiment):
    dataset = mlflow.data.from_numpy(np.arange(6.0).reshape(3, 2), name="array")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="validation")
    (told,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert told.dataset.name == "array"


@pytest.mark.parametrize(
    "dataset",
    [
        {"name": "n" * 501, "digest": "d", "source_type": "t", "source": "s"},
        {"name": "n", "digest": "d" * 37, "source_type": "t", "source": "s"},
        {"name": "n", "digest": "d", "source_type": "t", "source": "s" * 65536},
    ],
    ids=["long name", "long digest", "long source"],
)
def test_a_dataset_over_a_limit_is_refused(protocol, client, run, dataset):
    answer = protocol.post("runs/log-inputs", run_id=run, datasets=[{"dataset": dataset}])
    assert (answer.status_code, answer.json()["error_code"]) == (400, INVALID)
    assert client.get_run(run).inputs.dataset_inputs == []


def test_inputs_of_a_run_of_nobody_are_refused(client):
    with refused(MISSING):
        client.log_inputs("0" * 32, [made("cards")])


def test_the_datasets_of_experiments_are_told(protocol, client, experiment, run):
    client.log_inputs(run, [made("cards", "d1"), made("rates", "d2", "eval")])
    answer = protocol.send(
        "POST",
        "/ajax-api/2.0/mlflow/experiments/search-datasets",
        json={"experiment_ids": [experiment]},
    )
    told = {
        (one["name"], one["digest"], one.get("context"))
        for one in answer.json()["dataset_summaries"]
    }
    assert told == {("cards", "d1", "train"), ("rates", "d2", "eval")}
