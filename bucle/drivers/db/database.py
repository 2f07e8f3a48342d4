"""Open a database by URL and hand out transactions.

SQLite runs in WAL mode: readers never wait, and a writing transaction takes the write lock
when it begins, so that it can not fail half-way because another process wrote meanwhile.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import RLock, local
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)

from bucle.base.errors import BucleError, Conflict, Invalid, NotInstalled, Unavailable
from bucle.drivers.db.hasty import Hasty

_BUSY_TIMEOUT_S = 30
_LOST_RACES = (
    "could not serialize",
    "deadlock detected",
    "duplicate key value violates unique constraint",
    "UNIQUE constraint failed",
)


class Database:
    """A pool of connections to one database.

    Law: `begin(write=True)` is one transaction: all of it is there after the block, or none;
    two writers of the same row never both win unnoticed.  `begin(write=False)` reads one moment:
    whatever others commit meanwhile, its queries agree with each other.
    """

    def __init__(self, url: str, engine: Engine, hasty: Engine | None = None) -> None:
        self.url = url
        self.engine = engine
        # SQLite's writers of one process take turns here: its own way of waiting is to sleep, so
        # that eight threads would write less than one.
        self._turn = RLock() if engine.dialect.name == "sqlite" else None
        self._hasty = Hasty(hasty, self._turn) if hasty and self._turn else None
        self._here = local()

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @property
    def answers_at_once(self) -> bool:
        """Tell whether a short transaction is a matter of microseconds: it is in this process."""
        return self._hasty is not None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let no transaction of this thread wait within the block, for the disk or for others.

        Raises:
            Busy: another writer has its turn; of the transaction nothing was done.
        """
        assert self.answers_at_once
        self._here.is_hasty = True
        try:
            yield
        finally:
            self._here.is_hasty = False

    @contextmanager
    def begin(self, *, write: bool = True) -> Iterator[Connection]:
        """Open a transaction; commit at the end of the block, roll back on an error.

        Raises:
            Busy: this thread must not wait (`at_once`), and would have to.
            Unavailable: the database did not answer, is locked, full or not writable.
        """
        hasty = self._hasty if getattr(self._here, "is_hasty", False) else None
        try:
            with hasty.begin(write=write) if hasty else self._begun(write=write) as connection:
                yield connection
        except DBAPIError as error:
            raise translate(error, self.engine) from error

    @contextmanager
    def _begun(self, *, write: bool) -> Iterator[Connection]:
        if not write and self.dialect == "postgresql":
            # SQLite's readers see one moment as they are; here each query would see its own.
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        else:
            options = {}
        with (
            self._turn if write and self._turn else nullcontext(),
            self._connect(options) as connection,
            connection.begin(),
        ):
            if self._turn:
                # We send BEGIN ourselves.  An event on the engine could, too; then SQLAlchemy
                # would look for listeners at every statement, which costs a quarter of it.
                connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
            yield connection

    def _connect(self, options: dict[str, Any]) -> Connection:
        connection = self.engine.connect()
        return connection.execution_options(**options) if options else connection

    def close(self) -> None:
        """Close the pooled connections."""
        if self._hasty:
            self._hasty.close()
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open `sqlite:///<file>` or `postgresql://user@host/database`.

    Raises:
        Invalid: the URL is not one, or of another kind of database.
        NotInstalled: PostgreSQL was asked for and psycopg is not installed.
        Unavailable: the file's folder can not be made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid(
            f"{url!r} is not a database URL",
            hint="write sqlite:///<file> or postgresql://user@host/database",
        ) from error
    if parsed.get_backend_name() == "sqlite":
        file = parsed.database
        engine = _open_sqlite(file, timeout_s=_BUSY_TIMEOUT_S)
        if not file or file == ":memory:":  # another connection would be another database
            return Database(url, engine)
        return Database(url, engine, _open_sqlite(file, timeout_s=0, own_checkpoints=False))
    if parsed.get_backend_name() == "postgresql":
        try:
            engine = create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=20,
            )
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise NotInstalled(
                f"{parsed.render_as_string()!r} needs a package that is not installed (psycopg)",
                hint="pip install 'bucle[postgresql]'",
            ) from error
        return Database(url, engine)
    raise Invalid(
        f"{parsed.get_backend_name()!r} databases are not supported",
        hint="write sqlite:///<file> or postgresql://user@host/database",
    )


def translate(error: DBAPIError, engine: Engine) -> BucleError | DBAPIError:
    """Turn what a user can act upon into our errors; a wrong query stays what it is."""
    text = str(error.orig)
    where = engine.url.render_as_string()
    if refused := _refused_write(text, where):
        return refused
    if any(said in text for said in _LOST_RACES):
        return Conflict("another transaction changed the same rows", hint="call again")
    if "invalid regular expression" in text:  # PostgreSQL's own, from the text of a search
        return Invalid(f"{where} does not take the pattern: {text.splitlines()[0]}")
    if _is_absent(error):
        return Unavailable(
            f"{where} did not answer: {text.splitlines()[0]}",
            hint="check that the server runs and BUCLE_DATABASE_URL",
        )
    return error


def _refused_write(text: str, where: str) -> Unavailable | None:
    if "database or disk is full" in text or "No space left" in text:
        return Unavailable(
            f"the disk of {where} is full; nothing of this operation was kept",
            hint="free some space and call again",
        )
    if "readonly database" in text or "unable to open database" in text:
        return Unavailable(
            f"{where} can not be written", hint="check the folder's permissions, or set BUCLE_HOME"
        )
    if "database is locked" in text:
        return Unavailable(
            f"{where} stayed locked by another writer for {_BUSY_TIMEOUT_S} s",
            hint="call again; many writers want PostgreSQL",
        )
    return None


def _is_absent(error: DBAPIError) -> bool:
    # SQLite's driver calls a wrong query operational, too.
    is_query = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    return error.connection_invalidated or (isinstance(error, OperationalError) and not is_query)


def _open_sqlite(file: str | None, *, timeout_s: int, own_checkpoints: bool = True) -> Engine:
    if file:
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"the folder of {file} can not be made: {error.strerror}",
                hint="set BUCLE_HOME to a folder that you can write",
            ) from error
    engine = create_engine(f"sqlite:///{file or ':memory:'}", connect_args={"timeout": timeout_s})

    @event.listens_for(engine, "connect")
    def _prepare(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # we send BEGIN ourselves, above
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = NORMAL")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA cache_size = -16000")
        if not own_checkpoints:
            raw.execute("PRAGMA wal_autocheckpoint = 0")

    return engine
