"""The table of who brought how many points to a run."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of writers."""
    op.create_table(
        "run_writers",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("writer", sa.String, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "writer"),
    )
