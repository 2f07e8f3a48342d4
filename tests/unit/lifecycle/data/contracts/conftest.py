from collections.abc import Iterator
from itertools import count

import pytest

from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house

PLACES = count()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Yield an installation; a module's tests share it, in their projects."""
    opened = open_test_house(tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session in a project of the test's own."""
    return house.session(project=f"project-{next(PLACES)}")
