"""The model servers that follow the control plane, and how plans went out to them."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the fleet."""
    op.create_table(
        "fleet_followers",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("place", sa.Float, nullable=False),
        sa.Column("labels", sa.String, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("healthy", sa.Boolean, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_table(
        "fleet_rollouts",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "number"),
    )
    op.create_table(
        "fleet_specs",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )
