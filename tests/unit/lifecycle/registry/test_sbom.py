"""Every package holds a bill of materials that fits CycloneDX 1.6 and agrees with its lock."""

import json

import pyarrow as pa
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bucle.drivers.blobs.content import read_content
from bucle.governance.session import House
from bucle.lifecycle.registry import Package, Packaging, package_model
from bucle.lifecycle.registry.requirements import read_lock
from bucle.lifecycle.registry.sbom import sbom
from tests.unit.lifecycle.registry import models


def text_of(house: House, package: Package, name: str) -> str:
    return read_content(house.drivers.blobs, package.manifest.files[name].digest).decode()


@pytest.mark.parametrize("make", ["linear", "boosting"])
def test_the_bill_of_a_package_fits_the_published_schema(
    house: House, rentals: pa.Table, make: str
) -> None:
    model = getattr(models, make)(rentals)
    package = package_model(house.drivers, model, Packaging(example=rentals[:5], target="count"))
    text = text_of(house, package, "sbom.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_the_bill_lists_what_the_lock_pins_and_what_needs_what(
    house: House, rentals: pa.Table
) -> None:
    packaging = Packaging(example=rentals[:5], target="count")
    package = package_model(house.drivers, models.boosting(rentals), packaging)
    bill = json.loads(text_of(house, package, "sbom.cdx.json"))
    pinned = read_lock(text_of(house, package, "requirements.txt")).packages
    listed = {each["name"]: each for each in bill["components"]}
    assert {name: each["version"] for name, each in listed.items() if name != "python"} == pinned
    assert all("licenses" in each for name, each in listed.items() if name != "python")
    needed = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    numpy = listed["numpy"]["bom-ref"]
    assert numpy in needed[listed["scipy"]["bom-ref"]]
    assert listed["scikit-learn"]["bom-ref"] in needed["model"]
    assert bill["metadata"]["component"]["type"] == "machine-learning-model"


def test_a_bill_is_the_same_when_it_is_written_again() -> None:
    first = sbom(["numpy"], python="3.13.1", flavor="onnx")
    assert sbom(["NumPy"], python="3.13.1", flavor="onnx") == first
