"""The SDK gives the same answers in this process and over HTTP."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

import bucle
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.lifecycle.charter import ErrorCosts, Kpi
from bucle.lifecycle.data import Expectation

RNG = np.random.default_rng(7)
X = RNG.normal(size=400)
TRIPS = pa.table({"x": X, "y": 3 * X + RNG.normal(scale=0.1, size=400)})


def test_a_project_is_told_from_problem_to_model(client) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    client.charter.set(
        problem="Empty docks",
        kpi=Kpi(name="served", unit="trips", baseline=1, target=2),
        costs=ErrorCosts(unit="EUR", over=1, under=2),
    )
    assert client.charter.get().costs == ErrorCosts(unit="EUR", over=1, under=2)

    client.data.declare("trips", expectations=[Expectation(column="x", max=100)])
    trips = client.dataset("trips")
    first = trips.commit(TRIPS, message="the first year")
    assert trips.commit(TRIPS).ref == first.ref
    with pytest.raises(Refused) as refused:
        trips.commit([{"x": 500.0, "y": 0.0}], mode="append")
    assert [verdict.ok for verdict in refused.value.because].count(False) == 1
    assert trips.read().equals(TRIPS)

    with bucle.run("train", params={"alpha": 0.1}, client=client) as run:
        table = run.use("trips@1")
        model = linear.Ridge(alpha=0.1).fit(table.select(["x"]).to_pandas(), table["y"].to_numpy())
        run.log_metrics({"mae": 0.08})
        run.log_artifact({"rows": table.num_rows}, "about")
        rows = {"example": table.select(["x"]).slice(0, 5), "evaluation": table, "reference": table}
        version = bucle.log_model(model, "demand", **rows, target="y", task="regression")
    assert str(version.ref) == "model:demand@1"
    assert version.datasets == (first.ref,)
    assert version.metrics["mae"] < 0.2
    known = client.tracking.get(run.ref)
    assert (known.status, known.metrics["mae"], known.inputs) == ("finished", 0.08, (first.ref,))
    assert run.read_artifact("about.json") == b'{"rows":400}'

    back = client.lineage.trace(str(version.ref)).nodes
    assert {str(run.ref), "dataset:trips@1"} <= set(back)
    assert client.audit.verify().ok


def test_a_moment_and_a_ref_arrive_as_what_they_are(client) -> None:
    started = client.tracking.start("a run", params={"depth": 3}, tags={"who": "ana"})
    assert isinstance(started.started_at, datetime)
    assert started.started_at.tzinfo == UTC
    assert client.tracking.get(str(started.ref)) == client.tracking.get(started.ref)


@pytest.mark.parametrize(
    ("operation", "fields", "kind", "said"),
    [
        ("charter.get", {}, NotFound, "does not have a charter"),
        ("charter.get", {"version": "one"}, Invalid, "$.version"),
        ("charter.set", {"problem": "x", "kpi": {"name": "a", "unti": "b"}}, Invalid, "$.kpi.unti"),
        ("data.get", {"ref": "nothing@3"}, NotFound, "dataset:nothing"),
        ("lineage.trace", {"ref": "churn"}, Invalid, "is not a reference"),
        ("audit.events", {"token": "x"}, Invalid, "is not a page token"),
    ],
)
def test_an_error_is_the_same_error(client, operation, fields, kind, said) -> None:
    with pytest.raises(kind) as failed:
        client.call(operation, **fields)
    assert said in failed.value.message
    assert failed.value.hint
