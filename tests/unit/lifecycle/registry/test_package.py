"""A package says what the model says, and is the same package for an equal model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.governance.session import House
from bucle.lifecycle.registry import (
    Package,
    Packaging,
    Predictor,
    load_package,
    package_model,
    statement,
)
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.flavors import native
from bucle.lifecycle.registry.package import first_row
from tests.unit.lifecycle.registry import models

ROOT = Path(__file__).resolve().parents[4]


def packed(house: House, model: object, rows: pa.Table, **more: object) -> Package:
    return package_model(house.drivers, model, Packaging(example=rows.slice(0, 9), **more))


def loaded(house: House, package: Package) -> Predictor:
    signature = house.keys.sign(statement(package.digest))
    return load_package(
        house.drivers.blobs,
        package.digest,
        signature,
        house.keys.public_hex,
        house.drivers.cache_path,
    )


@pytest.mark.parametrize(
    ("make", "flavor"),
    [("linear", "linear"), ("logistic", "linear"), ("forest", "onnx"), ("boosting", "skops")],
)
def test_a_package_predicts_what_its_model_predicts(
    house: House, rentals: pa.Table, make: str, flavor: str
) -> None:
    model = getattr(models, make)(rentals)
    package = packed(house, model, rentals, check=rentals)
    predictor = loaded(house, package)
    columns = columns_of(rentals, predictor.signature.inputs)
    own, answers = native.run_model(model, columns), predictor.predict(columns)
    assert predictor.flavor == flavor
    assert set(answers) == set(own)
    for name, expected in own.items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(answers[name], expected, rtol=1e-5)
        else:
            assert list(answers[name]) == list(expected)


@pytest.mark.parametrize("make", ["linear", "forest", "boosting"])
def test_packing_an_equal_model_again_gives_the_same_package(
    house: House, rentals: pa.Table, make: str
) -> None:
    first = packed(house, getattr(models, make)(rentals), rentals)
    assert packed(house, getattr(models, make)(rentals), rentals).digest == first.digest


def test_the_signature_is_what_the_model_was_fitted_on(house: House, rentals: pa.Table) -> None:
    package = packed(house, models.linear(rentals), rentals, target="count")
    inputs = package.manifest.signature.inputs
    assert [(field.name, field.type) for field in inputs] == [
        ("heat", "float64"),
        ("hour", "int64"),
        ("city", "string"),
    ]
    assert package.manifest.task == "regression"


def test_the_classes_of_a_classifier_are_kept_and_probability_is_of_the_second(
    house: House, rentals: pa.Table
) -> None:
    package = packed(house, models.logistic(rentals), rentals)
    answers = loaded(house, package).predict({"heat": [40.0, 0.0], "hour": [23, 0]})
    assert package.manifest.classes == ("no", "yes")
    assert list(answers["prediction"]) == ["yes", "no"]
    assert answers["probability"][0] > 0.5 > answers["probability"][1]


def test_a_model_that_copes_with_gaps_takes_nulls_and_another_names_the_column(
    house: House, rentals: pa.Table
) -> None:
    row = {"heat": [None], "hour": [3]}
    assert np.isfinite(
        loaded(house, packed(house, models.boosting(rentals), rentals)).predict(row)["prediction"]
    )
    with pytest.raises(Invalid, match="'heat' has no value in 1 of 1 rows"):
        loaded(house, packed(house, models.logistic(rentals), rentals)).predict(row)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"heat": [1.0], "hour": [1]}, "the column 'city' is missing"),
        ({"heat": [1.0], "hour": [1], "city": ["x"], "wind": [1]}, "know the column 'wind'"),
        ({"heat": ["hot"], "hour": [1], "city": ["x"]}, "'heat' takes float64, not string"),
        ({"heat": [1.0], "hour": [1.5], "city": ["x"]}, "'hour' takes int64, not float64"),
        ({"heat": [True], "hour": [1], "city": ["x"]}, "'heat' takes float64, not bool"),
        ({"heat": [1.0, True], "hour": [1, 2], "city": ["x", "y"]}, "'heat' takes float64"),
        ({"heat": [1.0], "hour": [1], "city": [3]}, "'city' takes string, not int64"),
        ({"heat": [1.0, 2.0], "hour": [1], "city": ["x"]}, "different numbers of rows"),
        ({"heat": [float("inf")], "hour": [1], "city": ["x"]}, "'heat' holds an infinite value"),
        ({"heat": 1.0, "hour": [1], "city": ["x"]}, "'heat' is no list"),
        ({"heat": [], "hour": [], "city": []}, "no rows to predict"),
    ],
)
def test_a_wrong_column_is_refused_by_its_name(
    house: House, rentals: pa.Table, row: dict[str, object], message: str
) -> None:
    predictor = loaded(house, packed(house, models.linear(rentals), rentals))
    with pytest.raises(Invalid, match=message):
        predictor.predict(row)  # type: ignore[arg-type]


def test_a_plain_function_needs_a_word_before_it_is_pickled(
    house: House, rentals: pa.Table
) -> None:
    example = rentals.select(["heat"])
    with pytest.raises(Invalid, match="as a pickle only"):
        packed(house, lambda columns: columns["heat"] * 2, example)
    package = packed(house, lambda columns: columns["heat"] * 2, example, allow_pickle=True)
    assert package.manifest.flavor == "python"
    assert list(loaded(house, package).predict({"heat": [2.0]})["prediction"]) == [4.0]


def test_a_model_that_depends_on_chance_is_refused(house: House, rentals: pa.Table) -> None:
    rng = np.random.default_rng()
    with pytest.raises(Refused, match="does not say of its example what the model says"):
        packed(
            house,
            lambda columns: rng.random(len(columns["heat"])),
            rentals.select(["heat"]),
            allow_pickle=True,
        )


def test_an_example_without_a_fitted_column_is_refused(house: House, rentals: pa.Table) -> None:
    with pytest.raises(Invalid, match="lacks the column 'city'"):
        packed(house, models.linear(rentals), rentals.select(["heat", "hour"]))


def test_an_onnx_package_runs_without_scikit_learn(house: House, rentals: pa.Table) -> None:
    package = packed(house, models.linear(rentals), rentals)
    program = f"""
import sys
from bucle.lifecycle.registry import load_package
from bucle.drivers.blobs import open_blobs
from pathlib import Path
predictor = load_package(open_blobs({house.settings.blobs_url!r}), {package.digest!r},
    {house.keys.sign(statement(package.digest))!r}, {house.keys.public_hex!r}, Path("unused"))
print(predictor.predict({{"heat": [20.0], "hour": [3], "city": ["lima"]}})["prediction"][0] > 0)
print([name for name in ("sklearn", "pandas", "duckdb", "optuna") if name in sys.modules])
"""
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert told.stdout.split("\n")[:2] == ["True", "[]"]


def test_the_first_row_is_kept_in_plain_values() -> None:
    columns = {
        "heat": np.array([np.nan, 1.0]),
        "hour": np.array([3, 4]),
        "city": np.array(["lima", None], dtype=object),
        "at": np.array(["2026-01-31T12:00:00.5", "NaT"], dtype="datetime64[us]"),
    }
    assert first_row(columns) == {
        "heat": None,
        "hour": 3,
        "city": "lima",
        "at": "2026-01-31T12:00:00.500000",
    }
