"""What the features of a view looked like, each time that somebody looked."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of statistics."""
    op.create_table(
        "feature_stats",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    columns = ["project", "name", "number", "until", "id"]
    op.create_index("ix_feature_stats_view", "feature_stats", columns)
