from collections.abc import Iterator
from pathlib import Path

import pytest

from bucle.drivers.db.database import Database, open_database
from bucle.testing.contracts.database import DatabaseContract


class TestSqlite(DatabaseContract):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        database = open_database(f"sqlite:///{tmp_path / 'not made yet' / 'bucle.db'}")
        yield database
        database.close()


@pytest.mark.service
class TestPostgresql(DatabaseContract):
    @pytest.fixture
    def database(self, postgresql_url: str) -> Iterator[Database]:
        database = open_database(postgresql_url)
        yield database
        database.close()
