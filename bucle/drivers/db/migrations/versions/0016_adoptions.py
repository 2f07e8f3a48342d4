"""The table of what was brought over from other tools."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    op.create_table(
        "adoptions",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("theirs", sa.String, nullable=False),
        sa.Column("ours", sa.String, nullable=False),
        sa.Column("mark", sa.String, nullable=False),
        sa.Column("adopted_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "source", "theirs"),
    )
    op.create_index("ix_adoptions_project_ours", "adoptions", ["project", "ours"])
