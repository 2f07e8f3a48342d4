"""Fits of scikit-learn, XGBoost and LightGBM that log themselves, and models that come back."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

MAJOR = int(mlflow.__version__.split(".")[0])
NEEDED = ["scikit-learn"]  # told, since guessing loads the model in another process


@pytest.fixture(scope="module")
def rows():
    features, target = make_classification(n_samples=120, n_features=4, random_state=0)
    return pd.DataFrame(features, columns=list("abcd")), target


@pytest.fixture
def _quiet():
    yield
    mlflow.sklearn.autolog(disable=True)
    mlflow.xgboost.autolog(disable=True)
    mlflow.lightgbm.autolog(disable=True)


def log_model(model, name, **options):
    """Log a scikit-learn model under the name as this client's major spells it."""
    place = {"name": name} if MAJOR >= 3 else {"artifact_path": name}
    return mlflow.sklearn.log_model(model, **place, pip_requirements=NEEDED, **options)


@pytest.fixture
def fitted(rows):
    return LogisticRegression(C=0.5).fit(*rows)


@pytest.mark.usefixtures("_quiet")
def test_scikit_learn_logs_its_fit(client, fluent_experiment, rows):
    mlflow.sklearn.autolog(log_input_examples=True)
    features, target = rows
    with mlflow.start_run() as run:
        model = LogisticRegression(C=0.5).fit(features, target)
    told = client.get_run(run.info.run_id)
    assert told.data.params["C"] == "0.5"
    assert 0.5 < told.data.metrics["training_accuracy_score"] <= 1
    assert told.data.tags["estimator_name"] == "LogisticRegression"
    assert [one.dataset.name for one in told.inputs.dataset_inputs] == ["dataset"]
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "training_confusion_matrix.png" in paths
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert (loaded.predict(features) == model.predict(features)).all()
    assert loaded.metadata.signature.inputs.input_names() == list("abcd")
    assert loaded.metadata.run_id == run.info.run_id


@pytest.mark.usefixtures("_quiet")
def test_a_search_over_a_grid_logs_its_children(client, fluent_experiment, rows):
    mlflow.sklearn.autolog(max_tuning_runs=3, log_models=False)
    with mlflow.start_run() as run:
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(*rows)
    told = client.get_run(run.info.run_id)
    assert told.data.params["best_C"] in {"0.1", "1.0"}
    assert "best_cv_score" in told.data.metrics
    children = client.search_runs(
        [fluent_experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )
    assert sorted(child.data.params["C"] for child in children) == ["0.1", "1.0"]
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "cv_results.csv" in paths


@pytest.mark.usefixtures("_quiet")
def test_xgboost_logs_its_training(client, fluent_experiment, rows):
    xgboost = pytest.importorskip("xgboost")
    mlflow.xgboost.autolog(log_input_examples=True)
    features, target = rows
    data = xgboost.DMatrix(features, label=target)
    with mlflow.start_run() as run:
        booster = xgboost.train(
            {"max_depth": 2, "objective": "binary:logistic", "nthread": 1},
            data,
            num_boost_round=5,
            evals=[(data, "train")],
            verbose_eval=False,
        )
    told = client.get_run(run.info.run_id)
    assert told.data.params["max_depth"] == "2"
    assert told.data.params["num_boost_round"] == "5"
    history = client.get_metric_history(run.info.run_id, "train-logloss")
    assert [point.step for point in history] == [0, 1, 2, 3, 4]
    assert history[-1].value < history[0].value
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "feature_importance_weight.json" in paths
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(features), booster.predict(data))
    assert loaded.metadata.signature is not None


@pytest.mark.usefixtures("_quiet")
def test_lightgbm_logs_its_training(client, fluent_experiment, rows):
    lightgbm = pytest.importorskip("lightgbm")
    mlflow.lightgbm.autolog(log_input_examples=True)
    features, target = rows
    with mlflow.start_run() as run:
        booster = lightgbm.train(
            {"num_leaves": 4, "objective": "binary", "num_threads": 1, "verbose": -1},
            lightgbm.Dataset(features, label=target),
            num_boost_round=5,
            valid_sets=[lightgbm.Dataset(features, label=target)],
            valid_names=["valid"],
        )
    told = client.get_run(run.info.run_id)
    assert told.data.params["num_leaves"] == "4"
    assert told.data.params["num_boost_round"] == "5"
    history = client.get_metric_history(run.info.run_id, "valid-binary_logloss")
    assert [point.step for point in history] == [0, 1, 2, 3, 4]
    assert history[-1].value < history[0].value
    tags = [
        {tag.key: tag.value for tag in one.tags}["mlflow.data.context"]
        for one in told.inputs.dataset_inputs
    ]
    assert sorted(tags) == ["eval", "train"]
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"feature_importance_split.json", "feature_importance_gain.json"} <= paths
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(features), booster.predict(features))
    assert loaded.metadata.signature.inputs.input_names() == list("abcd")
    assert loaded.metadata.run_id == run.info.run_id


