"""The tables of feedback, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of feedback."""
    op.create_table(
        "feedbacks",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("declared_at", UtcDateTime, nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
