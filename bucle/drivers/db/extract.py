"""Read the rows of somebody else's table or query, a batch at a time, and write nothing.

The transaction is read-only where the database has such (PostgreSQL, SQLite, MySQL and MariaDB),
and sees one moment where it can.  What a column's type is, the database says: of a table always, of
a query where the driver tells (PostgreSQL); else the type is `None`, and the values decide.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Select,
    TableClause,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
    types,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    NoSuchTableError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import quoted_name

from bucle.base.errors import BucleError, Invalid, NotFound, NotInstalled, Unavailable
from bucle.base.urls import without_password

Row = Sequence[Any]
Kinds = dict[str, pa.DataType | None]  # by column; None: the values decide

_MYSQL = frozenset({"mysql", "mariadb"})
_DRIVERS = {
    "mysql": "pip install pymysql, and write mysql+pymysql://",
    "mariadb": "pip install pymysql, and write mariadb+pymysql://",
    "oracle": "pip install oracledb, and write oracle+oracledb://",
    "mssql": "pip install pyodbc, and write mssql+pyodbc://",
    "postgresql": "pip install 'bucle[postgresql]'",
}
_NO_SUCH = ("does not exist", "no such table", "no such column", "doesn't exist", "unknown column")
_ANY_DECIMAL = pa.decimal128(38, 9)
# PostgreSQL's names of types (pg_type.typname).
_BY_NAME: dict[str, pa.DataType] = {
    "bool": pa.bool_(), "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(),
    "float4": pa.float32(), "float8": pa.float64(), "numeric": _ANY_DECIMAL, "bytea": pa.binary(),
    "date": pa.date32(), "time": pa.time64("us"), "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}  # fmt: skip

# SQLAlchemy's classes of types, those before others that they are made of.
_BY_CLASS: tuple[tuple[type[types.TypeEngine[Any]], pa.DataType], ...] = (
    (types.Boolean, pa.bool_()), (types.Integer, pa.int64()), (types.Float, pa.float64()),
    (types.Date, pa.date32()), (types.Time, pa.time64("us")), (types.LargeBinary, pa.binary()),
    (types.String, pa.string()), (types.Uuid, pa.string()), (types.JSON, pa.string()),
)  # fmt: skip


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What to read: one table or one query, and from where on."""

    table: str = ""
    query: str = ""
    watermark: str = ""  # "": all rows, in any order
    since: Any = None  # None: from the first; else a value as the driver gave it
    shown: str = ""  # what errors call the database; "": its address without a password
    timeout_s: float = 60.0
    batch_rows: int = 10_000


class Extraction(msgspec.Struct, frozen=True, kw_only=True):
    """An open read: its columns, and its rows, once."""

    kinds: Kinds
    batches: Iterator[list[Row]]
    nulls: int  # rows without a watermark, which no read from a watermark on would ever give


@contextmanager
def extracting(url: str, ask: Ask) -> Iterator[Extraction]:
    """Open a read of a database for the length of the block.

    Raises:
        Invalid: no URL of a database, no such table or column, or a query that it refuses.
        NotFound: a file of SQLite that is not there.
        NotInstalled: the driver is not installed.
        Unavailable: the database does not answer, lets nobody in, or is lost between two batches.
    """
    engine = _engine(url, ask)
    try:
        with engine.connect() as opened:
            yield _extraction(engine, opened, ask)
    except (SQLAlchemyError, _errors_of(engine)) as error:
        raise _told(error, engine, ask) from error
    finally:
        engine.dispose()


def _extraction(engine: Engine, opened: Connection, ask: Ask) -> Extraction:
    connection = _read_only(engine, opened)
    kinds, rows = _columns(engine, connection, ask)
    nulls = 0
    wanted: Any = select(*[column(name) for name in kinds]).select_from(rows)
    if ask.watermark:
        if ask.watermark not in kinds:
            raise Invalid(
                f"{_named(ask)} has no column {ask.watermark!r} for a watermark",
                hint=f"it has {', '.join(kinds)}",
            )
        mark: ColumnElement[Any] = column(ask.watermark)
        nulls = connection.execute(
            select(func.count()).select_from(rows).where(mark.is_(None))
        ).scalar_one()
        wanted = wanted.where(mark.is_not(None)).order_by(mark)
        if ask.since is not None:
            wanted = wanted.where(mark >= ask.since)
    return Extraction(kinds=kinds, batches=_batches(engine, connection, wanted, ask), nulls=nulls)


