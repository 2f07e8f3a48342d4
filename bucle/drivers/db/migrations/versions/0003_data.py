"""The tables of data, as first released."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of data."""
    op.create_table(
        "datasets",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("head", sa.Integer, nullable=False),
        sa.Column("spec", Json, nullable=True),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_table(
        "dataset_versions",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("committed_at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number"),
    )
    op.create_index("ix_dataset_versions_digest", "dataset_versions", ["project", "name", "digest"])
    op.create_index(
        "ix_dataset_versions_committed_at",
        "dataset_versions",
        ["project", "name", "committed_at"],
    )
    op.create_table(
        "dataset_tags",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("tag", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("tagged_at", UtcDateTime, nullable=False),
        sa.Column("tagged_by", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "tag"),
    )
