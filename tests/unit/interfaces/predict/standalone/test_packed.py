"""Which folders and files are served without an installation, and which are refused."""

from pathlib import Path

import numpy as np
import pytest

from bucle.base.errors import Invalid, NotFound, Refused
from bucle.governance.keys import Keys
from bucle.governance.session import House
from bucle.interfaces.cli.export_model import export_version
from bucle.interfaces.client import connect
from bucle.interfaces.predict.standalone.home import settle
from bucle.interfaces.predict.standalone.packed import read_packed


@pytest.fixture
def folder(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BUCLE_HOME", house.settings.home)
    with connect() as client:
        return export_version(client, "model:demand@2", tmp_path / "exported")


def test_an_exported_folder_says_who_signed_it(house: House, folder: Path) -> None:
    packed = read_packed(folder)
    assert (str(packed.model), packed.name) == ("model:demand@2", "demand")
    assert (packed.signed_by, packed.trusted) == (house.keys.public_hex, False)
    assert read_packed(folder, public_hex=house.keys.public_hex).trusted


def test_another_key_is_not_believed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not signed by the key"):
        read_packed(folder, public_hex=Keys(tmp_path / "other").public_hex, allow_unsigned=True)


@pytest.mark.parametrize("name", ["weights.pkl", "input_example.parquet", "requirements.txt"])
def test_a_file_that_was_changed_is_refused_by_its_name(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Refused, match=f"'{name}' of the package was changed"):
        read_packed(folder, allow_unsigned=True)


def test_a_manifest_that_was_changed_is_refused_whatever_is_allowed(folder: Path) -> None:
    path = folder / "bucle-model.json"
    path.write_bytes(path.read_bytes().replace(b"regression", b"regressioN"))
    with pytest.raises(Refused, match="was changed, or is not signed"):
        read_packed(folder, allow_unsigned=True)


def test_what_nobody_signed_is_served_only_if_somebody_says_so(folder: Path) -> None:
    (folder / "bucle-model.sig").unlink()
    with pytest.raises(Refused, match=r"bucle-model\.sig is missing") as refused:
        read_packed(folder)
    assert "--allow-unsigned" in refused.value.hint
    assert read_packed(folder, allow_unsigned=True).signed_by == ""


def test_what_is_not_there_or_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is nothing at"):
        read_packed(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="holds no model"):
        read_packed(tmp_path, allow_unsigned=True)


def test_an_export_writes_over_nothing_else(folder: Path) -> None:
    (folder / "mine.txt").write_text("mine")
    with connect() as client, pytest.raises(Refused, match=r"'mine.txt', which is no part"):
        export_version(client, "model:demand@2", folder)


def test_two_models_of_one_name_do_not_share_a_port(folder: Path, tmp_path: Path) -> None:
    packed = read_packed(folder)
    with pytest.raises(Invalid, match="two of the models are called 'demand'"):
        settle(tmp_path / "state", [packed, packed], host="127.0.0.1")


def test_callers_from_elsewhere_need_the_token_of_the_folder(folder: Path, tmp_path: Path) -> None:
    packed = read_packed(folder)
    assert settle(tmp_path / "here", [packed], host="127.0.0.1") == ""
    token = settle(tmp_path / "state", [packed], host="0.0.0.0")
    assert token.startswith("bucle_")
    assert settle(tmp_path / "state", [packed], host="0.0.0.0") == token


def test_a_booster_file_that_names_its_columns_is_served(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows = np.arange(20.0).reshape(10, 2)
    data = xgboost.DMatrix(rows, rows[:, 0], feature_names=["hour", "temp"])
    path = tmp_path / "demand.json"
    xgboost.train({"objective": "reg:squarederror"}, data, 3).save_model(path)
    packed = read_packed(path, allow_unsigned=True)
    assert packed.name == "demand"
    assert b'"hour"' in packed.manifest
    with pytest.raises(Refused, match="nobody signed"):
        read_packed(path)


def test_a_booster_file_that_names_no_columns_is_refused(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows = np.arange(20.0).reshape(10, 2)
    path = tmp_path / "demand.ubj"
    xgboost.train({}, xgboost.DMatrix(rows, rows[:, 0]), 3).save_model(path)
    with pytest.raises(Invalid, match="does not name the columns"):
        read_packed(path, allow_unsigned=True)


def test_a_graph_is_served_by_the_columns_that_it_takes(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LinearRegression

    rows = np.arange(20.0).reshape(10, 2)
    fitted = LinearRegression().fit(rows, rows[:, 0])
    graph = skl2onnx.to_onnx(fitted, rows[:1].astype(np.float32))
    path = tmp_path / "line.onnx"
    path.write_bytes(graph.SerializeToString())
    packed = read_packed(path, allow_unsigned=True)
    assert b'"x0"' in packed.manifest
    assert settle(tmp_path / "state", [packed], host="127.0.0.1") == ""
