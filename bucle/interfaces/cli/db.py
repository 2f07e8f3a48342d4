"""`bucle db upgrade`: bring an older database to this release's schema."""

import click

from bucle.base.settings import load_settings
from bucle.drivers.db import open_database
from bucle.drivers.db.migrate import HEAD_REVISION, upgrade
from bucle.interfaces.cli.talk import say, waiting


@click.group("db")
def database() -> None:
    """Look after the metadata database."""


@database.command("upgrade")
def upgrade_schema() -> None:
    """Run the missing migrations (make a backup first)."""
    opened = open_database(load_settings().database_url)
    try:
        with waiting("upgrading"):
            upgrade(opened)
    finally:
        opened.close()
    say(f"the database is at schema {HEAD_REVISION}")
