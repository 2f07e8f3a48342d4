"""The one `MetaData` of the house, and the column types that both databases share."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import JSON, Connection, DateTime, Dialect, MetaData, String, Table
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    UpsertInto: TypeAlias = postgresql.Insert | sqlite.Insert

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# What a scope hands to a store: one transaction on one connection.
Tx = Connection

# Text that both databases keep in the order of its code points, whatever the server's language:
# for paths, where a folder is a range.
OrderedText = String().with_variant(String(collation="C"), "postgresql")


def upsert_into(tx: Tx, table: Table) -> "UpsertInto":
    """Return an insert that can say what to do with rows that are there: `on_conflict_...`."""
    return upsert_on(tx.dialect.name, table)


def upsert_on(dialect: str, table: Table) -> "UpsertInto":
    """Return such an insert for a dialect, for whoever makes it once and keeps it."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


class Json(TypeDecorator[Any]):
    """A tree of plain values; JSONB on PostgreSQL, so that people can query it."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type; PostgreSQL's are not loaded for SQLite."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(JSON(none_as_null=True))
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB(none_as_null=True))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime in and out; SQLite, which has no zones, stores it as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive datetimes, which would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
