"""The tables of control, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of control."""
    op.create_table(
        "jobs",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("args", Json, nullable=False),
        sa.Column("key", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("run_at", UtcDateTime, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("cause", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("result", Json),
        sa.Column("error", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
        sa.UniqueConstraint("project", "key"),
    )
    op.create_index("ix_jobs_status_run_at", "jobs", ["status", "run_at"])
    op.create_table(
        "cursors",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "trigger_states",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("last_fired_at", UtcDateTime),
        sa.Column("pending_rows", sa.BigInteger, nullable=False),
        sa.Column("pending_cause", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "schedules",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("rule", sa.String, nullable=False),
        sa.Column("next_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "applied_specs",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
        sa.Column("commit", sa.String, nullable=False),
        sa.Column("applied_at", UtcDateTime, nullable=False),
        sa.Column("applied_by", sa.String, nullable=False),
        sa.Column("spec", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "number"),
    )
