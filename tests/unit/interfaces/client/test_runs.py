import math
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.codec import decode
from bucle.base.errors import Conflict, Invalid, NotFound
from bucle.governance.cost.read import list_spendings
from bucle.governance.lineage.trace import trace
from bucle.interfaces.client import Client, front
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess
from bucle.lifecycle import data, tracking
from bucle.lifecycle.features import Entity, FeatureView, register_view
from bucle.testing.houses import open_test_house

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def session(tmp_path):
    house = open_test_house(tmp_path / "home")
    yield house.session()
    house.close()


@pytest.fixture
def client(session):
    return Client(InProcess(session))


def logged(run, values, error):
    with run:
        for value in values:
            run.log_metric("loss", value)
        raise error


def history(client, ref, name):
    return tuple(client.call("tracking.points", ref=ref, name=name).values)


def test_what_a_run_depends_on_is_captured_unasked(client, session):
    with sdk.run("train", params={"depth": np.int64(3), "grid": [1, 2]}, client=client) as run:
        run.log_metric("mae", np.float32(0.5))
    record = run.record
    assert record.status == "finished"
    assert record.params == {"depth": 3, "grid": "[1, 2]"}
    assert record.metrics == {"mae": 0.5}
    assert record.code
    assert record.code.ref
    assert record.host
    assert record.host.pid == os.getpid()
    assert record.seeds == {"run": run.seed}
    assert record.usage
    assert record.usage.wall_s >= 0
    environment = decode(client.get_content(record.environment), tracking.Environment)
    assert environment == tracking.this_environment()
    with session.begin(write=False) as scope:
        assert [spent.ref for spent in list_spendings(scope, kind="run")] == [str(run.ref)]


def test_a_run_whose_block_raises_has_failed_with_the_error_and_keeps_its_points(client):
    run = sdk.run("train", client=client)
    with pytest.raises(ZeroDivisionError):
        logged(run, [1.0] * 50, ZeroDivisionError())
    record = run.record
    assert record.status == "failed"
    assert "ZeroDivisionError" in record.error
    assert len(history(client, run.ref, "loss")) == 50


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SystemExit(0), "finished"),
        (SystemExit(2), "failed"),
        (KeyboardInterrupt(), "killed"),
    ],
)
def test_a_run_ends_as_its_program_ends(client, error, status):
    run = sdk.run("train", client=client)
    with pytest.raises(type(error)):
        logged(run, [1.0], error)
    assert run.record.status == status
    assert history(client, run.ref, "loss") == (1,)


def test_a_metric_without_a_step_takes_the_next(client):
    with sdk.run("train", client=client) as run:
        run.log_metric("loss", 3)
        run.log_metric("loss", 2, step=10)
        run.log_metric("loss", math.nan)
        run.flush()
        found = client.call("tracking.points", ref=run.ref, name="loss")
    assert found.steps == (0, 10, 11)


def test_something_that_is_no_number_is_no_metric(client):
    with sdk.run("train", client=client) as run, pytest.raises(Invalid, match="'loss'"):
        run.log_metric("loss", "high")


