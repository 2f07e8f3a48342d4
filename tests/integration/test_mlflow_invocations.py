"""Whoever asked `mlflow models serve` asks us the same and is told the same: shapes and numbers."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pyarrow as pa
import pytest

from bucle.base.refs import Ref
from bucle.interfaces.predict.process import ModelServer
from bucle.lifecycle import registry, serving
from bucle.testing.houses import open_test_house
from tests.support.asgi import request
from tests.support.mlflow import client_environment
from tests.support.processes import free_port, stop, wait_until

HEAT = [1.0, 2.0, 3.0, 14.0, 15.0, 16.0]
COUNT = [1, 2, 3, 4, 5, 6]
LABEL = ["cold", "cold", "cold", "hot", "hot", "hot"]

# What both make of the same rows: the peer's own model, saved with its signature.
SAVE = f"""
import sys
import mlflow, pandas
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
rows = pandas.DataFrame({{"heat": {HEAT}, "count": {COUNT}}})
model = LogisticRegression().fit(rows, {LABEL})
signature = infer_signature(rows, model.predict(rows))
mlflow.sklearn.save_model(model, sys.argv[1], signature=signature)
"""

ROWS = [{"heat": 1.5, "count": 2}, {"heat": 15.5, "count": 7}]
Asked = tuple[str, bytes]


def sent(value: object) -> Asked:
    return "application/json", json.dumps(value).encode()


TAKEN = {
    "split": sent(
        {"dataframe_split": {"columns": ["heat", "count"], "data": [[1.5, 2], [15.5, 7]]}}
    ),
    "split with an index": sent(
        {"dataframe_split": {"index": [4], "columns": ["count", "heat"], "data": [[2, 1.5]]}}
    ),
    "records": sent({"dataframe_records": ROWS}),
    "records of whole numbers": sent({"dataframe_records": [{"heat": 1, "count": 2}]}),
    "instances of objects": sent({"instances": ROWS}),
    "inputs by column": sent({"inputs": {"heat": [1.5, 15.5], "count": [2, 7]}}),
    "inputs of one row": sent({"inputs": {"heat": 1.5, "count": 2}}),
    "inputs as rows": sent({"inputs": ROWS}),
    "a column more": sent({"dataframe_records": [{**ROWS[0], "city": "here"}]}),
    "params that nobody knows": sent({"dataframe_records": ROWS, "params": {"heat": 3}}),
    "csv": ("text/csv", b"heat,count\n1.5,2\n15.5,7\n"),
    "csv in another order": ("text/csv; charset=utf-8", b"count,heat\n2,1.5\n"),
}
REFUSED = {
    "no JSON": ("application/json", b'{"dataframe_records": ['),
    "a list": sent(ROWS),
    "no shape": sent({"rows": ROWS}),
    "two shapes": sent({"instances": ROWS, "inputs": ROWS}),
    "a column less": sent({"dataframe_records": [{"heat": 1.5}]}),
    "a text for a number": sent({"dataframe_records": [{"heat": "warm", "count": 2}]}),
    "rows of other lengths": sent(
        {"dataframe_split": {"columns": ["heat", "count"], "data": [[1.5]]}}
    ),
    "a csv without a column": ("text/csv", b"heat\n1.5\n"),
    "a csv with words": ("text/csv", b"heat,count\nwarm,2\n"),
}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Asked], tuple[int, dict]]]:
    from sklearn.linear_model import LogisticRegression

    house = open_test_house(tmp_path_factory.mktemp("ours") / "home")
    session = house.session()
    rows = pa.table({"heat": HEAT, "count": COUNT})
    fitted = LogisticRegression().fit(rows.to_pandas(), LABEL)
    registry.log_model(session, fitted, "demand", registry.ModelLog(example=rows))
    with session.begin() as scope:
        serving.deploy(scope, serving.DeploymentSpec(name="demand", model="demand"))
        serving.serve_version(scope, "demand", Ref("model", "demand", 1))
    serving.publish(session)
    server = ModelServer(house.settings)
    server.watcher.poll()

    def ask(asked: Asked) -> tuple[int, dict]:
        kind, body = asked
        answered = request(server.app, "POST", "/invocations", body, {"content-type": kind})
        return answered.status, answered.json

    yield ask
    server.log.close()
    house.close()


@pytest.fixture(scope="module")
def theirs(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Asked], tuple[int, dict]]]:
    python = client_environment(3) / "bin" / "python"
    folder = tmp_path_factory.mktemp("theirs")
    kept = {name: text for name, text in os.environ.items() if not name.startswith("BUCLE_")}
    environ = kept | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    model, port = folder / "model", free_port()
    subprocess.run([python, "-c", SAVE, str(model)], env=environ, check=True, capture_output=True)
    program = [python, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*program, "--env-manager", "local", "--workers", "1"],
            env=environ, cwd=folder, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _status(f"{url}/ping") == 200 or process.poll() is not None, within_s=90)
        assert _status(f"{url}/ping") == 200, (folder / "log").read_text()
        yield lambda asked: _asked(f"{url}/invocations", asked)
    finally:
        with suppress(ProcessLookupError):  # its workers outlive the program that started them
            os.killpg(process.pid, signal.SIGTERM)
        stop(process)


def test_what_mlflow_answers_we_answer_alike(ours, theirs, subtests: pytest.Subtests) -> None:
    for name, asked in TAKEN.items():
        with subtests.test(name):
            assert ours(asked) == theirs(asked)


def test_what_mlflow_refuses_we_refuse_with_its_status_and_code(
    ours, theirs, subtests: pytest.Subtests
) -> None:
    for name, asked in REFUSED.items():
        with subtests.test(name):
            (status, said), (their_status, their_said) = ours(asked), theirs(asked)
            assert status == their_status == 400
            assert said["error_code"] in {their_said["error_code"], "BAD_REQUEST"}
            assert said["message"]


def test_a_part_of_a_count_is_refused_where_mlflow_cuts_it_off(ours) -> None:
    status, said = ours(sent({"dataframe_records": [{"heat": 1.5, "count": 2.5}]}))
    assert (status, "'count' takes int64" in said["message"]) == (400, True)


def _status(url: str) -> int:
    try:
        with urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return 0


def _asked(url: str, asked: Asked) -> tuple[int, dict]:
    kind, body = asked
    try:
        with urlopen(Request(url, body, {"content-type": kind}), timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())
