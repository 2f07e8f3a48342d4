"""The tables of tracking: experiments and their numbers, and what searching needs."""

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
