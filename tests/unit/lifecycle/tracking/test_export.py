"""An export holds everything of the runs, as anybody can read it."""

import csv
import io
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.interfaces.cli.main import run as type_bucle
from bucle.interfaces.client import Client, connect
from bucle.interfaces.client import runs as sdk
from bucle.interfaces.client.local import InProcess


@pytest.fixture
def client(session):
    return Client(InProcess(session))


def logged(client, experiment="e", points=300):
    options = sdk.RunOptions(tags={"colour": "blue"})
    params = {"depth": 3, "name": "ñ", "on": True, "none": None}
    with sdk.run("train", experiment=experiment, params=params, options=options,
                 client=client) as run:  # fmt: skip
        for step in range(points):
            run.log_metrics({"loss": step / 2, "bad": math.nan}, step=step)
        run.log_artifact(b"x", "a.bin")
    return run


def tables(client, **asked):
    return {file.name: (client.get_content(file.digest), file.rows)
            for file in client.call("tracking.export", **asked)}  # fmt: skip


def test_an_experiment_is_exported_whole_and_alone(client):
    run = logged(client)
    logged(client, experiment="other")
    found = tables(client, experiment="e")
    rows = {name: pq.read_table(pa.BufferReader(content)) for name, (content, _) in found.items()}
    assert {name: rows[name].num_rows for name in rows} == {
        "runs.parquet": 1, "params.parquet": 4, "tags.parquet": 1, "metrics.parquet": 2,
        "points.parquet": 600, "links.parquet": 0, "artifacts.parquet": 1,
    }  # fmt: skip
    assert {name: count for name, (_, count) in found.items()} == {
        name: table.num_rows for name, table in rows.items()
    }
    (one,) = rows["runs.parquet"].to_pylist()
    assert (one["run"], one["status"], one["experiment"]) == (run.ref.name, "finished", "e")
    assert one["wall_s"] >= 0
    params = {
        row["name"]: (row["value"], row["number"]) for row in rows["params.parquet"].to_pylist()
    }
    assert params == {"depth": ("3", 3.0), "name": ("ñ", None), "on": ("True", None),
                      "none": (None, None)}  # fmt: skip
    loss = rows["points.parquet"].filter(pa.compute.equal(rows["points.parquet"]["name"], "loss"))
    assert loss["value"].to_pylist() == [step / 2 for step in range(300)]


def test_without_an_experiment_everything_is_exported_also_as_csv(client):
    logged(client)
    logged(client, experiment="other")
    content, rows = tables(client, format="csv")["points.csv"]
    read = list(csv.DictReader(io.StringIO(content.decode())))
    assert len(read) == rows == 1_200
    assert list(read[0]) == ["run", "name", "step", "at_ms", "value"]
    assert {row["value"] for row in read if row["name"] == "bad"} == {"nan"}


def test_the_command_writes_the_files_into_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BUCLE_HOME", str(tmp_path / "home"))
    with connect() as client:
        logged(client, points=5)
    to = tmp_path / "out"
    assert type_bucle(["tracking", "export", "e", "--to", str(to), "--format", "csv"]) == 0
    assert "points.csv: 10 rows" in capsys.readouterr().out
    assert len(list(to.iterdir())) == 7
    assert type_bucle(["tracking", "leaderboard", "e", "--by", "metrics.loss",
                       "--at-least", "loss=1"]) == 0  # fmt: skip
    assert "train" in capsys.readouterr().out
