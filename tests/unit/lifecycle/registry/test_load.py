"""A package that was touched is refused by the name of what was touched."""

from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from bucle.base.codec import canonical_json
from bucle.base.errors import Refused
from bucle.drivers.blobs.content import content_key, store_bytes
from bucle.governance.keys import Keys
from bucle.governance.session import House
from bucle.lifecycle.registry import Package, Packaging, load_package, package_model, statement
from tests.unit.lifecycle.registry import models


@pytest.fixture
def package(house: House, rentals: pa.Table) -> Package:
    """Return the package of a forest."""
    return package_model(house.drivers, models.forest(rentals), Packaging(example=rentals[:5]))


def load(house: House, digest: str, keys: Keys | None = None) -> None:
    signature = (keys or house.keys).sign(statement(digest))
    blobs, cache = house.drivers.blobs, house.drivers.cache_path
    load_package(blobs, digest, signature, house.keys.public_hex, cache).close()


def path_of(house: House, digest: str) -> Path:
    return Path(urlsplit(house.settings.blobs_url).path) / content_key(digest)


@pytest.mark.parametrize("name", ["weights.onnx", "input_example.parquet", "requirements.txt"])
def test_one_changed_byte_in_any_file_is_refused_by_name(
    house: House, package: Package, name: str
) -> None:
    load(house, package.digest)
    path = path_of(house, package.manifest.files[name].digest)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(content))
    with pytest.raises(Refused, match=f"the file '{name}' of the package was changed"):
        load(house, package.digest)


def test_a_missing_file_is_refused_by_name(house: House, package: Package) -> None:
    path_of(house, package.manifest.files["weights.onnx"].digest).unlink()
    with pytest.raises(Refused, match=r"the file 'weights.onnx' of the package is missing"):
        load(house, package.digest)


def test_a_changed_or_missing_manifest_is_refused(house: House, package: Package) -> None:
    path = path_of(house, package.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"regression", b"something"))
    with pytest.raises(Refused, match=r"'bucle-model.json' of the package was changed"):
        load(house, package.digest)
    path.unlink()
    with pytest.raises(Refused, match=r"'bucle-model.json' of the package is missing"):
        load(house, package.digest)


def test_a_package_that_another_key_signed_is_refused(
    house: House, package: Package, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"signature of package .* is not valid"):
        load(house, package.digest, Keys(tmp_path / "strangers"))


def test_a_signature_of_one_package_is_not_valid_for_another(
    house: House, package: Package, rentals: pa.Table
) -> None:
    other = package_model(house.drivers, models.linear(rentals), Packaging(example=rentals[:5]))
    with pytest.raises(Refused, match="signature"):
        load_package(
            house.drivers.blobs,
            other.digest,
            house.keys.sign(statement(package.digest)),
            house.keys.public_hex,
            house.drivers.cache_path,
        )


def test_nothing_is_opened_before_everything_was_checked(
    house: House, rentals: pa.Table, tmp_path: Path
) -> None:
    mark = tmp_path / "it ran"

    class Bomb:
        def __call__(self, columns: dict[str, object]) -> object:
            return columns["heat"]

        def __reduce__(self) -> object:
            return (Path.touch, (mark,))

    package = package_model(
        house.drivers,
        lambda columns: columns["heat"],
        Packaging(example=rentals.select(["heat"])[:5], allow_pickle=True),
    )
    weights = path_of(house, package.manifest.files["weights.pkl"].digest)
    import pickle

    weights.chmod(0o644)
    weights.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(Refused, match=r"'weights.pkl' of the package was changed"):
        load(house, package.digest)
    assert not mark.exists()


def test_a_package_of_a_later_format_asks_for_an_upgrade(house: House, package: Package) -> None:
    later = canonical_json(package.manifest).replace(b'"format":1', b'"format":9')
    digest = store_bytes(house.drivers.blobs, later)
    with pytest.raises(Refused, match="format 9") as caught:
        load(house, digest)
    assert "upgrade" in caught.value.hint
