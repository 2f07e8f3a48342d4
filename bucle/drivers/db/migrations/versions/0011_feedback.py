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
    op.create_table(
        "labels",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("prediction_id", sa.String, nullable=False),
        sa.Column("number", sa.Float),
        sa.Column("text", sa.String),
        sa.Column("labelled_at", UtcDateTime, nullable=False),
        sa.Column("batch", sa.String),
        sa.PrimaryKeyConstraint("project", "deployment", "prediction_id"),
    )
    op.create_index(
        "ix_labels_project_deployment_batch", "labels", ["project", "deployment", "batch"]
    )
    op.create_table(
        "label_corrections",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("deployment", sa.String, nullable=False),
        sa.Column("prediction_id", sa.String, nullable=False),
        sa.Column("number", sa.Float),
        sa.Column("text", sa.String),
        sa.Column("labelled_at", UtcDateTime, nullable=False),
        sa.Column("corrected_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_table(
        "folds",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("feedback", sa.String, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("dataset", sa.String),
        sa.PrimaryKeyConstraint("project", "id"),
    )
