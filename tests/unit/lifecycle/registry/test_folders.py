"""A model is opened from a folder, without an installation, and only as it was packed."""

from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.codec import canonical_json
from bucle.base.digest import digest_bytes
from bucle.base.errors import Invalid, NotFound, Refused
from bucle.drivers.blobs.content import read_content
from bucle.governance.session import House
from bucle.lifecycle.registry import (
    MANIFEST_FILE,
    SIGNATURE_FILE,
    Packaging,
    open_folder,
    package_model,
    statement,
)
from tests.unit.lifecycle.registry import models


@pytest.fixture
def folder(house: House, rentals: pa.Table, tmp_path: Path) -> Path:
    """Return a package as a folder, signed."""
    packaging = Packaging(example=rentals[:9], check=rentals)
    package = package_model(house.drivers, models.logistic(rentals), packaging)
    made = tmp_path / "package"
    made.mkdir()
    (made / MANIFEST_FILE).write_bytes(canonical_json(package.manifest))
    for name, file in package.manifest.files.items():
        (made / name).write_bytes(read_content(house.drivers.blobs, file.digest))
    signature = house.keys.sign(statement(package.digest))
    (made / SIGNATURE_FILE).write_text(signature)
    return made


def test_a_folder_predicts_with_a_key_and_without(house: House, folder: Path) -> None:
    for key in ("", house.keys.public_hex):
        answers = open_folder(folder, public_hex=key).predict({"heat": [40.0], "hour": [23]})
        assert list(answers["prediction"]) == ["yes"]


def test_a_changed_file_is_refused_by_its_name(folder: Path) -> None:
    weights = folder / "weights.linear.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(Refused, match=r"'weights.linear.safetensors' of the package was changed"):
        open_folder(folder)


def test_a_missing_file_is_refused_by_its_name(folder: Path) -> None:
    (folder / "requirements.txt").unlink()
    with pytest.raises(Refused, match=r"'requirements.txt' of the model is missing"):
        open_folder(folder)


def test_with_a_key_a_package_without_its_signature_is_refused(house: House, folder: Path) -> None:
    (folder / SIGNATURE_FILE).unlink()
    with pytest.raises(Refused, match="is not signed by the key"):
        open_folder(folder, public_hex=house.keys.public_hex)


def test_a_manifest_can_not_name_a_file_elsewhere(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"x")
    manifest = (folder / MANIFEST_FILE).read_text()
    digest = digest_bytes(b"x")
    reaching = f'"../secret":{{"digest":"{digest}","size_bytes":1}},"MLmodel"'
    (folder / MANIFEST_FILE).write_text(manifest.replace('"MLmodel"', reaching, 1))
    with pytest.raises(Invalid, match=r"a package has no file '\.\./secret'"):
        open_folder(folder)


def test_an_empty_folder_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no model"):
        open_folder(tmp_path)


def test_weights_of_mlflow_outside_of_their_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        "flavors: {onnx: {data: ../../model.onnx}}\n"
        """signature: {inputs: '[{"name": "heat", "type": "double"}]'}\n"""
    )
    with pytest.raises(Invalid, match="outside of its folder"):
        open_folder(tmp_path)


def test_a_graph_that_mlflow_saved_is_fed_by_the_names_of_its_inputs(
    rentals: pa.Table, tmp_path: Path
) -> None:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    graph = skl2onnx.convert_sklearn(
        models.forest(rentals), initial_types=[("rows", FloatTensorType([None, 2]))]
    )
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    (tmp_path / "MLmodel").write_text(
        "flavors: {onnx: {data: model.onnx}, python_function: {loader_module: mlflow.onnx}}\n"
        """signature: {inputs: '[{"name": "heat", "type": "double"},"""
        """ {"name": "hour", "type": "long"}]'}\n"""
    )
    answers = open_folder(tmp_path).predict({"heat": [20.0, 30.0], "hour": [3, 4]})
    assert answers["prediction"].shape == (2,)


def test_a_model_that_only_mlflow_runs_asks_the_policy_and_then_for_mlflow(
    tmp_path: Path,
) -> None:
    (tmp_path / "MLmodel").write_text(
        "flavors: {python_function: {loader_module: somebody.else}}\n"
        """signature: {inputs: '[{"name": "heat", "type": "double"}]'}\n"""
    )
    with pytest.raises(Refused, match="python_function runs code where it is loaded"):
        open_folder(tmp_path)
