"""A house with a model of three versions and a deployment of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house
from tests.support.linear import make_home


@pytest.fixture(scope="session")
def linear_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home to copy."""
    return make_home(tmp_path_factory.mktemp("linear") / "home")


@pytest.fixture
def house(linear_home: Path, tmp_path: Path) -> Iterator[House]:
    """Yield an installation in which `demand` is deployed and has three versions."""
    opened = open_test_house(shutil.copytree(linear_home, tmp_path / "home"))
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()
