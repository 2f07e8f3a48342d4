"""The tables of tuning, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of tuning."""
    op.create_table(
        "studies",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("metric", sa.String, nullable=False),
        sa.Column("space", Json, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("run", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("started_by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_index("ix_studies_project_started_at", "studies", ["project", "started_at"])
    op.create_table(
        "study_trials",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("study", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("reports", Json, nullable=False),
        sa.Column("error", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "study", "number"),
    )
