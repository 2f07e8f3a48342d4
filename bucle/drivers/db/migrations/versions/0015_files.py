"""The tables of files of runs, logged models and traces, and traces."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import OrderedText, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_COPY = """
INSERT INTO files (project, owner, path, folder, digest, size_bytes, logged_at)
SELECT project, 'run:' || run, path, '', digest, size_bytes, logged_at FROM run_artifacts
"""


def upgrade() -> None:
    """Create what is new, and move the files of runs there."""
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
    op.drop_table("run_artifacts")


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
