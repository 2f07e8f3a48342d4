"""Comparisons of feature views, and who brings a view online just now."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of comparisons and holds."""
    op.create_table(
        "feature_parities",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index("ix_feature_parities_view", "feature_parities", ["project", "name", "id"])
    op.create_table(
        "materialization_holds",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("held_until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number"),
    )
