"""Sources of datasets: how far each was drawn, and which files were found there."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, OrderedText, UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "data_sources",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("ties", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset"),
    )
    op.create_table(
        "source_files",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("name", OrderedText, nullable=False),
        sa.Column("mark", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset", "name"),
    )
