"""The tables of files of runs, logged models and traces, and traces."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, OrderedText, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COPY = """
INSERT INTO files (project, owner, path, folder, digest, size_bytes, logged_at)
SELECT project, 'run:' || run, path, '', digest, size_bytes, logged_at FROM run_artifacts
"""


def upgrade() -> None:
    """Create what is new, and copy the files of runs there; the table they were in stays behind."""
    op.create_table(
        "files",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("path", OrderedText, nullable=False),
        sa.Column("folder", OrderedText, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("logged_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "owner", "path"),
    )
    op.create_index("ix_files_project_owner_folder", "files", ["project", "owner", "folder"])
    op.execute(_COPY)
    _write_folders()
    _create_traces()


def _create_traces() -> None:
    op.create_table(
        "traces",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("client_id", sa.String),
        sa.Column("request", sa.String),
        sa.Column("response", sa.String),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index(
        "ix_traces_project_experiment_started_at", "traces", ["project", "experiment", "started_at"]
    )
    op.create_table(
        "trace_facts",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("trace", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "trace", "kind", "name"),
    )
    op.create_table(
        "trace_spans",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("trace", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("parent", sa.String),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("started_ns", sa.BigInteger, nullable=False),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("body", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "trace", "id"),
    )
    op.create_table(
        "trace_assessments",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("trace", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String),
        sa.Column("number", sa.Float),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "trace", "id"),
    )


def _write_folders() -> None:
    """Give each file its folder: neither database has a word for the last slash of a path."""
    files = sa.table("files", sa.column("path"), sa.column("folder"))
    connection = op.get_bind()
    paths = connection.execute(sa.select(files.c.path).where(files.c.path.contains("/"))).scalars()
    folders = {path: path.rpartition("/")[0] for path in paths}
    if folders:
        change = files.update().where(files.c.path == sa.bindparam("of_path"))
        connection.execute(
            change.values(folder=sa.bindparam("its_folder")),
            [{"of_path": path, "its_folder": folder} for path, folder in folders.items()],
        )
