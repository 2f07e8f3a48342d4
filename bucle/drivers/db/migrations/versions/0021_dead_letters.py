"""Events that could not be counted, and who follows a view's events."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0021"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of dead letters and of followers."""
    op.create_table(
        "dead_letters",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("view", sa.String, nullable=False),
        sa.Column("position", sa.String, nullable=False),
        sa.Column("topic", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("replayed_at", UtcDateTime, nullable=True),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "view", "position"),
    )
    op.create_table(
        "stream_followers",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("view", sa.String, nullable=False),
        sa.Column("holder", sa.String, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "view"),
    )
