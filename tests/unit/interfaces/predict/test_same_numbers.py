"""The four ways to a prediction are one: a request, a batch, a topic and a call in this process."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bucle
from bucle.base.errors import Invalid
from bucle.base.refs import Ref
from bucle.governance.session import House, Session
from bucle.interfaces.client.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import data, registry, serving
from bucle.lifecycle.features import transport
from bucle.lifecycle.serving.scoring.batch import score_dataset
from bucle.lifecycle.serving.scoring.records import BatchWish, ScoringSpec
from bucle.lifecycle.serving.scoring.stream import score_topic
from tests.support.asgi import request

NAMES = ("age", "income", "visits")
COUNT = 400


@pytest.fixture
def rows() -> pa.Table:
    chance = np.random.default_rng(11)
    return pa.table({name: chance.normal(size=COUNT) * 10 for name in NAMES})


@pytest.fixture
def churn(house: House, rows: pa.Table) -> registry.ModelVersion:
    """Return a logistic pipeline that is registered and served."""
    session = house.session()
    matrix = np.column_stack([rows[name].to_numpy() for name in NAMES])
    target = matrix @ [0.3, -0.2, 0.1] > 1
    frame = rows.to_pandas()
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target)
    log = registry.ModelLog(example=rows.slice(0, 5))
    version = registry.log_model(session, fitted, "churn", log)
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="churn", model="churn"))
        serving.serve_version(scope, "churn", version.ref)
    serving.publish(session)
    return version


@pytest.fixture
def local(session: Session) -> Client:
    return Client(InProcess(session))


def same(left: Any, right: Any) -> bool:
    return np.asarray(left, np.float64).tobytes() == np.asarray(right, np.float64).tobytes()


def test_the_four_give_the_same_numbers_bit_for_bit(
    churn: registry.ModelVersion,
    rows: pa.Table,
    session: Session,
    local: Client,
    start_server: Callable[..., ModelServer],
) -> None:
    asked = {"rows": rows.to_pylist()}
    http = request(start_server().app, "POST", "/predict/churn", asked).json["outputs"]
    data.commit_table(session, "people", rows)
    made = score_dataset(session, BatchWish(model=churn.ref, dataset=Ref("dataset", "people")))
    assert made.output is not None
    batch = data.read_table(session, made.output)
    transport.send(session, "people", rows.to_pylist())
    score_topic(session, ScoringSpec(name="x", model=str(churn.ref), topic="people", output="told"))
    records = session.drivers.streams.read("default/told", "", COUNT + 1)
    stream = [msgspec.json.decode(record.value) for record in records]
    here = bucle.model(churn.ref, client=local).predict(rows)
    for name in ("prediction", "probability"):
        assert same(http[name], batch[name].to_pylist())
        assert same(http[name], [one[name] for one in stream])
        assert same(http[name], here[name].to_pylist())


def test_rows_of_each_kind_give_the_same_in_their_own_kind(
    churn: registry.ModelVersion, rows: pa.Table, local: Client
) -> None:
    model = bucle.model("churn", client=local)
    assert model.ref == churn.ref
    table = model.predict(rows)
    frame = rows.to_pandas().set_index(np.arange(COUNT) + 7)
    assert list(model.predict(frame).index) == list(frame.index)
    matrix = frame.to_numpy()
    wanted = table["prediction"].to_pylist()
    assert model.predict(frame)["prediction"].tolist() == wanted
    assert model.predict(rows.to_pydict())["prediction"] == wanted
    assert [row["prediction"] for row in model.predict(rows.to_pylist())] == wanted
    assert model.predict(matrix).tolist() == wanted
    shares = model.predict_proba(matrix)
    assert shares.shape == (COUNT, 2)
    assert same(shares[:, 1], table["probability"].to_pylist())
    assert model.predict(rows.append_column("extra", rows["age"])).equals(table)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((3, 2)), "shape"),
        (np.zeros(3), "shape"),
        ({"age": [1.0], "income": [2.0, 3.0], "visits": [1.0]}, "one length"),
        ({"age": 1.0, "income": 2.0, "visits": 3.0}, "no lists"),
        ([{"age": 1.0}], "'income' is missing"),
        ([{"age": "old", "income": 1.0, "visits": 1.0}], "'age' takes float64"),
        (pa.table({"age": [1.0]}), "'income'"),
        ("churn.csv", "is no table"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_name(
    given: Any, said: str, churn: registry.ModelVersion, local: Client
) -> None:
    with pytest.raises(Invalid, match=said):
        bucle.model("churn", client=local).predict(given)
