"""Clients of the previous release at this release's server, and its stores in our hands."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bucle.drivers.db.migrate import HEAD_REVISION
from tests.support.previous import ROOT, SCHEMA, previous_release, python
from tests.support.servers import server

# What the previous release tests with a client at a server.
CLIENT_TESTS = (
    "tests/integration/test_runs_over_http.py",
    "tests/integration/test_api.py",
    "tests/story/test_same_both_ways.py",
)

# Stands among those tests, so that the others prove what they seem to.
WHO_SPEAKS = """
from pathlib import Path
from urllib.request import Request, urlopen

import bucle
from tests.support.servers import server


def test_the_client_is_the_previous_release_and_the_server_this_one(tmp_path):
    assert Path(bucle.__file__).is_relative_to({previous!r})
    with server(tmp_path) as running:
        door = Request(running.url + "/version")
        assert urlopen(door).read().decode().count(".") == 2
"""

# Written by the previous release: one of each thing that tracking and the registry keep.
WRITE = """
import bucle, pyarrow as pa
from sklearn.linear_model import Ridge
from bucle.interfaces.client import connect

rows = pa.table({"x": [float(n) for n in range(60)], "y": [2.0 * n for n in range(60)]})
with connect() as client:
    trips = client.dataset("trips")
    trips.commit(rows, message="the first")
    for depth in (1, 2, 3):
        with bucle.run("train", params={"depth": depth, "off": None, "rate": 0.1 * depth},
                       experiment="pairs" if depth < 3 else "default", client=client) as run:
            table = run.use("trips@1")
            for step in range(300):
                run.log_metric("loss", 1 / (step + depth), step=step)
            run.log_metrics({"nan": float("nan"), "inf": float("inf"), "mae": 0.5 / depth})
            run.log_artifact({"rows": depth}, "about")
            run.tag(colour="blue", depth=str(depth))
            if depth == 1:
                frame = table.select(["x"])
                model = Ridge(alpha=0.1).fit(frame.to_pandas(), table["y"].to_numpy())
                bucle.log_model(model, "demand", example=frame.slice(0, 5), evaluation=table,
                                reference=table, target="y", task="regression")
    try:
        with bucle.run("broken", client=client) as run:
            run.log_metric("loss", 7.0, step=0)
            raise ValueError("on purpose")
    except ValueError:
        pass
    client.registry.promote("demand@1", alias="champion", reason="the first")
"""

# Begins a run and ends without ending it.
BEGIN = """
from bucle.interfaces.client import connect

with connect() as client:
    print(client.tracking.start("still running", params={"depth": 9}).ref)
"""

# Goes on with a run; written by either release.
GOES_ON = """
from bucle.interfaces.client import connect

with connect() as client:
    client.tracking.log_params("{running}", params={{"step{step}": {step}}})
    client.tracking.log_points("{running}", names=["loss"], steps=[{step}], times=[1790000000000],
                               values=[0.5])
"""

# Looks at that run.
LOOK = """
import json
from bucle.interfaces.client import connect

with connect() as client:
    points = client.tracking.points("{running}", name="loss")
    params = client.tracking.get("{running}").params
print(json.dumps({{"steps": points.steps, "params": params}}))
"""

# Read by either release.
READ = """
import json
from bucle.base.codec import encode
from bucle.interfaces.client import connect

def plain(value):
    return json.loads(encode(value))

with connect() as client:
    runs = client.call("tracking.list", limit=100).items
    read = {
        "runs": {str(run.ref): plain(run) for run in runs},
        "metrics": {str(run.ref): plain(client.call("tracking.metrics", ref=run.ref))
                    for run in runs},
        "points": {str(run.ref): plain(client.call("tracking.points", ref=run.ref, name="loss"))
                   for run in runs if "loss" in run.metrics},
        "artifacts": {str(run.ref): {one.path: client.get_content(one.digest).hex()
                                     for one in client.call("tracking.artifacts", ref=run.ref)}
                      for run in runs},
        "versions": plain(client.registry.versions("demand")),
        "champion": plain(client.registry.get("demand@champion")),
        "history": plain(client.registry.history("demand", at="2030-01-01T00:00:00Z")),
        "data": plain(client.data.log("trips")),
        "chain": client.audit.verify().ok,
    }
print(json.dumps(read))
"""


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return previous_release(tmp_path_factory.mktemp("previous"))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return the settings of an empty installation."""
    settings = {"home": str(tmp_path / "home"), "project": "bikes"}
    if request.param == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgresql_url")
    return settings


def missing_from(new: Any, old: Any, where: str = "") -> list[str]:
    """Say where something that was read before reads otherwise now; what was added may be."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key, value in old.items()
            for line in missing_from(new.get(key, "nothing"), value, f"{where}.{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(new, old, strict=True))
        return [line for n, pair in pairs for line in missing_from(*pair, f"{where}[{n}]")]
    return [] if new == old else [f"{where}: {old!r} became {new!r}"]


@pytest.mark.timeout(900)
def test_the_previous_release_s_client_tests_pass_at_this_release_s_server(previous: Path) -> None:
    # pytest puts its root first on the path of this process: the previous release is the client.
    # What the tests start by `python -m bucle` finds PYTHONPATH: this release is the server.
    (previous / "tests/integration/test_who_speaks.py").write_text(
        WHO_SPEAKS.format(previous=str(previous))
    )
    command = [
        "pytest", "-c", previous / "pyproject.toml", "--rootdir", previous, "-n", "0", "-q",
        "-p", "no:cacheprovider", "-k", "not in_process",
        previous / "tests/integration/test_who_speaks.py",
        *(previous / name for name in CLIENT_TESTS),
    ]  # fmt: skip
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)], cwd=ROOT, env=environ, capture_output=True,
        text=True, check=False, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_a_store_of_the_previous_release_reads_equal_after_the_upgrade(
    store: dict[str, str], previous: Path
) -> None:
    python(previous, ["-c", WRITE], **store)
    before = json.loads(python(previous, ["-c", READ], **store))
    assert before["chain"]
    assert len(before["runs"]) == 4

    with pytest.raises(AssertionError, match=f"is at schema {SCHEMA}; .*needs {HEAD_REVISION}"):
        python(ROOT, ["-m", "bucle", "tracking", "list"], **store)
    python(ROOT, ["-m", "bucle", "db", "upgrade"], **store)

    after = json.loads(python(ROOT, ["-c", READ], **store))
    assert missing_from(after, before) == []


def test_a_run_that_the_previous_release_began_goes_on_after_the_upgrade(
    store: dict[str, str], previous: Path, tmp_path: Path
) -> None:
    running = python(previous, ["-c", BEGIN], **store).split()[-1]
    python(ROOT, ["-m", "bucle", "db", "upgrade"], **store)
    elsewhere = {"home": str(tmp_path / "elsewhere"), "project": store["project"]}
    settings = {name: value for name, value in store.items() if name != "home"}
    with server(Path(store["home"]), **settings) as at:
        there = elsewhere | {"server_url": at.url, "token": at.token}
        # Either release's client writes into it, one after the other.
        for tree, step in ((previous, 0), (ROOT, 1)):
            python(tree, ["-c", GOES_ON.format(running=running, step=step)], **there)
        found = json.loads(python(previous, ["-c", LOOK.format(running=running)], **there))
    assert found == {"steps": [0, 1], "params": {"depth": 9, "step0": 0, "step1": 1}}
