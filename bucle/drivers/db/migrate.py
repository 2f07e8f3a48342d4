"""Bring a database to this release's schema, and say clearly when it is not there."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bucle.base.errors import Invalid
from bucle.drivers.db.database import Database

# The newest revision; a test compares it with the scripts.  Reading it costs no Alembic.
HEAD_REVISION = "0033"

_ADVISORY_KEY = 0x6275636C65  # "bucle"


def current_revision(connection: Connection) -> str | None:
    """Return the database's revision; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def ensure_schema(database: Database) -> None:
    """Create the schema of an empty database; refuse one of another release.

    Raises:
        Invalid: the schema is older (with the command that upgrades it) or newer than ours.
    """
    with database.begin(write=False) as connection:
        revision = current_revision(connection)
    if revision == HEAD_REVISION:
        return
    if revision is None:
        upgrade(database)
        return
    if revision < HEAD_REVISION:
        raise Invalid(
            f"the database is at schema {revision}; this release needs {HEAD_REVISION}",
            hint="make a backup, then type: bucle db upgrade",
        )
    raise _newer(revision)


def _newer(revision: str) -> Invalid:
    return Invalid(
        f"the database is at schema {revision}, which is newer than this release ({HEAD_REVISION})",
        hint="pip install --upgrade bucle",
    )


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the missing revisions, one process at a time, in one transaction.

    Raises:
        Invalid: the schema is that of a newer release.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with _alone(database), database.begin() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
        if (current_revision(connection) or "") > HEAD_REVISION:
            raise _newer(str(current_revision(connection)))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    file = database.engine.url.database
    if database.dialect != "sqlite" or not file:
        with nullcontext():
            yield
        return
    with Path(f"{file}.upgrade-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
