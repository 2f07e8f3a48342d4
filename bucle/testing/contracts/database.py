"""The law of databases: subclass, give a `database`, and every test here runs against it."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from bucle.base.errors import Conflict
from bucle.drivers.db.database import Database, open_database
from bucle.drivers.db.tables import Json, Tx, UtcDateTime

_METADATA = MetaData()
_ACCOUNTS = Table(
    "contract_accounts",
    _METADATA,
    Column("name", Text, primary_key=True),
    Column("amount", Integer, nullable=False),
)
_NOTES = Table(
    "contract_notes",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("account", ForeignKey(_ACCOUNTS.c.name)),
    Column("at", UtcDateTime),
    Column("body", Json),
)
_MOMENT = datetime(2026, 3, 29, 1, 30, 59, 123456, tzinfo=UTC)
_TREES: tuple[object, ...] = (
    {},
    [],
    0,
    False,
    "",
    "ñandú 日本 🚲 \" ' \\ %s :name",
    {"none": None, "list": [None, 1, 2.5, True, "x"], "deep": {"er": [{"est": None}]}},
    2**53 + 1,
    -0.1,
    1e-300,
)
# Writes in a process that dies before its block ends.
_DIES = """
import os, sys
from sqlalchemy import text
from bucle.drivers.db.database import open_database
with open_database(sys.argv[1]).begin() as tx:
    tx.execute(text("INSERT INTO contract_accounts (name, amount) VALUES ('dead', 1)"))
    os._exit(7)