def _batches(
    engine: Engine, connection: Connection, wanted: Select[Any], ask: Ask
) -> Iterator[list[Row]]:
    """Yield rows as the driver gives them, by a cursor at the server where there is such."""
    try:
        streaming = connection.execution_options(stream_results=True, yield_per=ask.batch_rows)
        for batch in streaming.execute(wanted).partitions():
            yield list(batch)
    except (SQLAlchemyError, _errors_of(engine)) as error:
        raise _told(error, engine, ask) from error


def _columns(engine: Engine, connection: Connection, ask: Ask) -> tuple[Kinds, TableClause]:
    """Return the columns with their types, and what to select from."""
    if ask.query:
        text = ask.query.strip().rstrip(";").strip()
        if engine.dialect.paramstyle in {"format", "pyformat"}:
            text = text.replace("%", "%%")
        # The line break ends a comment in the query's last line.
        name: Any = quoted_name(f"({text}\n)", quote=False)
        rows: Any = table(name).alias("bucle_rows")
    else:
        schema, _, plain = ask.table.rpartition(".")
        rows = table(plain, schema=schema or None)
    nothing: Select[Any] = select(column("*", is_literal=True)).select_from(rows).limit(0)
    seen = connection.execute(nothing)
    cursor: Any = seen.cursor
    described = [(one[0], one) for one in cursor.description]
    names = [name for name, _ in described]
    seen.close()
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise Invalid(
            f"{_named(ask)} has two columns called {repeated[0]!r}", hint="name one of them: AS ..."
        )
    if engine.dialect.name == "postgresql":
        return {name: _of_postgresql(one) for name, one in described}, rows
    if ask.query:
        return dict.fromkeys(names), rows
    schema, _, plain = ask.table.rpartition(".")
    known = {str(one["name"]): _of_sql(one["type"])
             for one in inspect(engine).get_columns(plain, schema or None)}  # fmt: skip
    return {name: known.get(name) for name in names}, rows


def _of_postgresql(described: Any) -> pa.DataType:  # noqa: ANN401 - a column of a driver's cursor
    """Return what a column's values become; of a type that is not known, their text."""
    from psycopg import adapters

    found = adapters.types.get(described.type_code)
    if found is None:
        return pa.string()
    if found.name == "interval":
        raise Invalid(
            f"the column {described.name!r} is an interval, which no column of data is",
            hint="select its seconds: extract(epoch FROM ...)",
        )
    kind = _BY_NAME.get(found.name, pa.string())
    if found.name == "numeric" and described.precision and described.scale is not None:
        kind = _decimal(described.precision, described.scale)
    is_array = found.array_oid == described.type_code
    return pa.list_(kind) if is_array else kind


def _of_sql(kind: types.TypeEngine[Any]) -> pa.DataType | None:
    """Return what the values of a column of this type become; None: the values decide."""
    match kind:
        case types.ARRAY(item_type=item):
            inner = _of_sql(item)
            return pa.list_(inner) if inner is not None else None
        case types.Numeric(precision=precision, scale=scale) if not isinstance(kind, types.Float):
            return _decimal(precision, scale or 0) if precision else None
        case types.DateTime(timezone=zone):
            return pa.timestamp("us", "UTC" if zone else None)
    return next((made for one, made in _BY_CLASS if isinstance(kind, one)), None)


def _decimal(precision: int, scale: int) -> pa.DataType:
    if precision <= 38 and 0 <= scale <= precision:  # noqa: PLR2004 - of 128 bits
        return pa.decimal128(precision, scale)
    return pa.decimal256(min(max(precision, scale), 76), max(scale, 0))


