"""The metadata database: SQLite for one machine, PostgreSQL for many.

Rooms define their tables on `metadata` and run SQLAlchemy Core expressions on the connection
that their scope hands out; nobody else speaks SQL.
"""

from bucle.drivers.db.database import Database, open_database
from bucle.drivers.db.hasty import Busy
from bucle.drivers.db.ready import Ready
from bucle.drivers.db.tables import (
    Json,
    OrderedText,
    Tx,
    UtcDateTime,
    metadata,
    upsert_into,
    upsert_on,
)

__all__ = [
    "Busy",
    "Database",
    "Json",
    "OrderedText",
    "Ready",
    "Tx",
    "UtcDateTime",
    "metadata",
    "open_database",
    "upsert_into",
    "upsert_on",
]
