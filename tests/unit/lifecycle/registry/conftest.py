"""A house, rentals, and packages made of them."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.governance.session import House
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.registry import models


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Yield an installation in a temporary folder."""
    opened = open_test_house(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def rentals() -> pa.Table:
    """Return rows of heat, hour and city with a count and whether it is high."""
    return models.rentals()
