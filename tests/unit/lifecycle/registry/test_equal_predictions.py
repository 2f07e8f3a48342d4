"""Of ten thousand rows a loaded package says what its model says, for every kind of model."""

from typing import Any

import numpy as np
import pytest

from bucle.governance.session import House
from bucle.lifecycle.registry import Ensemble, Member, Packaging, Predictor, package_model
from bucle.lifecycle.registry.columns import Columns, columns_of
from bucle.lifecycle.registry.flavors import native
from tests.unit.lifecycle.registry import kinds
from tests.unit.lifecycle.registry.test_package import loaded

MANY = kinds.rows(10_000, 99)


@pytest.fixture(scope="module")
def own_house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from bucle.testing.houses import open_test_house

    opened = open_test_house(tmp_path_factory.mktemp("house") / "home")
    yield opened
    opened.close()


def packed(house: House, model: Any, **more: Any) -> Predictor:
    packaging = Packaging(example=kinds.FITTED[:50], check=kinds.FITTED, **more)
    return loaded(house, package_model(house.drivers, model, packaging))


def asked(predictor: Predictor) -> Columns:
    return columns_of(MANY, predictor.signature.inputs)


def check_equal(expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Classes exactly, numbers within 1e-5."""
    assert set(found) == set(expected)
    for name, column in expected.items():
        if np.asarray(column).dtype.kind == "f":
            np.testing.assert_allclose(found[name], column, rtol=1e-5, atol=1e-5)
        else:
            assert np.array_equal(found[name], column)


@pytest.mark.parametrize("kind", list(kinds.KINDS))
def test_a_package_says_what_the_model_says(own_house: House, kind: str) -> None:
    fit, flavor = kinds.KINDS[kind]
    model = fit()
    predictor = packed(own_house, model)
    assert not flavor or predictor.flavor == flavor
    columns = asked(predictor)
    check_equal(native.run_model(model, columns), predictor.predict(columns))


def test_a_model_that_no_engine_equals_stays_itself_and_says_why(own_house: House) -> None:
    predictor = packed(own_house, kinds.KINDS["histogram boosting"][0]())
    assert predictor.flavor == "skops"
    options = predictor.manifest.options
    assert "proof" not in options
    assert options["note"].startswith(
        "one sum: HistGradientBoostingClassifier is no linear model; ONNX in double precision:"
    )


def test_a_compiled_model_says_on_which_rows_it_was_found_equal(own_house: House) -> None:
    options = packed(own_house, kinds.KINDS["forest"][0]()).manifest.options
    assert options["proof"] == (
        "equal to the model's own answers on 706 rows (50 of the input example, 400 to judge it "
        "on, 256 combinations of the example's values): classes exactly, numbers within 2e-06"
    )
    assert options["note"] == "one sum: RandomForestClassifier is no linear model"


def test_a_graph_that_was_made_elsewhere_says_what_it_says_in_onnx_runtime(
    own_house: House,
) -> None:
    import onnxruntime
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType

    model = kinds.KINDS["gradient boosting"][0]()
    graph = skl2onnx.convert_sklearn(
        model,
        initial_types=[("rows", FloatTensorType([None, 6]))],
        options={id(model): {"zipmap": False}},
    )
    example = kinds.FITTED.select(kinds.NUMBERS)
    packaging = Packaging(example=example[:50], task="classification")
    predictor = loaded(own_house, package_model(own_house.drivers, graph, packaging))
    matrix = np.column_stack([MANY.column(name).to_numpy() for name in kinds.NUMBERS])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    labels, scores = session.run(None, {"rows": matrix.astype(np.float32)})
    check_equal({"prediction": labels, "probability": scores}, predictor.predict(asked(predictor)))
    assert predictor.manifest.classes == (0, 1, 2)


def test_a_class_with_predict_says_what_it_says(own_house: House) -> None:
    class Doubled:
        def predict(self, columns: dict[str, Any]) -> Any:
            return columns["x0"] * 2 + (columns["city"] == "oslo")

    predictor = packed(own_house, Doubled(), allow_pickle=True)
    columns = asked(predictor)
    check_equal({"prediction": Doubled().predict(dict(columns))}, predictor.predict(columns))


def test_an_ensemble_of_kinds_says_the_weighted_mean_of_its_members(own_house: House) -> None:
    names = ("logistic", "forest", "lightgbm", "columns forest")
    members = [kinds.KINDS[name][0]() for name in names]
    weights = (1.0, 2.0, 1.0, 0.5)
    told = tuple(
        Member(model=model, weight=weight) for model, weight in zip(members, weights, strict=True)
    )
    predictor = packed(own_house, Ensemble(members=told))
    columns = asked(predictor)
    shares = [
        native.run_model(model, {name: columns[name] for name in native_inputs(model)})
        for model in members
    ]
    mean = np.average([one["probability"] for one in shares], axis=0, weights=weights)
    clear = np.abs(mean - 0.5) > 1e-5  # nearer, single precision may decide
    found = predictor.predict(columns)
    np.testing.assert_allclose(found["probability"], mean, rtol=1e-5, atol=1e-5)
    assert np.array_equal(found["prediction"][clear], np.where(mean > 0.5, "yes", "no")[clear])
    assert predictor.manifest.options["members"] == "linear, onnx, lightgbm, onnx"


def native_inputs(model: Any) -> list[str]:
    return [str(name) for name in model.feature_names_in_]


def test_a_network_of_pytorch_says_what_it_says(own_house: House) -> None:
    try:
        import torch
    except ImportError:
        pytest.skip("PyTorch is not installed (make torch)")
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    rows = kinds.FITTED.select(kinds.NUMBERS)
    matrix = np.column_stack([MANY.column(name).to_numpy() for name in kinds.NUMBERS])
    with torch.inference_mode():
        scores = network(torch.from_numpy(matrix.astype(np.float32))).softmax(dim=1).numpy()
    for model in (network, torch.jit.script(network)):
        packaging = Packaging(example=rows[:50], check=rows, task="classification")
        predictor = loaded(own_house, package_model(own_house.drivers, model, packaging))
        found = predictor.predict(columns_of(MANY, predictor.signature.inputs))
        assert np.array_equal(found["prediction"], scores.argmax(axis=1))
        np.testing.assert_allclose(found["probability"], scores, rtol=1e-5, atol=1e-5)


def test_rows_that_stand_in_one_array_get_the_same_answers(own_house: House) -> None:
    for kind in ("logistic", "ridge", "forest", "gradient boosting of numbers", "xgboost"):
        predictor = packed(own_house, kinds.KINDS[kind][0]())
        columns = asked(predictor)
        assert predictor.takes_matrix
        matrix = np.array(list(columns.values()))
        check_equal(predictor.predict(columns), predictor.predict_matrix(matrix))
