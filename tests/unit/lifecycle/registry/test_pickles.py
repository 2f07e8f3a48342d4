"""What runs code where it is loaded is loaded only as far as the installation's policy goes."""

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Refused
from bucle.governance.session import House
from bucle.lifecycle.registry import (
    Manifest,
    ModelLog,
    Packaging,
    Signature,
    log_model,
    open_folder,
    package_model,
)
from bucle.lifecycle.registry.flavors import runs_code
from bucle.lifecycle.registry.load import Pickles, require_allowed
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.registry import models

MLMODEL = """
flavors:
  sklearn: {{pickled_model: model.pkl, serialization_format: cloudpickle, model_class: {kind}}}
  python_function: {{loader_module: mlflow.sklearn}}
signature:
  inputs: '[{{"name": "heat", "type": "double"}}, {{"name": "hour", "type": "long"}}]'
"""


def manifest(flavor: str, **options: str) -> Manifest:
    signature = Signature(inputs=(), outputs=())
    return Manifest(flavor=flavor, task="", signature=signature, options=options, files={})


POLICIES: tuple[Pickles, ...] = ("never", "asked", "any")  # each allows what those before it do
CASES: list[tuple[Manifest, Pickles]] = [
    (manifest("linear"), "never"),
    (manifest("onnx"), "never"),
    (manifest("torch", form="weights"), "never"),
    (manifest("mlflow", loader="skops"), "never"),
    (manifest("ensemble", members="linear, onnx"), "never"),
    (manifest("python"), "asked"),
    (manifest("torch", form="exported"), "asked"),
    (manifest("torch", form="script"), "asked"),
    (manifest("ensemble", code="yes"), "asked"),
    (manifest("mlflow", loader="python"), "any"),
]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("held", "least"), CASES, ids=[f"{held.flavor} {held.options}" for held, _ in CASES]
)
def test_the_policy_decides_by_what_is_in_the_file(
    held: Manifest, least: Pickles, policy: Pickles
) -> None:
    if POLICIES.index(policy) >= POLICIES.index(least):
        require_allowed(held, policy)
        return
    with pytest.raises(Refused, match="runs code where it is loaded"):
        require_allowed(held, policy)


def test_an_installation_that_loads_no_pickle_registers_none(
    tmp_path: Path, rentals: pa.Table
) -> None:
    house = open_test_house(tmp_path / "home", pickles="never")
    log = ModelLog(example=rentals.select(["heat"])[:5], allow_pickle=True)
    with pytest.raises(Refused, match=r"BUCLE_PICKLES=never"):
        log_model(house.session(), lambda columns: columns["heat"], "plain", log)
    house.close()


@pytest.fixture
def saved(tmp_path: Path, rentals: pa.Table) -> Path:
    """Return a directory as MLflow saves a scikit-learn model."""
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(models.logistic(rentals)))
    (folder / "MLmodel").write_text(MLMODEL.format(kind="sklearn.pipeline.Pipeline"))
    return folder


def test_a_pickle_of_mlflows_is_opened_where_any_may_run(saved: Path) -> None:
    with pytest.raises(Refused, match="about which nobody was asked"):
        open_folder(saved)
    predictor = open_folder(saved, pickles="any")
    assert list(predictor.predict({"heat": [40.0, 0.0], "hour": [23, 0]})["prediction"]) == [
        "yes",
        "no",
    ]


def test_members_that_run_code_make_an_ensemble_that_does(house: House, rentals: pa.Table) -> None:
    from bucle.lifecycle.registry import Ensemble, Member

    def doubled(columns: dict[str, pa.Array]) -> object:
        return columns["heat"] * 2

    packaging = Packaging(example=rentals.select(["heat"])[:5], allow_pickle=True)
    asked = Ensemble(members=(Member(model=doubled),))
    assert runs_code(package_model(house.drivers, asked, packaging).manifest)