def test_threads_may_log_at_once_and_no_point_is_lost(client):
    with sdk.run("train", client=client) as run:
        threads = [
            threading.Thread(
                target=lambda name: [run.log_metric(name, step) for step in range(700)],
                args=(f"m{number}",),
            )
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(4):
        assert history(client, run.ref, f"m{number}") == tuple(range(700))


def test_the_ambient_functions_mean_the_innermost_run(client):
    with sdk.run("outer", experiment="night", client=client) as outer:
        sdk.log_param("depth", 3)
        with sdk.run("inner") as inner:
            sdk.log_metric("loss", 1)
            sdk.tag(colour="blue")
        sdk.log_metric("loss", 2)
    assert inner.record.parent == outer.ref
    assert inner.record.experiment == "night"
    assert inner.record.tags == {"colour": "blue"}
    assert outer.record.params == {"depth": 3}
    assert (history(client, inner.ref, "loss"), history(client, outer.ref, "loss")) == ((1,), (2,))


def test_outside_of_a_run_there_is_nothing_to_log_to():
    with pytest.raises(Invalid, match="no run is going on here"):
        sdk.log_metric("loss", 1)


def test_in_a_pipelines_step_the_ambient_functions_mean_the_steps_run(client, session):
    with session.begin() as scope:
        ref = tracking.start_run(scope, tracking.RunStart(name="fit", kind="step")).ref
    with tracking.within(ref, session):
        sdk.log_metric("loss", 1)
        with sdk.run("part", options=sdk.RunOptions(capture=False)) as part:
            pass
    assert history(client, ref, "loss") == (1,)
    assert part.record.parent == ref
    assert not client.call("tracking.get", ref=ref).ended
    with pytest.raises(Invalid, match="no run is going on here"):
        sdk.log_metric("loss", 1)


def test_a_seed_repeats_numbers_and_is_recorded(client):
    drawn = []
    for _ in range(2):
        with sdk.run("train", seed=7, client=client) as run:
            drawn.append(np.random.random())  # noqa: NPY002 - it is this one that is seeded
    assert drawn[0] == drawn[1]
    torch = {"torch": 7} if "torch" in sys.modules else {}
    assert run.record.seeds == {"run": 7, "random": 7, "numpy": 7} | torch


@pytest.mark.parametrize(
    ("artifact", "path", "kept"),
    [
        (b"bytes", "a.bin", "a.bin"),
        ("a text", "notes", "notes.txt"),
        ({"a": 1}, "report", "report.json"),
        (pa.table({"x": [1, 2]}), "rows", "rows.parquet"),
    ],
)
def test_an_object_is_kept_as_a_file_that_others_can_read(client, artifact, path, kept):
    with sdk.run("train", client=client) as run:
        assert run.log_artifact(artifact, path).path == kept
    assert run.read_artifact(kept)


def test_a_dataset_that_a_run_reads_is_its_input_with_the_version(client, session):
    table = pa.table({"x": [1, 2, 3], "y": ["a", "b", "c"]})
    version = data.commit_table(session, "trips", table)
    with sdk.run("train", client=client) as run:
        assert run.use("trips").equals(table)
        assert run.use("dataset:trips@1", columns=["x"]).column_names == ["x"]
        with pytest.raises(NotFound):
            run.use("nowhere")
    assert run.record.inputs == (version.ref,)
    with session.begin(write=False) as scope:
        (edge,) = [e for e in trace(scope, run.ref).edges if e.relation == "read"]
    assert (edge.source, edge.detail) == ("dataset:trips@1", {"rows": 3, "files": 1})


def test_a_training_set_that_a_run_joins_notes_the_views_and_their_sources(client, session):
    table = pa.table({"card": [1], "at": [NOON], "amount": [2.5]})
    version = data.commit_table(session, "payments", table)
    spending = FeatureView(
        name="spending", entity=Entity(name="card", keys=("card",)), source="payments", time="at",
        columns=("amount",), owner="me", description="Spending",
    )  # fmt: skip
    with session.begin() as scope:
        view = register_view(scope, spending)
    with sdk.run("train", client=client) as run:
        rows = front.training_set([{"card": 1, "at": NOON}, {"card": 2, "at": NOON}], ["spending"])
    assert rows["amount"].to_pylist() == [2.5, None]
    assert set(run.record.inputs) == {version.ref, view.ref}


def test_a_file_is_kept_under_its_name(client, tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with sdk.run("train", client=client) as run:
        assert run.log_artifact(tmp_path / "a.txt").path == "a.txt"
        assert run.log_artifact(str(tmp_path / "a.txt"), "b/c.txt").path == "b/c.txt"
        with pytest.raises(Invalid, match="is not a file"):
            run.log_artifact(tmp_path)
        with pytest.raises(Invalid, match="can not be kept"):
            run.log_artifact(object(), "x")
        with pytest.raises(Invalid, match="has no name"):
            run.log_artifact(b"bytes")
    assert run.read_artifact("b/c.txt") == b"text"
    with pytest.raises(NotFound):
        run.read_artifact("other")


def test_an_ended_run_takes_no_more_points(client):
    with sdk.run("train", client=client) as run:
        pass
    with pytest.raises(Conflict, match="has ended"):
        run.log_metric("loss", 1)


PROGRAM = """
import sys
import bucle
run = bucle.run("left open", options=None)
for step in range(2500):
    run.log_metric("loss", step)
print(run.ref, flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("end", "status"),
    [("", "finished"), ("sys.exit(0)", "finished"), ("1 / 0", "failed")],
)
def test_a_run_that_nobody_ends_is_ended_with_the_program(tmp_path, end, status):
    environ = os.environ | {"BUCLE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    script = tmp_path / "train.py"
    script.write_text(PROGRAM.format(end=end))
    done = subprocess.run(
        [sys.executable, str(script)], env=environ, check=False, capture_output=True, text=True
    )
    house = open_test_house(tmp_path / "home")
    client = Client(InProcess(house.session()))
    ref = done.stdout.strip()
    run = client.call("tracking.get", ref=ref)
    assert run.status == status, done.stderr
    assert len(history(client, ref, "loss")) == 2500
    house.close()
