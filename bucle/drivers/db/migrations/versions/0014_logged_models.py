"""The tables of the registry: what MLflow's registry keeps beside, and logged models."""

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
