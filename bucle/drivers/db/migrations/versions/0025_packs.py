"""Packs of small contents and of chunks of large ones, and what lies where in them."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of packs."""
    op.create_table(
        "content_packs",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("contents", sa.Integer, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "digest"),
    )
    op.create_table(
        "packed_contents",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("pack", sa.String, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("is_list", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("project", "digest"),
    )
    op.create_index("ix_packed_contents_pack", "packed_contents", ["project", "pack"])
