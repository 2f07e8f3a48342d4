"""The tables of monitoring, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of monitoring."""
    op.create_table(
        "monitors",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("declared_at", UtcDateTime, nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "monitor_reports",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("monitor", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "monitor", "at"),
    )
    op.create_table(
        "alerts",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index("ix_alerts_project_open", "alerts", ["project", "open"])
