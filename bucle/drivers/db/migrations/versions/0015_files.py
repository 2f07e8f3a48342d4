"""The tables of files of runs, logged models and traces, and traces."""

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
