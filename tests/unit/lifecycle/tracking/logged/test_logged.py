import math

import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.base.figure import Figure
from bucle.governance.session import Session
from bucle.lifecycle.tracking import logged
from bucle.lifecycle.tracking.logged import (
    DatasetOf,
    LoggedModel,
    LoggedModelQuery,
    ModelMetric,
    ModelOrder,
    NewLoggedModel,
)


def make(session: Session, name: str = "clf", **said: object) -> LoggedModel:
    with session.begin() as scope:
        return logged.create_logged_model(scope, NewLoggedModel(experiment="0", name=name, **said))


def measure(session: Session, model: LoggedModel, value: float, **said: object) -> None:
    point = {"key": "auc", "value": Figure(value), "at_ms": 1, "model": model.id, "run": "r"}
    with session.begin() as scope:
        logged.log_model_metrics(scope, [ModelMetric(**point | said)])


def names(session: Session, **asked: object) -> list[str]:
    with session.begin(write=False) as scope:
        query = LoggedModelQuery(experiments=("0",), **asked)
        return [model.name for model in logged.search_logged_models(scope, query).items]


def test_a_model_is_pending_until_its_files_are_there(session):
    model = make(session, params={"C": "1"}, tags={"team": "red"})
    assert (model.status, model.location) == (
        "pending", f"mlflow-artifacts:/0/models/{model.id}/artifacts",
    )  # fmt: skip
    with session.begin() as scope:
        done = logged.finalize_logged_model(scope, model.id, "ready")
    assert (done.status, done.params, done.tags) == ("ready", {"C": "1"}, {"team": "red"})


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "50%", "it's"])
def test_a_name_that_would_break_its_uri_is_refused(session, name):
    with pytest.raises(Invalid):
        make(session, name)


def test_a_deleted_model_is_gone_from_searches_and_takes_no_metrics(session):
    model = make(session)
    with session.begin() as scope:
        logged.delete_logged_model(scope, model.id)
    assert names(session) == []
    with pytest.raises(NotFound):
        measure(session, model, 0.5)


def test_a_parameter_stays_what_it_is(session):
    model = make(session, params={"C": "1"})
    with session.begin() as scope:
        logged.log_model_params(scope, model.id, {"C": "1", "D": "2"})
    with pytest.raises(Invalid), session.begin() as scope:
        logged.log_model_params(scope, model.id, {"C": "2"})


def test_a_metric_that_is_no_number_comes_back_as_none(session):
    model = make(session)
    measure(session, model, math.nan)
    with session.begin(write=False) as scope:
        assert math.isnan(logged.get_logged_model(scope, model.id).metrics[0].value)


def test_models_are_found_by_a_metric_on_a_dataset(session):
    good, bad = make(session, "good"), make(session, "bad")
    measure(session, good, 0.9, dataset_name="test", dataset_digest="1")
    measure(session, bad, 0.4, dataset_name="test", dataset_digest="1")
    measure(session, bad, 0.95, dataset_name="train", step=1)
    asked = {"filter": "metrics.auc > 0.5"}
    assert sorted(names(session, **asked)) == ["bad", "good"]
    assert names(session, **asked, datasets=(DatasetOf(name="test"),)) == ["good"]
    assert names(session, datasets=(DatasetOf(name="test", digest="2"),)) == []


def test_models_without_a_metric_come_last_in_either_direction(session):
    for name, value in (("low", 0.1), ("high", 0.9)):
        measure(session, make(session, name), value)
    make(session, "none")
    up = ModelOrder(field="metrics.auc")
    down = ModelOrder(field="metrics.auc", ascending=False)
    assert names(session, order_by=(up,)) == ["low", "high", "none"]
    assert names(session, order_by=(down,)) == ["high", "low", "none"]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "nothing = 'x'"},
        {"filter": "metrics.auc > 'x'"},
        {"order_by": (ModelOrder(field="nothing"),)},
        {"order_by": (ModelOrder(field="params.C"),)},
        {"token": "garbage"},
        {"datasets": (DatasetOf(name=""),)},
    ],
)
def test_a_search_that_can_not_be_read_is_refused(session, asked):
    with pytest.raises(Invalid):
        names(session, **asked)
