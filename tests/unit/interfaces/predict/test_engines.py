"""An engine checks what callers send, answers lists and arrays alike, and names what is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import House
from bucle.interfaces.predict.engines import Engine, ModelError
from bucle.lifecycle.registry import Packaging, load_package, package_model, statement
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.registry import models

ROW: dict[str, list[Any]] = {"heat": [20.0], "hour": [3], "city": ["lima"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = open_test_house(tmp_path_factory.mktemp("engines") / "home")
    yield opened
    opened.close()


def engine(house: House, model: Any, example: pa.Table, **more: Any) -> Engine:
    packaging = Packaging(example=example, **more)
    digest = package_model(house.drivers, model, packaging).digest
    signature = house.keys.sign(statement(digest))
    blobs, key = house.drivers.blobs, house.keys.public_hex
    return Engine(load_package(blobs, digest, signature, key, Path("unused")))


@pytest.fixture(scope="module")
def numbers(house: House) -> Engine:
    """Return a forest of two numbers, one of them whole."""
    rentals = models.rentals()
    return engine(house, models.forest(rentals), rentals[:20])


@pytest.fixture(scope="module")
def mixed(house: House) -> Engine:
    """Return a pipeline of numbers and text."""
    rentals = models.rentals()
    return engine(house, models.linear(rentals), rentals[:20])


def test_lists_arrays_and_one_array_get_the_same_answers(numbers: Engine) -> None:
    columns: dict[str, Any] = {"heat": [20.0, 31.5, 4.0], "hour": [3, 23, 0], "wind": [1, 1, 1]}
    outputs, seconds = numbers.call(columns)
    checked = numbers.checked(columns)
    assert {name: array.dtype for name, array in checked.items()} == {
        "heat": np.float64,
        "hour": np.int64,
    }
    matrix = numbers.matrix(columns)
    assert matrix is not None
    assert matrix.shape == (2, 3)
    for found in (numbers.call_arrays(checked), numbers.call_matrix(matrix)):
        assert found["prediction"].tolist() == outputs["prediction"]
    assert seconds > 0


def test_rows_of_several_callers_can_be_asked_together(mixed: Engine) -> None:
    rows = [dict(ROW), {"heat": [1.0], "hour": [23], "city": ["quito"]}]
    checked = [mixed.checked(row) for row in rows]
    together = {name: np.concatenate([each[name] for each in checked]) for name in checked[0]}
    alone = [mixed.call(row)[0]["prediction"][0] for row in rows]
    np.testing.assert_allclose(mixed.call_arrays(together)["prediction"], alone, rtol=1e-12)
    assert not mixed.takes_matrix
    assert mixed.matrix(ROW) is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"heat": [1.0]}, "the column 'hour' is missing"),
        ({"heat": ["hot"], "hour": [3]}, "'heat' takes float64, not string"),
        ({"heat": [True], "hour": [3]}, "'heat' takes float64, not bool"),
        ({"heat": [1.0], "hour": [3.5]}, "'hour' takes int64, not float64"),
        ({"heat": [1.0, 2.0], "hour": [3]}, "different numbers of rows"),
        ({"heat": [], "hour": []}, "no rows to predict"),
        ({"heat": [float("inf")], "hour": [3]}, "'heat' holds an infinite value"),
        ({"heat": np.array([np.inf]), "hour": np.array([3])}, "'heat' holds an infinite value"),
        ({"heat": [1.0], "hour": [2**70]}, "'hour' holds a whole number that 64 bits do not hold"),
        ({"heat": [1.0], "hour": [2**63]}, "'hour' holds a whole number that 64 bits do not hold"),
        ({"heat": np.array([[1.0]]), "hour": np.array([3])}, "'heat' has 2 dimensions"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_its_column(
    numbers: Engine, columns: dict[str, Any], message: str
) -> None:
    for ask in (numbers.call, numbers.checked):
        with pytest.raises(Invalid, match=message):
            ask(columns)


def test_a_missing_number_is_refused_where_the_model_does_not_cope(mixed: Engine) -> None:
    for heat in ([None], [float("nan")], np.array([np.nan])):
        with pytest.raises(Invalid, match="'heat' has no value in 1 of 1 rows"):
            mixed.checked(ROW | {"heat": heat})


def test_what_the_model_raises_is_its_failure_and_not_the_callers(house: House) -> None:
    def broken(columns: dict[str, Any]) -> Any:
        if (columns["heat"] > 100).any():
            raise RuntimeError("too hot\nfor this")
        return columns["heat"]

    example = models.rentals().select(["heat"])[:5]
    made = engine(house, broken, example, allow_pickle=True)
    with pytest.raises(ModelError, match="the model failed: RuntimeError: too hot"):
        made.call({"heat": [666.0]})
    with pytest.raises(ModelError, match="too hot"):
        made.call_arrays({"heat": np.array([666.0])})