def _engine(url: str, ask: Ask) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid(
            f"{without_password(url)!r} is not the URL of a database",
            hint="write postgresql://user:${PASSWORD}@host/database or sqlite:////absolute/file",
        ) from error
    kind = parsed.get_backend_name()
    arguments: dict[str, Any] = {}
    if kind == "sqlite":
        parsed = _only_to_read(parsed)
        arguments = {"timeout": ask.timeout_s}
    elif kind == "postgresql":
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        arguments = {
            "connect_timeout": max(int(ask.timeout_s), 2),
            # What is an instant comes in UTC, whatever the server's own zone is.
            "options": "-c timezone=UTC -c default_transaction_read_only=on",
        }
    try:
        # JSON stays the text that the database has: numbers in it may be of any length.
        texts = {"json_deserializer": _as_text} if kind == "postgresql" else {}
        engine = create_engine(parsed, poolclass=NullPool, connect_args=arguments, **texts)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise NotInstalled(
            f"{kind!r} databases need a driver that is not installed: {error}",
            hint=_DRIVERS.get(kind, f"pip install the SQLAlchemy dialect of {kind}"),
        ) from error
    if kind == "sqlite":
        event.listen(engine, "connect", _query_only)
    return engine


def _as_text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else bytes(raw).decode()


def _only_to_read(parsed: URL) -> URL:
    """Open a file of SQLite so that nothing can write it, and none is made where none is."""
    file = parsed.database or ""
    if not file.startswith("/"):
        raise Invalid(
            f"{file!r} is no absolute path of a file of SQLite",
            hint="four slashes: sqlite:////absolute/file.db",
        )
    escaped = file.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    opened = parsed.set(drivername="sqlite", database=f"file:{escaped}")
    return opened.update_query_dict({"mode": "ro", "uri": "true"})


def _query_only(raw: Any, _record: object) -> None:  # noqa: ANN401 - a connection of a driver
    raw.execute("PRAGMA query_only = ON")


def _read_only(engine: Engine, connection: Connection) -> Connection:
    kind = engine.dialect.name
    if kind == "postgresql":
        return connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    if kind in _MYSQL:
        connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        connection.commit()
    return connection


def _errors_of(engine: Engine) -> type[Exception]:
    """Return what the driver raises: rows are fetched from it directly."""
    found: type[Exception] = engine.dialect.loaded_dbapi.Error
    return found


def _named(ask: Ask) -> str:
    return f"the table {ask.table!r}" if ask.table else "the query"


def _told(error: Exception, engine: Engine, ask: Ask) -> BucleError:
    """Turn a database's refusal into one that says what to do; never with a password in it."""
    where = ask.shown or without_password(engine.url.render_as_string(hide_password=True))
    cause = getattr(error, "orig", None) or error
    said = " ".join(str(cause).split("\n")[0].split())
    if engine.url.password:
        said = said.replace(str(engine.url.password), "***")
    lower = said.lower()
    if engine.dialect.name == "sqlite" and "unable to open database file" in lower:
        return NotFound(f"{where} is not there, or can not be read", hint="check the path")
    if isinstance(error, NoSuchTableError) or any(text in lower for text in _NO_SUCH):
        if "role" in lower or "database" in lower.split("does not exist")[0]:
            return Unavailable(f"{where}: {said}", hint="check the user and the database")
        return Invalid(f"{_named(ask)} can not be read: {said}", hint=f"check it at {where}")
    if _is_absent(error, engine, cause):
        return Unavailable(
            f"{where} did not answer: {said}", hint="check its address, user and password"
        )
    return Invalid(f"{_named(ask)} can not be read: {said}", hint=f"check it at {where}")


def _is_absent(error: Exception, engine: Engine, cause: object) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    dbapi = engine.dialect.loaded_dbapi
    if isinstance(cause, dbapi.OperationalError | dbapi.InterfaceError):
        # SQLite's driver calls a wrong query operational, too (code 1).
        return getattr(cause, "sqlite_errorcode", None) != 1
    return False
