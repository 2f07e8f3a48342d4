"""Every revision, on both databases, against the tables that the rooms define and a snapshot."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

import bucle
from bucle.base.errors import Invalid
from bucle.drivers.db import Database, metadata, migrate, open_database
from bucle.drivers.db.migrate import HEAD_REVISION, current_revision, ensure_schema, upgrade

SNAPSHOT = Path(__file__).parent / "schema.json"
SCRIPTS = Path(migrate.__file__).parent / "migrations"
Schema = dict[str, dict[str, Any]]
# Tables that no room reads any more.  Revisions only add: what these held was copied.
RETIRED = frozenset({"run_artifacts"})
# SQLite's full-text index is tables of its own, which the database keeps.
OF_THE_INDEX = "search_words_"


def revisions() -> list[str]:
    """Return every revision, oldest first."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    found = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in reversed(list(found))]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'bucle.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Yield an empty database."""
    opened = open_database(url)
    yield opened
    opened.close()


def import_stores() -> None:
    """Import every store, so that `metadata` has every table."""
    for module in walk_packages(bucle.__path__, "bucle."):
        if module.name.endswith(".store"):
            import_module(module.name)


def schema_of(connection: Connection) -> Schema:
    """Return what a database says of its tables: the same for two equal schemas."""
    found = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: f"{column['type']}{'' if column['nullable'] else ' NOT NULL'}"
                for column in found.get_columns(table)
            },
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted(each["column_names"] for each in found.get_unique_constraints(table)),
            "foreign": sorted(
                f"{each['constrained_columns']} -> {each['referred_table']}"
                for each in found.get_foreign_keys(table)
            ),
            "indexes": {
                str(each["name"]): [*each["column_names"], *(["unique"] if each["unique"] else [])]
                for each in found.get_indexes(table)
                if not each.get("duplicates_constraint")
            },
        }
        for table in sorted(found.get_table_names())
        if table not in {"alembic_version", *RETIRED} and not table.startswith(OF_THE_INDEX)
    }


def read(database: Database) -> Schema:
    """Return a database's schema."""
    with database.begin(write=False) as connection:
        return schema_of(connection)


def test_the_newest_script_is_the_head_and_each_follows_the_one_before() -> None:
    found = revisions()
    assert found[-1] == HEAD_REVISION
    assert found == sorted(found)
    files = sorted(path.name[:4] for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
    assert found == files


def test_every_revision_in_turn_leads_to_the_tables_of_the_rooms(
    database: Database, tmp_path: Path
) -> None:
    import_stores()
    for revision in revisions():
        upgrade(database, revision)
        with database.begin(write=False) as connection:
            assert current_revision(connection) == revision
    migrated = read(database)
    ensure_schema(database)
    with database.begin() as connection:
        metadata.drop_all(connection)
        assert schema_of(connection) == {}
        metadata.create_all(connection)
        declared = schema_of(connection)
    assert migrated == declared
    if database.dialect == "sqlite":
        written = json.dumps(migrated, indent=1, sort_keys=True) + "\n"
        (tmp_path / "schema.json").write_text(written)
        hint = f"if the change is meant, copy {tmp_path / 'schema.json'} to {SNAPSHOT}"
        assert json.loads(SNAPSHOT.read_text()) == migrated, hint


def test_all_revisions_at_once_lead_to_the_same(database: Database) -> None:
    ensure_schema(database)
    if database.dialect == "sqlite":
        assert json.loads(SNAPSHOT.read_text()) == read(database)
    assert all("project" in table["columns"] for table in read(database).values())


def test_the_files_of_runs_move_to_where_all_files_are(database: Database) -> None:
    upgrade(database, "0014")
    row = ("INSERT INTO run_artifacts (project, run, path, digest, size_bytes, logged_at) "
           "VALUES ('default', 'r1', :path, 'd', 3, '2026-01-02 03:04:05')")  # fmt: skip
    paths = ["a.txt", "plots/deep/roc.png", "plots/x"]
    with database.begin() as connection:
        connection.execute(text(row), [{"path": path} for path in paths])
    upgrade(database)
    with database.begin(write=False) as connection:
        query = "SELECT owner, path, folder, digest, size_bytes FROM files ORDER BY path"
        moved = [tuple(found) for found in connection.execute(text(query))]
    folders = zip(paths, ["", "plots/deep", "plots"], strict=True)
    assert moved == [("run:r1", path, folder, "d", 3) for path, folder in folders]


def test_an_older_schema_is_refused_with_the_command_that_upgrades_it(database: Database) -> None:
    upgrade(database, revisions()[-2])
    with pytest.raises(Invalid, match=f"is at schema {revisions()[-2]}; this release needs") as old:
        ensure_schema(database)
    assert "bucle db upgrade" in old.value.hint
    upgrade(database)
    ensure_schema(database)


def test_a_newer_schema_is_refused_with_what_to_install(database: Database) -> None:
    upgrade(database)
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match="newer than this release") as newer:
        ensure_schema(database)
    assert "pip install --upgrade" in newer.value.hint
