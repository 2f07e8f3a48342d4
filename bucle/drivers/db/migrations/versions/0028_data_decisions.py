"""What was decided on data: go, conditional or no-go."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of decisions on data."""
    op.create_table(
        "data_decisions",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("decision", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset", "number"),
    )
