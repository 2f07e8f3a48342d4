"""Tombstones of dataset versions, deletion requests and their steps."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0029"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; nothing was deleted before they were there."""
    op.create_table(
        "dataset_tombstones",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("by", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number", "digest"),
    )
    op.create_index("ix_dataset_tombstones_by", "dataset_tombstones", ["project", "by"])
    op.create_table(
        "deletions",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index("ix_deletions_state", "deletions", ["project", "state", "due_at"])
    op.create_table(
        "deletion_steps",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("deletion", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "deletion", "step"),
    )
