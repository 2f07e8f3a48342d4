"""Tombstones of dataset versions, deletion requests, and queues of items to label."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0029"
down_revision = "0028"
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
    _labelling()


def _labelling() -> None:
    op.create_table(
        "label_queues",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("turns", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "label_items",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("item", sa.Integer, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("prediction", sa.String, nullable=False),
        sa.Column("answers", sa.Integer, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("project", "queue", "item"),
    )
    op.create_index(
        "ix_label_items_open", "label_items", ["project", "queue", "settled", "answers", "item"]
    )
    op.create_index("ix_label_items_key", "label_items", ["project", "queue", "key"])
    op.create_table(
        "label_leases",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("item", sa.Integer, nullable=False),
        sa.Column("labeller", sa.String, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "queue", "item", "labeller"),
    )
    op.create_table(
        "label_answers",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("queue", sa.String, nullable=False),
        sa.Column("item", sa.Integer, nullable=False),
        sa.Column("labeller", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "queue", "item", "labeller"),
    )
    op.create_index(
        "ix_label_answers_labeller", "label_answers", ["project", "queue", "labeller", "place"]
    )
