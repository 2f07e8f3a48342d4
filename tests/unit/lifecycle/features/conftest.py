from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = open_test_house(tmp_path, online_url="memory:")
    yield house
    house.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()
