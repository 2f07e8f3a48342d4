"""Branches of datasets: where each stands, and which number a dataset's next version has."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of branches; what is there is of the branch `main`."""
    op.create_table(
        "dataset_branches",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("branch", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "branch"),
    )
    op.add_column(
        "dataset_versions", sa.Column("branch", sa.String, nullable=False, server_default="main")
    )
    op.add_column("datasets", sa.Column("last", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE datasets SET last = head")
