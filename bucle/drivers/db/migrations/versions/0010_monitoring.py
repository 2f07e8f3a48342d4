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
