"""Read the tables of somebody else's database: names in, rows out, nothing written.

For imports from other tools.  What a table or a column is called is the reader's affair; it
speaks no SQL.  Each question is a short transaction of its own: a long one would keep the other
tool from writing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    URL,
    ColumnElement,
    Engine,
    column,
    create_engine,
    func,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.types import NullType, TypeEngine

from bucle.base.errors import Invalid, NotFound, NotInstalled
from bucle.drivers.db.database import translate

Value = str | int | float | bool | None
_ANY: TypeEngine[Any] = NullType()
Where = Mapping[str, Value | Sequence[Value]]


class ForeignTables:
    """One foreign database, opened for reading."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._columns: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def names(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        try:
            return tuple(sorted(inspect(self._engine).get_table_names()))
        except DBAPIError as error:
            raise _told(error, self._engine) from error

    def columns(self, name: str) -> tuple[str, ...]:
        """Return a table's columns; none where there is no such table."""
        if name not in self._columns:
            try:
                seen = inspect(self._engine)
                found = seen.get_columns(name) if seen.has_table(name) else []
            except DBAPIError as error:
                raise _told(error, self._engine) from error
            self._columns[name] = tuple(str(one["name"]) for one in found)
        return self._columns[name]

    def rows(
        self, name: str, where: Where | None = None, order_by: Sequence[str] = ()
    ) -> list[Mapping[str, Any]]:
        """Return the rows that match; of a table that is not there, none.

        A condition is a value, or a sequence of values of which the column holds one.

        Raises:
            Unavailable: the database does not answer.
        """
        names = self.columns(name)
        if not names:
            return []
        query = select(*[column(one, _ANY) for one in names]).select_from(table(name))
        query = query.where(*_conditions(where or {})).order_by(*(column(one) for one in order_by))
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(query).mappings()]
        except DBAPIError as error:
            raise _told(error, self._engine) from error

    def count(self, name: str) -> int:
        """Return how many rows a table has."""
        query = select(func.count()).select_from(table(name))
        try:
            with self._engine.connect() as connection:
                return int(connection.execute(query).scalar_one())
        except DBAPIError as error:
            raise _told(error, self._engine) from error

    def counts(self, name: str, by: str, where: Where | None = None) -> dict[Any, int]:
        """Return how many of the rows that match bear each value of a column."""
        if by not in self.columns(name):
            return {}
        query = select(column(by, _ANY), func.count()).select_from(table(name))
        query = query.where(*_conditions(where or {})).group_by(column(by))
        try:
            with self._engine.connect() as connection:
                return {value: int(count) for value, count in connection.execute(query)}
        except DBAPIError as error:
            raise _told(error, self._engine) from error

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def open_foreign(url: str | Path) -> ForeignTables:
    """Open a file of SQLite, or `postgresql://user@host/database`, for reading.

    Raises:
        Invalid: the URL is not one, or of another kind of database.
        NotFound: there is no such file.
        NotInstalled: PostgreSQL was asked for and psycopg is not installed.
    """
    if isinstance(url, Path):
        if not url.is_file():
            raise NotFound(f"{url} is not there", hint="name a file of SQLite")
        where = URL.create("sqlite", database=f"file:{_escaped(url)}")
        query = {"mode": "ro", "uri": "true"}  # the first is SQLite's, the second its driver's
        return ForeignTables(create_engine(where.update_query_dict(query)))
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Invalid(
            f"{url!r} is not a database URL", hint="write postgresql://user@host/database"
        ) from error
    kind = parsed.get_backend_name()
    if kind != "postgresql":
        raise Invalid(
            f"{kind!r} databases can not be read", hint="a file of SQLite, or postgresql://..."
        )
    try:
        return ForeignTables(create_engine(parsed.set(drivername="postgresql+psycopg")))
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise NotInstalled(
            f"{parsed.render_as_string()!r} needs a package that is not installed (psycopg)",
            hint="pip install 'bucle[postgresql]'",
        ) from error


def _conditions(where: Where) -> list[ColumnElement[bool]]:
    return [
        column(name).in_(list(value))
        if isinstance(value, Sequence) and not isinstance(value, str)
        else column(name) == value
        for name, value in where.items()
    ]


def _escaped(file: Path) -> str:
    """Return an absolute path as SQLite's `file:` URIs take it."""
    return str(file.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _told(error: DBAPIError, engine: Engine) -> Exception:
    if "file is not a database" in str(error.orig):
        return Invalid(f"{engine.url.database} is not a database", hint="check the path")
    return translate(error, engine)
