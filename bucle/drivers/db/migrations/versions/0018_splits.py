"""Splits of dataset versions, and the looks at their confirming parts."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of splits."""
    op.create_table(
        "dataset_splits",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number"),
    )
    op.create_index("ix_dataset_splits_dataset", "dataset_splits", ["project", "dataset"])
    op.create_table(
        "split_looks",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("look", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number", "look"),
    )
