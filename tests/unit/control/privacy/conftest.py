from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.governance.session import House, Session
from bucle.lifecycle.data import ColumnNote, DatasetSpec, commit_table, declare, tag, upsert_table
from bucle.testing.houses import open_test_house

CUSTOMERS = pa.table(
    {
        "customer": [1, 2, 3],
        "email": ["ana@x.org", "bea@x.org", "carl@x.org"],
        "city": ["lima", "oslo", "lima"],
        "heat": [1.0, 2.0, 3.0],
    }
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = open_test_house(tmp_path / "home")
    yield house
    house.close()


@pytest.fixture
def session(house: House) -> Session:
    return house.session()


@pytest.fixture
def customers(session: Session) -> Session:
    """A dataset of customers with a personal column, at its second version; the first is tagged."""
    with session.begin() as scope:
        declare(
            scope,
            DatasetSpec(
                name="customers",
                key=("customer",),
                columns={"email": ColumnNote(sensitivity="personal")},
            ),
        )
    commit_table(session, "customers", CUSTOMERS)
    with session.begin() as scope:
        tag(scope, "customers", "golden")
    more = CUSTOMERS.slice(1, 1).set_column(2, "city", pa.array(["bergen"]))
    upsert_table(session, "customers", more)
    return session
