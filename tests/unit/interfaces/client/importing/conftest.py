"""A small store of MLflow in a folder, written by hand as MLflow 2 and 3 write it."""

from pathlib import Path

import pytest

from bucle.interfaces.client import Client
from bucle.interfaces.client.local import InProcess
from bucle.testing.houses import open_test_house

RUN = "0123456789abcdef0123456789abcdef"
CHILD = "fedcba9876543210fedcba9876543210"
MODEL = "m-00000000000000000000000000000001"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def add_run(root: Path, id_: str, **fields: object) -> Path:
    """Write a run of the experiment `churn`, and return its folder."""
    folder = root / "123456789012345678" / id_
    said = {"run_id": id_, "run_name": "first", "experiment_id": "'123456789012345678'",
            "lifecycle_stage": "active", "status": 3, "start_time": 1700000000000,
            "end_time": 1700000005000, "user_id": "ana",
            "artifact_uri": f"file://{folder}/artifacts"} | fields  # fmt: skip
    lines = [f"{name}: {'null' if value is None else value}" for name, value in said.items()]
    write(folder / "meta.yaml", "\n".join(lines) + "\n")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "store" / "mlruns"
    meta = "artifact_location: {root}/{id}\ncreation_time: 1700000000001\nexperiment_id: '{id}'\n"
    meta += "last_update_time: 1700000000002\nlifecycle_stage: {stage}\nname: {name}\n"
    for id_, name, stage in (("0", "Default", "active"), ("123456789012345678", "churn", "active")):
        write(root / id_ / "meta.yaml", meta.format(root=root, id=id_, name=name, stage=stage))
    gone = meta.format(root=root, id="77", name="gone", stage="deleted")
    write(root / ".trash" / "77" / "meta.yaml", gone)
    write(root / "123456789012345678" / "tags" / "team", "blue")
    run = add_run(root, RUN)
    write(run / "params" / "a" / "b c", "ñ")
    write(run / "tags" / "mlflow.source.git.commit", "c0ffee")
    write(
        run / "metrics" / "loss", "1700000000001 0.5 0\n1700000000002 nan 1\n1700000000003 inf 2\n"
    )
    write(run / "artifacts" / "plots" / "x.txt", "hello")
    write(run / "inputs" / "i1" / "meta.yaml",
          f"source_type: DATASET\nsource_id: d1\ndestination_type: RUN\ndestination_id: {RUN}\n"
          "tags:\n  mlflow.data.context: training\n")  # fmt: skip
    write(root / "123456789012345678" / "datasets" / "d1" / "meta.yaml",
          "name: trips\ndigest: abc\nsource_type: local\nsource: '{}'\nschema: null\n")  # fmt: skip
    child = add_run(root, CHILD, lifecycle_stage="deleted", status=1, end_time=None)
    write(child / "tags" / "mlflow.parentRunId", RUN)
    _add_models(root)
    return root


def _add_models(root: Path) -> None:
    logged = root / "123456789012345678" / "models" / MODEL
    write(logged / "meta.yaml",
          f"model_id: {MODEL}\nname: net\nexperiment_id: '123456789012345678'\nstatus: 2\n"
          "creation_timestamp: 1700000000100\nlast_updated_timestamp: 1700000000200\n"
          f"artifact_location: file:///gone/away\nsource_run_id: {RUN}\n"
          "model_type: null\n")  # fmt: skip
    write(logged / "artifacts" / "MLmodel", "flavors: {}\n")
    write(logged / "params" / "depth", "3")
    write(logged / "metrics" / "auc", f"1700000000001 0.9 1 {RUN} trips abc\n")
    model = root / "models" / "churn"
    write(model / "meta.yaml",
          "name: churn\ndescription: who leaves\ncreation_timestamp: 1700000000300\n"
          "last_updated_timestamp: 1700000000400\naliases:\n  champion: '3'\n")  # fmt: skip
    write(model / "tags" / "owner", "ana")
    for number, source in (("1", f"file://{root}/123456789012345678/{RUN}/artifacts/plots"),
                           ("3", f"models:/{MODEL}")):  # fmt: skip
        write(model / f"version-{number}" / "meta.yaml",
              f"name: churn\nversion: {number}\ncreation_timestamp: 1700000000500\n"
              f"last_updated_timestamp: 1700000000600\ncurrent_stage: Staging\nrun_id: {RUN}\n"
              f"source: {source}\nstatus: READY\nuser_id: null\ndescription: null\n")  # fmt: skip


@pytest.fixture
def client(tmp_path: Path):
    house = open_test_house(tmp_path / "home")
    yield Client(InProcess(house.session(), owns_house=True))
    house.close()