@pytest.mark.usefixtures("_quiet")
def test_an_estimator_of_lightgbm_that_stops_early_logs_where_it_stopped(
    client, fluent_experiment, rows, unique
):
    lightgbm = pytest.importorskip("lightgbm")
    name = unique("boosted")
    mlflow.lightgbm.autolog(registered_model_name=name)
    features, target = rows
    with mlflow.start_run() as run:
        model = lightgbm.LGBMClassifier(n_estimators=200, num_leaves=4, n_jobs=1, verbose=-1).fit(
            features.iloc[:80],
            target[:80],
            eval_set=[(features.iloc[80:], target[80:])],
            callbacks=[lightgbm.early_stopping(5, verbose=False)],
        )
    told = client.get_run(run.info.run_id)
    assert told.data.metrics["best_iteration"] == model.best_iteration_
    assert told.data.metrics["stopped_iteration"] < 200
    assert client.get_model_version(name, "1").run_id == run.info.run_id
    loaded = mlflow.lightgbm.load_model(f"models:/{name}/1")
    assert (loaded.predict(features) == model.predict(features)).all()


def test_a_model_is_logged_and_loaded_from_its_run(client, fluent_experiment, rows, fitted):
    with mlflow.start_run() as run:
        log_model(fitted, "model", input_example=rows[0].head(2))
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert (loaded.predict(rows[0]) == fitted.predict(rows[0])).all()
    native = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
    assert native.C == 0.5


def test_a_model_is_logged_registered_and_loaded_by_version_and_alias(
    client, fluent_experiment, rows, fitted, unique
):
    name = unique("churn")
    with mlflow.start_run() as run:
        log_model(fitted, "model", input_example=rows[0].head(2), registered_model_name=name)
    version = client.get_model_version(name, "1")
    assert (version.run_id, version.status) == (run.info.run_id, "READY")
    client.set_registered_model_alias(name, "champion", "1")
    for uri in (f"models:/{name}@champion", f"models:/{name}/1", f"models:/{name}/latest"):
        loaded = mlflow.pyfunc.load_model(uri)
        assert (loaded.predict(rows[0]) == fitted.predict(rows[0])).all()


def test_a_model_is_registered_from_its_run_afterwards(
    client, fluent_experiment, rows, fitted, unique
):
    with mlflow.start_run() as run:
        log_model(fitted, "model", input_example=rows[0].head(2))
    name = unique("churn")
    for expected in ("1", "2"):
        made = mlflow.register_model(f"runs:/{run.info.run_id}/model", name, tags={"a": "b"})
        assert str(made.version) == expected
    assert client.get_model_version(name, "2").tags == {"a": "b"}
    loaded = mlflow.sklearn.load_model(f"models:/{name}/2")
    assert (loaded.predict(rows[0]) == fitted.predict(rows[0])).all()


def test_a_model_is_loaded_by_its_stage(client, fluent_experiment, rows, fitted, unique):
    name = unique("staged")
    with mlflow.start_run():
        log_model(fitted, "model", registered_model_name=name)
    client.transition_model_version_stage(name, "1", "Production")
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/Production")
    assert (loaded.predict(rows[0]) == fitted.predict(rows[0])).all()


def test_a_copied_version_loads(client, fluent_experiment, rows, fitted, unique):
    name, target = unique("first"), unique("second")
    with mlflow.start_run():
        log_model(fitted, "model", registered_model_name=name)
    client.copy_model_version(f"models:/{name}/1", target)
    loaded = mlflow.pyfunc.load_model(f"models:/{target}/1")
    assert (loaded.predict(rows[0]) == fitted.predict(rows[0])).all()


def test_the_info_of_a_model_is_read_from_the_server(fluent_experiment, rows, fitted):
    with mlflow.start_run() as run:
        log_model(fitted, "model", input_example=rows[0].head(2), metadata={"owner": "ana"})
    info = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert "sklearn" in info.flavors
    assert info.metadata == {"owner": "ana"}
    assert info.signature is not None


def test_a_python_function_is_a_model(fluent_experiment):
    class Doubler(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):  # noqa: ARG002 - the client's signature
            return model_input * 2

    place = {"name": "model"} if MAJOR >= 3 else {"artifact_path": "model"}
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(**place, python_model=Doubler(), pip_requirements=[])
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert list(loaded.predict(pd.DataFrame({"x": [1, 2]}))["x"]) == [2, 4]


def test_a_model_of_nobody_does_not_load(unique):
    with pytest.raises(mlflow.MlflowException):
        mlflow.pyfunc.load_model(f"models:/{unique('nobody')}@champion")
