"""A house on each database, with predictions of `demand` in its log and a dataset to fold into."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bucle.governance.session import House, Session
from bucle.lifecycle import data
from bucle.testing.houses import open_test_house
from tests.support.logged import log_predictions

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Log = Callable[..., list[str]]


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Yield an installation on SQLite, then on PostgreSQL."""
    urls = {}
    if request.param == "postgresql":
        urls = {"database_url": request.getfixturevalue("postgresql_url")}
    opened = open_test_house(tmp_path / "home", start=NOW, **urls)
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()


@pytest.fixture
def log(house: House, tmp_path: Path) -> Log:
    """Return a function that logs rows, and returns their ids."""

    def write(heats: list[float], *, at: datetime = NOW, **more: Any) -> list[str]:
        columns = {"heat": heats, "city": ["here"] * len(heats)}
        return log_predictions(house, tmp_path, columns, at=at, **more)

    return write


@pytest.fixture
def rentals(session: Session) -> data.DatasetVersion:
    """Commit the dataset that labelled predictions are folded into."""
    table = pa.table({"at": [NOW], "heat": [1.0], "city": ["x"], "count": pa.array([3])})
    return data.commit_table(session, "rentals", table)
