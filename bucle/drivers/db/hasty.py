"""Transactions of SQLite that wait for nobody: they begin now, or are refused.

For an event loop, which may do what takes microseconds itself, and must hand on what may wait.  One
connection is kept for them; it has no time to wait for locks, and leaves the copying of the log,
which waits for the disk, to a thread (`checkpoints.py`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bucle.drivers.db.checkpoints import Checkpoints


class Busy(Exception):  # noqa: N818 - nobody's fault, and nothing was done
    """A transaction that must not wait would have had to."""


class Hasty:
    """The way into one SQLite file for who must not wait.

    Args:
        engine: makes connections that wait for no lock.
        turn: what the writers of this process take turns with.
    """

    def __init__(self, engine: Engine, turn: RLock) -> None:
        self._engine = engine
        self._turn = turn
        self._checkpoints = Checkpoints(engine, turn)
        self._mine = Lock()  # of the connection
        self._connection: Connection | None = None

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Connection]:
        """Open a transaction; commit at the end of the block, roll back on an error.

        Raises:
            Busy: another has the turn, the file or the connection; nothing was done.
        """
        if not self._mine.acquire(blocking=False):
            raise Busy
        try:
            if not write:
                with self._begun("BEGIN") as connection:
                    yield connection
            elif self._turn.acquire(blocking=False):
                try:
                    with self._begun("BEGIN IMMEDIATE") as connection:
                        yield connection
                finally:
                    self._turn.release()
                self._checkpoints.note()
            else:
                raise Busy
        finally:
            self._mine.release()

    def close(self) -> None:
        """Close the connection, after the copying of the log."""
        self._checkpoints.close()
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    @contextmanager
    def _begun(self, begin: str) -> Iterator[Connection]:
        connection = self._connection
        if connection is None or connection.closed or connection.invalidated:
            connection = self._connection = self._engine.connect()
        # SQLAlchemy is not told of the transaction: to begin and to end it costs as much as two
        # statements do.  What it begins by itself for a statement of its own ends with it.
        raw: Any = connection.connection.dbapi_connection
        try:
            raw.execute(begin)
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise Busy from error
            raise _told(begin, error) from error
        try:
            yield connection
            connection.commit()
            if raw.in_transaction:
                raw.commit()
        except BaseException as error:
            self._give_up(connection, raw)
            if isinstance(error, sqlite3.Error):
                raise _told("COMMIT", error) from error
            if isinstance(error, DBAPIError) and _is_busy(error.orig):
                raise Busy from error
            raise

    def _give_up(self, connection: Connection, raw: sqlite3.Connection) -> None:
        """Roll back, and keep nothing of a connection that something went wrong on."""
        self._connection = None
        try:
            raw.rollback()
            connection.rollback()
        finally:
            connection.close()


def _is_busy(error: BaseException | None) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    return int(code) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _told(statement: str, error: sqlite3.Error) -> BaseException:
    """Return the error as SQLAlchemy tells it."""
    return DBAPIError.instance(statement, None, error, sqlite3.Error)
