"""A statement that goes to the driver as it is gives what SQLAlchemy's own way gives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    MetaData,
    String,
    Table,
    bindparam,
    insert,
    select,
    text,
    update,
)

from bucle.base.errors import Conflict, Unavailable
from bucle.drivers.db import Database, Json, Ready, UtcDateTime, open_database, upsert_on

things = Table(
    "things",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("share", Float),
    Column("at", UtcDateTime, nullable=False),
    Column("body", Json, nullable=False),
)
NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
THING = {"name": "a", "count": 1, "share": None, "at": NOON, "body": {"é": [1, None, "x"]}}
ADD = Ready(insert(things))
FIND = Ready(select(things).where(things.c.name == bindparam("of_name")))
COUNT_ON = Ready(
    update(things)
    .where(things.c.name == bindparam("of_name"), things.c.count < 3)
    .values(count=things.c.count + bindparam("more"), at=bindparam("now"))
    .returning(things.c.count, things.c.at)
)
PUT = Ready(lambda dialect: upsert_on(dialect, things).on_conflict_do_nothing())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    opened = open_database(url)
    with opened.begin() as tx:
        things.metadata.create_all(tx)
    yield opened
    opened.close()


def test_what_is_written_is_read_the_same_either_way(database: Database) -> None:
    with database.begin() as tx:
        assert ADD.run(tx, THING) == 1
        tx.execute(insert(things), THING | {"name": "b", "share": 0.5})
    with database.begin(write=False) as tx:
        for name, share in (("a", None), ("b", 0.5)):
            found = FIND.row(tx, {"of_name": name})
            query = select(things).where(things.c.name == name)
            assert found == tuple(tx.execute(query).one())
            assert found == (name, 1, share, NOON, THING["body"])
        assert FIND.row(tx, {"of_name": "nobody"}) is None


def test_values_of_the_statement_itself_are_sent_too(database: Database) -> None:
    later = NOON.replace(hour=13)
    with database.begin() as tx:
        ADD.run(tx, THING)
        told = {"of_name": "a", "more": 5, "now": later}
        assert COUNT_ON.row(tx, told) == (6, later)
        assert COUNT_ON.row(tx, told) is None


def test_an_insert_that_changes_nothing_says_so(database: Database) -> None:
    with database.begin() as tx:
        assert [PUT.run(tx, THING) for _ in range(2)] == [1, 0]


def test_nothing_of_a_transaction_that_failed_is_kept(database: Database) -> None:
    def fail() -> None:
        with database.begin() as tx:
            ADD.run(tx, THING)
            ADD.run(tx, THING)

    with pytest.raises(Conflict, match="another transaction changed the same rows"):
        fail()
    with database.begin(write=False) as tx:
        assert FIND.row(tx, {"of_name": "a"}) is None


def test_text_that_looks_like_sql_is_text(database: Database) -> None:
    name = "x'); DROP TABLE things; -- %s %(name)s ? :name"
    with database.begin() as tx:
        ADD.run(tx, THING | {"name": name})
        found = FIND.row(tx, {"of_name": name})
    assert found is not None
    assert found[0] == name


def test_a_list_of_values_is_refused_when_it_is_made_ready(database: Database) -> None:
    listed = Ready(select(things).where(things.c.name.in_(bindparam("names", expanding=True))))
    with database.begin() as tx, pytest.raises(AssertionError, match="no fixed form"):
        listed.row(tx, {"names": ["a"]})


@pytest.mark.service
def test_a_connection_that_was_cut_is_told_and_not_used_again(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    with database.begin() as tx:
        things.metadata.create_all(tx)

    def cut() -> None:
        with database.begin() as tx, database.begin() as other:
            own = tx.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            FIND.row(tx, {"of_name": "a"})

    with pytest.raises(Unavailable, match="did not answer"):
        cut()
    for _ in range(3):
        with database.begin() as tx:
            assert FIND.row(tx, {"of_name": "a"}) is None
    database.close()
