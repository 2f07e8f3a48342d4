"""What `bucle.run` promises in one process, it keeps at a server."""

import math

import pyarrow as pa
import pytest

import bucle
from bucle.base.codec import decode
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.searches import search
from bucle.lifecycle import tracking
from bucle.lifecycle.tuning import Int
from tests.support.servers import server


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Client:
    with (
        server(tmp_path_factory.mktemp("server")) as running,
        connect(running.url, token=running.token, project="bikes") as client,
    ):
        yield client


def test_a_run_at_a_server_knows_what_a_run_here_knows(client):
    rows = pa.table({"x": [1, 2]})
    client.dataset("rentals").commit(rows)
    with sdk.run("train", params={"depth": 3, "off": None}, seed=7, client=client) as run:
        assert run.use("rentals").equals(rows)
        sdk.log_metric("mae", 0.5)
        run.log_artifact({"a": 1}, "report")
        run.tag(colour="blue")
    record = run.record
    assert record.status == "finished"
    assert record.params == {"depth": 3, "off": None}
    assert record.metrics == {"mae": 0.5}
    assert record.tags == {"colour": "blue"}
    assert record.inputs == (Ref("dataset", "rentals", 1),)
    assert record.seeds["run"] == 7
    assert record.usage
    assert record.code
    assert record.code.ref
    assert decode(client.get_content(record.environment), tracking.Environment).packages
    assert run.read_artifact("report.json") == b'{"a":1}'


def test_not_a_number_and_infinity_survive_the_wire(client):
    values = (1.0, math.nan, math.inf, -math.inf)
    with sdk.run("diverging", client=client) as run:
        for value in values:
            run.log_metric("loss", value)
    history = client.call("tracking.points", ref=run.ref, name="loss")
    (summary,) = client.call("tracking.metrics", ref=run.ref)
    assert [str(float(value)) for value in history.values] == ["1.0", "nan", "inf", "-inf"]
    assert (summary.minimum, summary.maximum) == (-math.inf, math.inf)
    assert run.record.metrics["loss"] == -math.inf


def test_thousands_of_points_arrive(client):
    with sdk.run("long", client=client) as run:
        for step in range(5_000):
            run.log_metric("loss", step)
    history = client.call("tracking.points", ref=run.ref, name="loss")
    assert history.values == tuple(range(5_000))


def test_runs_are_listed_and_compared(client):
    refs = []
    for depth in (1, 2):
        with sdk.run("pair", params={"depth": depth}, experiment="pairs", client=client) as run:
            refs.append(run.ref)
    page = client.call("tracking.list", experiment="pairs", order_by="started_at")
    assert [run.ref for run in page.items] == refs
    compared = client.call("tracking.compare", refs=refs)
    assert ("params.depth", (1, 2)) in [(d.what, tuple(d.values)) for d in compared.differences]


def test_errors_are_the_same_as_here(client):
    with pytest.raises(NotFound) as caught:
        client.call("tracking.get", ref="run:nobody")
    assert caught.value.hint == "bucle tracking list"
    with sdk.run("done", client=client) as run:
        pass
    with pytest.raises(Conflict, match="takes nothing more but tags"):
        client.call("tracking.log_params", ref=run.ref, params={"a": 1})


def test_a_search_is_told_to_run_beside_the_server(client):
    with pytest.raises(Invalid, match="not from afar"):
        search(lambda *_: 0.0, {"n": Int(1, 2)}, client=client)


def test_a_model_of_a_server_predicts_here_what_a_batch_says_there(client):
    rows = pa.table({"heat": [1.0, 2.0, 3.0], "city": ["a", "b", "c"]})
    version = bucle.log_model(
        lambda columns: {"prediction": columns["heat"] * 3},
        "triple", client=client, example=rows, allow_pickle=True,
    )  # fmt: skip
    with sdk.run("predict", client=client) as run:
        told = bucle.model("triple").predict(rows)
    assert told["prediction"].to_pylist() == [3.0, 6.0, 9.0]
    assert version.ref in run.record.inputs
    client.dataset("heats").commit(rows)
    done = client.serving.batch(model="triple@1", dataset="heats")
    assert done.scored.rows == 3
    scored = client.dataset("heats_scored").read()
    assert scored["prediction"].equals(told["prediction"])
