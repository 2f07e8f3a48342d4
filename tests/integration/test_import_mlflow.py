"""Stores made by the MLflow client, imported, and compared through the client itself.

BUCLE_IMPORT_RUNS=1000 makes them as large as a team's; without it they are small.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.mlflow import ROOT, client_environment, peer
from tests.support.servers import server

pytestmark = [pytest.mark.service, pytest.mark.timeout(3000)]

RUNS = int(os.environ.get("BUCLE_IMPORT_RUNS", "30"))
PROGRAMS = ROOT / "tests" / "mlflow_client"
ADD = """
import sys
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=sys.argv[1])
places = [one.experiment_id for one in client.search_experiments()]
old = client.search_runs(places, "attributes.status = 'RUNNING'", max_results=1)[0].info.run_id
client.log_metric(old, "late", 1.5, step=7)
client.set_tag(old, "late", "yes")
client.set_terminated(old)
new = client.create_run("0").info.run_id
client.log_param(new, "p", "1")
client.log_text(new, "hello", "notes/hello.txt")
"""


def in_client(environment: Path, *arguments: str, token: str = "", cwd: Path) -> str:
    """Run a program in a client's environment and return what it wrote; 1 is a fair answer."""
    environ = {name: value for name, value in os.environ.items()
               if not name.startswith(("MLFLOW_", "PYTHON"))}  # fmt: skip
    environ |= {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_TRACKING_TOKEN": token,
    }
    if not token:
        del environ["MLFLOW_TRACKING_TOKEN"]
    done = subprocess.run(
        [environment / "bin" / "python", "-W", "ignore", *arguments],
        cwd=cwd, env=environ, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


def make(environment: Path, uri: str, folder: Path, runs: int = RUNS) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    program = str(PROGRAMS / "make_store.py")
    in_client(environment, program, uri, "--runs", str(runs), cwd=folder)
    return uri


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Return the URL of a store in SQLite, made by the 3.x client."""
    folder = tmp_path_factory.mktemp("store")
    return make(client_environment(3), f"sqlite:///{folder}/mlflow.db", folder)


def bucle(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bucle", *arguments],
        env={**os.environ, "BUCLE_HOME": str(home)}, check=False, capture_output=True, text=True,
    )  # fmt: skip


def bring(home: Path, store: str, *options: str) -> dict:
    done = bucle(home, "import", "mlflow", store, "--json", *options)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def differences(store: str, running, folder: Path, *options: str, major: int = 3) -> dict:
    program = str(PROGRAMS / "compare_stores.py")
    told = in_client(
        client_environment(major), program, store, running.url, *options,
        token=running.token, cwd=folder,
    )  # fmt: skip
    return json.loads(told)


def test_a_database_of_mlflow_3_ends_equal(database, tmp_path):
    report = bring(tmp_path / "home", database)
    assert report["gaps"] == []
    with server(tmp_path / "home") as running:
        told = differences(database, running, tmp_path)
    assert told["differences"] == []
    assert told["compared"]["runs"] >= RUNS
    assert all(told["compared"].values()), "each noun was there to be compared"


def test_a_folder_of_mlflow_3_ends_equal(tmp_path):
    store = make(client_environment(3), f"file://{tmp_path}/mlruns", tmp_path / "made", 12)
    report = bring(tmp_path / "home", f"{tmp_path}/mlruns")
    assert report["gaps"] == []
    with server(tmp_path / "home") as running:
        told = differences(store, running, tmp_path)["differences"]
    # MLflow moves a deleted experiment's folder and forgets where its files are; they are found.
    lost = [one for one in told if one.startswith("artifacts:") and one.endswith("second only")]
    assert [one for one in told if one not in lost] == []
    assert len({one.split()[1] for one in lost}) == 1, "one run of the deleted experiment has files"


def test_a_folder_of_mlflow_2_ends_equal(tmp_path):
    store = make(client_environment(2), f"file://{tmp_path}/mlruns", tmp_path / "made", 12)
    report = bring(tmp_path / "home", f"{tmp_path}/mlruns")
    assert report["gaps"] == []
    with server(tmp_path / "home") as running:
        assert differences(store, running, tmp_path, major=2)["differences"] == []


def test_a_server_of_mlflow_ends_equal(tmp_path):
    with peer(client_environment(3), tmp_path / "peer") as peered:
        url = peered.url
        make(client_environment(3), url, tmp_path / "made", 6)
        report = bring(tmp_path / "home", url)
        assert report["gaps"] == []
        with server(tmp_path / "home") as running:
            assert differences(url, running, tmp_path)["differences"] == []


def add_others(store: str, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    in_client(client_environment(3), str(PROGRAMS / "make_others.py"), store, cwd=folder)
    return store


def left(report: dict) -> dict[str, int]:
    return {kind: tally["left"] for kind, tally in report["tallies"].items() if tally["left"]}


SAID = {"assessments": 3, "prompts": 1}
MORE = SAID | {"evaluation sets": 1, "scorers": 1}
TOLD = {
    "assessments: 'answer'",
    "assessments: 2 x 'tone'",
    "prompts: 'greet' (versions: 2)",
}
TOLD_MORE = TOLD | {"scorers: 'politeness'"}


def test_what_a_database_holds_and_no_import_carries_is_told(tmp_path):
    store = add_others(f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "made")
    report = bring(tmp_path / "home", store)
    # A later release's own table, whatever it is.
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        connection.execute("create table thoughts (id integer)")
        connection.execute("insert into thoughts values (1), (2)")
    later = bring(tmp_path / "home", store)
    assert left(report) == MORE | {"links": 2}
    assert {gap["what"] for gap in report["gaps"]} == TOLD_MORE | {
        "evaluation sets: 'golden questions' (records: 3)",
        "links: 2 x 'trace'",
    }
    assert left(later) == MORE | {"links": 2, "rows of other tables": 2}
    models = bucle(tmp_path / "home", "registry", "models", "--json").stdout
    assert "greet" not in models, "a prompt is no model"


def test_what_a_server_lists_and_no_import_carries_is_told(tmp_path):
    with peer(client_environment(3), tmp_path / "peer") as peered:
        add_others(peered.url, tmp_path / "made")
        report = bring(tmp_path / "home", peered.url)
    assert left(report) == MORE
    told = {gap["what"] for gap in report["gaps"]}
    assert told == TOLD_MORE | {"evaluation sets: 'golden questions'"}


def test_what_a_folder_holds_and_no_import_carries_is_told(tmp_path):
    add_others(f"file://{tmp_path}/mlruns", tmp_path / "made")
    report = bring(tmp_path / "home", f"{tmp_path}/mlruns")
    assert left(report) == SAID
    assert {gap["what"] for gap in report["gaps"]} == TOLD


def test_a_store_is_brought_to_a_server_of_ours_on_postgresql(database, tmp_path, postgresql_url):
    home = tmp_path / "home"
    with server(home, database_url=postgresql_url) as running:
        environ = {"BUCLE_SERVER_URL": running.url, "BUCLE_TOKEN": running.token}
        done = subprocess.run(
            [sys.executable, "-m", "bucle", "import", "mlflow", database, "--json"],
            env={**os.environ, **environ, "BUCLE_HOME": str(tmp_path / "elsewhere")},
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert differences(database, running, tmp_path)["differences"] == []


def test_an_import_that_was_killed_goes_on_and_doubles_nothing(database, tmp_path):
    home = tmp_path / "home"
    for share in (0.2, 0.5):
        process = subprocess.Popen(
            [sys.executable, "-m", "bucle", "import", "mlflow", database],
            env={**os.environ, "BUCLE_HOME": str(home)}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while adopted(home) < share * RUNS and process.poll() is None:
            time.sleep(0.005)
        assert process.poll() is None, "it was done before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = adopted(home)
    report = bring(home, database)
    assert report["gaps"] == []
    assert report["tallies"]["runs"]["unchanged"] >= before - 1
    assert report["tallies"]["runs"]["brought"] <= report["tallies"]["runs"]["found"] - before
    with server(home) as running:
        told = differences(database, running, tmp_path)
    assert told["differences"] == []


def test_a_second_import_brings_only_what_is_new(tmp_path):
    client = client_environment(3)
    store = make(client, f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "made", 8)
    bring(tmp_path / "home", store)
    again = bring(tmp_path / "home", store)
    assert {kind: tally["brought"] for kind, tally in again["tallies"].items()
            if tally["brought"]} == {}  # fmt: skip
    in_client(client, "-c", ADD, store, cwd=tmp_path / "made")
    more = bring(tmp_path / "home", store)
    assert more["tallies"]["runs"]["brought"] == 2
    with server(tmp_path / "home") as running:
        assert differences(store, running, tmp_path)["differences"] == []
    assert json.loads(bucle(tmp_path / "home", "audit", "verify", "--json").stdout)["ok"]


def adopted(home: Path) -> int:
    """Return how many runs were brought so far."""
    file = home / "bucle.db"
    if not file.exists():
        return 0
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        try:
            query = "select count(*) from adoptions where theirs like 'run:%'"
            return int(connection.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # the tables are being made
            return 0
