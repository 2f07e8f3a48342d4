"""A network is kept as what PyTorch exports, or as weights of a class that is installed."""

from typing import Any

import numpy as np
import pytest

from bucle.base.errors import Invalid, NotInstalled
from bucle.governance.session import House
from bucle.lifecycle.registry import Package, Packaging, package_model
from bucle.lifecycle.registry.columns import columns_of
from bucle.lifecycle.registry.flavors import torch as flavor
from tests.unit.lifecycle.registry import kinds
from tests.unit.lifecycle.registry.test_package import loaded

try:
    import torch
except ImportError:
    torch = None  # type: ignore[assignment]

ROWS = kinds.FITTED.select(kinds.NUMBERS)


@pytest.fixture(autouse=True)
def library() -> None:
    if torch is None:
        pytest.skip("PyTorch is not installed (make torch)")
    torch.manual_seed(0)


def packed(house: House, model: Any, **more: Any) -> Package:
    return package_model(house.drivers, model, Packaging(example=ROWS[:20], **more))


def network(outputs: int, *more: Any) -> Any:
    return torch.nn.Sequential(torch.nn.Linear(6, outputs), *more)


def test_a_network_of_numbers_gives_one_value_for_a_row(house: House) -> None:
    package = packed(house, network(1), task="regression")
    assert package.manifest.options["form"] == "exported"
    found = loaded(house, package).predict(columns_of(ROWS[:1], package.manifest.signature.inputs))
    assert found["prediction"].shape == (1,)


@pytest.mark.parametrize(
    ("outputs", "last", "scores", "classes"),
    [
        (3, "none", "logits", (0, 1, 2)),
        (3, "softmax", "probabilities", (0, 1, 2)),
        (1, "none", "logits", (0, 1)),
        (1, "sigmoid", "probabilities", (0, 1)),
    ],
)
def test_scores_of_a_classifier_are_told_from_probabilities(
    house: House, outputs: int, last: str, scores: str, classes: tuple[int, ...]
) -> None:
    made = {"none": (), "softmax": (torch.nn.Softmax(1),), "sigmoid": (torch.nn.Sigmoid(),)}
    package = packed(house, network(outputs, *made[last]), task="classification")
    assert package.manifest.options["scores"] == scores
    assert package.manifest.classes == classes
    found = loaded(house, package).predict(columns_of(ROWS, package.manifest.signature.inputs))
    share = found["probability"]
    assert ((share >= 0) & (share <= 1)).all()
    if outputs == 3:
        np.testing.assert_allclose(share.sum(axis=1), 1, rtol=1e-5)


def test_weights_of_an_installed_class_hold_no_code(house: House) -> None:
    model = torch.nn.Linear(6, 1).eval()
    model.arguments = {"in_features": 6, "out_features": 1}
    matrix = np.column_stack([ROWS.column(name).to_numpy() for name in kinds.NUMBERS])
    weights, options = flavor.dump(model, matrix[:4].astype(np.float32), flavor.WEIGHTS)
    assert options["class"] == "torch.nn.modules.linear:Linear"
    package = packed(house, model, task="regression")
    held = package.manifest
    import msgspec

    manifest = msgspec.structs.replace(
        held, weights=flavor.FILES[flavor.WEIGHTS], options=held.options | options
    )
    columns = columns_of(ROWS, held.signature.inputs)
    found = flavor.load(weights, manifest, 1).run(columns)
    np.testing.assert_allclose(
        found["prediction"], loaded(house, package).predict(columns)["prediction"], rtol=1e-6
    )
    for name, message in (("nowhere.to:Found", "not installed"), ("json:loads", "no module of")):
        other = msgspec.structs.replace(manifest, options=manifest.options | {"class": name})
        with pytest.raises((NotInstalled, Invalid), match=message):
            flavor.load(weights, other, 1)


def test_a_network_that_gives_several_things_is_refused(house: House) -> None:
    class Two(torch.nn.Module):
        def forward(self, rows: Any) -> Any:
            return rows, rows

    with pytest.raises(Invalid, match="gives a tuple, and not one tensor"):
        packed(house, Two(), task="regression")


def test_a_network_whose_way_depends_on_the_rows_is_refused_with_what_to_do(house: House) -> None:
    class Turning(torch.nn.Module):
        def forward(self, rows: Any) -> Any:
            if rows.sum() > 0:
                return rows[:, 0]
            return rows[:, 1]

    with pytest.raises(Invalid, match="no form keeps Turning") as caught:
        packed(house, Turning(), task="regression")
    assert "torch.jit.script" in caught.value.hint


def test_text_is_no_input_of_a_network(house: House) -> None:
    with pytest.raises(Invalid, match="'city' of a torch model is string"):
        package_model(house.drivers, network(1), Packaging(example=kinds.FITTED[:9]))
