from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from bucle.governance.session import House
from bucle.testing.houses import open_test_house
from tests.support import postgresql


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Yield an installation on either database; a module's tests share it, in their projects."""
    folder = tmp_path_factory.mktemp("home")
    if request.param == "sqlite":
        opened = open_test_house(folder)
        yield opened
        opened.close()
        return
    server: URL = request.getfixturevalue("_postgresql_server")
    with postgresql.throwaway_database(server) as url:
        opened = open_test_house(folder, database_url=url)
        yield opened
        opened.close()
