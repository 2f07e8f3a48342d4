"""The tables of tracking, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of tracking."""
    op.create_table(
        "runs",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("experiment", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("parent", sa.String),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("started_by", sa.String, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("machine", sa.String),
        sa.Column("loose_segments", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index("ix_runs_project_started_at", "runs", ["project", "started_at"])
    op.create_index("ix_runs_project_parent", "runs", ["project", "parent"])
    op.create_index("ix_runs_project_status", "runs", ["project", "status"])
    op.create_table(
        "run_params",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", Json),
        sa.PrimaryKeyConstraint("project", "run", "name"),
    )
    op.create_table(
        "run_tags",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "name"),
    )
    op.create_table(
        "run_links",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("ref", sa.String, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "direction", "ref"),
    )
    op.create_table(
        "run_artifacts",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("logged_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "path"),
    )
    op.create_table(
        "metric_segments",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("batch", sa.String, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("series", Json, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "batch", "part"),
    )
    op.create_table(
        "metric_summaries",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("last", sa.Float),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("minimum", sa.Float),
        sa.Column("maximum", sa.Float),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "name"),
    )