"""


class Halt(Exception):  # noqa: N818 - nothing is wrong; a block is left
    """What a test leaves a block with."""


def open_account(tx: Tx, name: str, amount: int = 0) -> None:
    """Add a row."""
    tx.execute(insert(_ACCOUNTS).values(name=name, amount=amount))


def amounts(tx: Tx) -> dict[str, int]:
    """Return every row."""
    return {row.name: row.amount for row in tx.execute(select(_ACCOUNTS))}


def keep(database: Database, at: datetime | None = None, body: object = None) -> None:
    """Add a note."""
    with database.begin() as tx:
        tx.execute(insert(_NOTES).values(at=at, body=body))


def _open_accounts(tx: Tx, *names: str) -> None:
    for name in names:
        open_account(tx, name)


def _open_and_halt(tx: Tx) -> None:
    open_account(tx, "ada")
    raise Halt


class DatabaseContract:
    """What every `Database` keeps."""

    @pytest.fixture
    def database(self) -> Database:
        raise NotImplementedError("give a fixture `database` that yields an empty database")

    @pytest.fixture(autouse=True)
    def _tables(self, database: Database) -> None:
        with database.begin() as tx:
            _METADATA.create_all(tx)

    @pytest.fixture
    def other(self, database: Database) -> Iterator[Database]:
        """Open the database a second time, as another process does."""
        other = open_database(database.url)
        yield other
        other.close()

    def test_what_a_block_wrote_is_there_after_it(self, database: Database) -> None:
        with database.begin() as tx:
            open_account(tx, "ada", 1)
            open_account(tx, "bob", 2)
        with database.begin(write=False) as tx:
            assert amounts(tx) == {"ada": 1, "bob": 2}

    def test_a_block_that_raises_leaves_nothing(self, database: Database) -> None:
        with pytest.raises(Halt), database.begin() as tx:
            _open_and_halt(tx)
        with database.begin(write=False) as tx:
            assert amounts(tx) == {}

    def test_a_statement_that_fails_takes_the_ones_before_it_along(
        self, database: Database
    ) -> None:
        with pytest.raises(Conflict), database.begin() as tx:
            _open_accounts(tx, "ada", "bob", "ada")
        with database.begin(write=False) as tx:
            assert amounts(tx) == {}

    def test_of_a_batch_with_one_bad_row_nothing_is_kept(self, database: Database) -> None:
        rows = [{"name": name, "amount": 1} for name in ("ada", "bob", "ada")]
        with pytest.raises(Conflict), database.begin() as tx:
            tx.execute(insert(_ACCOUNTS), rows)
        with database.begin(write=False) as tx:
            assert amounts(tx) == {}

    def test_a_process_that_dies_in_its_block_leaves_nothing(self, database: Database) -> None:
        command = [sys.executable, "-c", _DIES, database.url]
        done = subprocess.run(command, check=False, capture_output=True, timeout=60)  # noqa: S603 - our own interpreter and text
        assert done.returncode == 7, done.stderr.decode()
        with database.begin() as tx:
            assert amounts(tx) == {}
            open_account(tx, "dead")

    def test_nobody_sees_a_block_that_has_not_ended(
        self, database: Database, other: Database
    ) -> None:
        with database.begin() as tx:
            open_account(tx, "ada")
            assert amounts(tx) == {"ada": 0}
            with other.begin(write=False) as theirs:
                assert amounts(theirs) == {}

    def test_a_reader_sees_one_moment_while_others_commit(
        self, database: Database, other: Database
    ) -> None:
        with database.begin() as tx:
            open_account(tx, "ada", 10)
            open_account(tx, "bob", 0)
        with database.begin(write=False) as reading:
            seen = amounts(reading)
            with other.begin() as tx:
                tx.execute(update(_ACCOUNTS).values(amount=5))
                open_account(tx, "cleo", 7)
            assert amounts(reading) == seen == {"ada": 10, "bob": 0}
            assert reading.scalar(select(func.count()).select_from(_ACCOUNTS)) == 2
        with database.begin(write=False) as tx:
            assert amounts(tx) == {"ada": 5, "bob": 5, "cleo": 7}

    def test_of_two_who_add_one_key_the_second_is_told(
        self, database: Database, other: Database
    ) -> None:
        def add(opened: Database, amount: int) -> bool:
            try:
                with opened.begin() as tx:
                    open_account(tx, "ada", amount)
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            won = list(threads.map(add, (database, other) * 4, range(8)))
        assert won.count(True) == 1
        with database.begin(write=False) as tx:
            assert amounts(tx) == {"ada": won.index(True)}

    def test_a_row_that_was_locked_to_be_read_is_never_written_over_unseen(
        self, database: Database, other: Database
    ) -> None:
        with database.begin() as tx:
            open_account(tx, "ada")

        def add_one(opened: Database) -> None:
            with opened.begin() as tx:
                query = select(_ACCOUNTS.c.amount).where(_ACCOUNTS.c.name == "ada")
                amount = tx.execute(query.with_for_update()).scalar_one()
                tx.execute(update(_ACCOUNTS).values(amount=amount + 1))

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(add_one, (database, other) * 10))
        with database.begin(write=False) as tx:
            assert amounts(tx) == {"ada": 20}

    def test_of_two_who_write_what_they_both_saw_one_is_told(
        self, database: Database, other: Database
    ) -> None:
        with database.begin() as tx:
            open_account(tx, "ada", 1)

        def replace(opened: Database, amount: int) -> bool:
            seen = (_ACCOUNTS.c.name == "ada") & (_ACCOUNTS.c.amount == 1)
            with opened.begin() as tx:
                done = tx.execute(update(_ACCOUNTS).where(seen).values(amount=amount))
                return done.rowcount == 1

        with ThreadPoolExecutor(4) as threads:
            won = list(threads.map(replace, (database, other) * 4, range(10, 18)))
        assert won.count(True) == 1
        with database.begin(write=False) as tx:
            assert amounts(tx) == {"ada": 10 + won.index(True)}

    def test_the_loser_of_a_race_may_try_again(self, database: Database) -> None:
        with database.begin() as tx:
            open_account(tx, "ada")
        with pytest.raises(Conflict) as caught, database.begin() as tx:
            open_account(tx, "ada")
        assert caught.value.hint == "call again"
        with database.begin() as tx:
            tx.execute(delete(_ACCOUNTS))
            open_account(tx, "ada", 2)

    def test_a_row_that_points_nowhere_is_refused(self, database: Database) -> None:
        with pytest.raises(IntegrityError), database.begin() as tx:
            tx.execute(insert(_NOTES).values(account="nobody"))

    def test_a_wrong_query_is_a_bug_and_stays_one(self, database: Database) -> None:
        with pytest.raises(DBAPIError), database.begin(write=False) as tx:
            tx.exec_driver_sql("SELECT no_such_column FROM contract_accounts")

    def test_a_moment_comes_back_in_utc_to_the_microsecond(self, database: Database) -> None:
        for hours in (-9, 0, 5.5):
            keep(database, at=_MOMENT.astimezone(timezone(timedelta(hours=hours))))
        with database.begin(write=False) as tx:
            found = tx.scalars(select(_NOTES.c.at)).all()
        assert list(found) == [_MOMENT] * 3
        assert {moment.tzinfo for moment in found if moment} == {UTC}

    def test_moments_of_any_zone_are_compared_and_sorted_as_moments(
        self, database: Database
    ) -> None:
        zones = [timezone(timedelta(hours=hours)) for hours in (-9, 9, 0)]
        moments = [_MOMENT + timedelta(hours=number) for number in range(3)]
        for moment, zone in zip(moments, zones, strict=True):
            keep(database, at=moment.astimezone(zone))
        with database.begin(write=False) as tx:
            query = select(_NOTES.c.at).order_by(_NOTES.c.at.desc())
            assert list(tx.scalars(query)) == moments[::-1]
            assert list(tx.scalars(query.where(_NOTES.c.at > moments[1]))) == moments[2:]

    def test_a_moment_without_a_zone_is_refused(self, database: Database) -> None:
        with pytest.raises(StatementError, match="has no time zone"):
            keep(database, at=_MOMENT.replace(tzinfo=None))
        with database.begin(write=False) as tx:
            assert tx.execute(select(_NOTES)).all() == []

    def test_a_tree_of_values_comes_back_equal_and_of_its_type(self, database: Database) -> None:
        with database.begin() as tx:
            tx.execute(insert(_NOTES), [{"body": tree} for tree in _TREES])
        with database.begin(write=False) as tx:
            found = tx.scalars(select(_NOTES.c.body).order_by(_NOTES.c.id)).all()
        assert [(type(tree), tree) for tree in found] == [(type(tree), tree) for tree in _TREES]

    def test_no_tree_and_no_moment_are_the_databases_own_null(self, database: Database) -> None:
        keep(database, at=None, body=None)
        with database.begin(write=False) as tx:
            empty = select(_NOTES.c.at, _NOTES.c.body).where(
                _NOTES.c.at.is_(None), _NOTES.c.body.is_(None)
            )
            assert [tuple(row) for row in tx.execute(empty)] == [(None, None)]

    def test_the_url_opens_the_same_database(self, database: Database, other: Database) -> None:
        with database.begin() as tx:
            open_account(tx, "ada")
        with other.begin(write=False) as tx:
            assert amounts(tx) == {"ada": 0}
        assert other.dialect == database.dialect

    def test_a_database_that_was_closed_opens_again_when_it_is_asked(
        self, database: Database
    ) -> None:
        database.close()
        with database.begin(write=False) as tx:
            assert amounts(tx) == {}
