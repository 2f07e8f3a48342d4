"""What must not wait: begun now or refused, and whole either way."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from bucle.base.errors import Conflict, Unavailable
from bucle.drivers.db import Busy, Database, Ready, open_database
from bucle.drivers.db.checkpoints import Checkpoints

_METADATA = MetaData()
_NUMBERS = Table("numbers", _METADATA, Column("number", Integer, primary_key=True))
_CHILDREN = Table(
    "children",
    _METADATA,
    Column(
        "number", ForeignKey(_NUMBERS.c.number, deferrable=True, initially="DEFERRED"),
        primary_key=True, autoincrement=False,
    ),
)  # fmt: skip
_PUT_CHILD = Ready(insert(_CHILDREN).values(number=1))
_PUT = Ready(insert(_NUMBERS).values(number=1))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'numbers.db'}")
    _METADATA.create_all(database.engine)
    yield database
    database.close()


def put(database: Database, *numbers: int) -> None:
    with database.begin() as tx:
        for number in numbers:
            tx.execute(insert(_NUMBERS).values(number=number))


def put_and_break_off(database: Database) -> None:
    with database.begin() as tx:
        _PUT.run(tx, {"number": 7})
        raise ZeroDivisionError


def put_an_orphan(database: Database, *, made_by_sqlalchemy: bool) -> None:
    """Write what only the commit refuses."""
    with database.begin() as tx:
        if made_by_sqlalchemy:
            tx.execute(insert(_CHILDREN).values(number=7))
        else:
            _PUT_CHILD.run(tx, {"number": 7})


def put_too_much(database: Database) -> None:
    with database.begin() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the least that holds
        tx.execute(insert(_NUMBERS), [{"number": number} for number in range(2, 5_000)])


def count(database: Database) -> int:
    with database.begin(write=False) as tx:
        return tx.execute(select(func.count()).select_from(_NUMBERS)).scalar_one()


def test_what_is_written_at_once_is_there_for_everybody(database) -> None:
    with database.at_once():
        put(database, 1, 2)
        assert count(database) == 2
    assert count(database) == 2


def test_a_statement_that_is_ready_is_committed_as_well(database) -> None:
    with database.at_once(), database.begin() as tx:
        _PUT.run(tx, {})
    assert count(database) == 1


def test_an_error_leaves_nothing_and_the_next_transaction_works(database) -> None:
    with database.at_once():
        put(database, 1)
        with pytest.raises(Conflict):
            put(database, 2, 1)
        with pytest.raises(ZeroDivisionError):
            put_and_break_off(database)
        put(database, 3)
    assert count(database) == 2


@pytest.mark.parametrize("made_by_sqlalchemy", [True, False])
def test_a_commit_that_fails_is_told_and_the_next_transaction_works(
    database, made_by_sqlalchemy
) -> None:
    with database.at_once():
        with pytest.raises(DBAPIError, match="FOREIGN KEY"):
            put_an_orphan(database, made_by_sqlalchemy=made_by_sqlalchemy)
        put(database, 2)
    assert count(database) == 1


def test_a_disk_that_is_full_is_told_and_the_next_transaction_works(database) -> None:
    with database.at_once():
        put(database, 1)
        with pytest.raises(Unavailable, match="is full"):
            put_too_much(database)
        assert count(database) == 1
        put(database, 2)
    assert count(database) == 2


def test_a_writer_of_another_thread_is_not_waited_for(database) -> None:
    begun, over = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with database.begin():
            begun.set()
            over.wait(30)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_slowly)
        begun.wait(30)
        with database.at_once():
            with pytest.raises(Busy):
                put(database, 1)
            assert count(database) == 0  # readers wait for nobody
        over.set()
        slow.result()
    with database.at_once():
        put(database, 1)


def test_a_writer_of_another_process_is_not_waited_for(database) -> None:
    with open_database(database.url).begin(), database.at_once(), pytest.raises(Busy):
        put(database, 1)
    assert count(database) == 0


def test_a_transaction_within_another_is_refused_and_not_mixed_with_it(database) -> None:
    with database.at_once(), database.begin() as tx:
        tx.execute(insert(_NUMBERS).values(number=1))
        with pytest.raises(Busy):
            put(database, 2)
    assert count(database) == 1


def test_outside_the_block_a_thread_waits_again(database) -> None:
    with database.at_once():
        put(database, 1)
    put(database, 2)
    assert count(database) == 2


def test_a_database_in_memory_has_no_second_connection(tmp_path) -> None:
    assert not open_database("sqlite://").answers_at_once


def test_the_log_is_copied_into_the_file_without_its_writers(database, tmp_path) -> None:
    with database.at_once():
        for start in range(0, 30_000, 100):
            put(database, *range(start, start + 100))
    database.close()
    assert (tmp_path / "numbers.db").stat().st_size > 100_000
    assert count(database) == 30_000


def test_a_log_that_never_ends_is_ended_in_a_turn_of_the_writers(database, monkeypatch) -> None:
    monkeypatch.setattr("bucle.drivers.db.checkpoints._TOO_LONG", 1)
    asked: list[str] = []
    copying = Checkpoints(database.engine, threading.RLock())
    ask = copying._pages_after

    def noting(how: str) -> int:
        asked.append(how)
        return ask(how)

    monkeypatch.setattr(copying, "_pages_after", noting)
    put(database, *range(1000))
    copying.copy()
    assert asked == ["PASSIVE", "RESTART"]
    assert count(database) == 1000
