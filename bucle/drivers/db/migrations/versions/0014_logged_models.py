"""The tables of the registry: what MLflow's registry keeps beside, and logged models."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TEXTS = ("description", "source", "storage", "run_link", "logged_model")


def upgrade() -> None:
    """Create what is new."""
    op.add_column("models", sa.Column("description", sa.String, nullable=False, server_default=""))
    for name in ("created_at", "changed_at", "deleted_at"):
        op.add_column("models", sa.Column(name, UtcDateTime))
    for name in _TEXTS:
        op.add_column(
            "model_versions", sa.Column(name, sa.String, nullable=False, server_default="")
        )
    op.add_column(
        "model_versions", sa.Column("stage", sa.String, nullable=False, server_default="None")
    )
    op.add_column("model_versions", sa.Column("changed_at", UtcDateTime))
    op.create_index("ix_model_versions_project_run", "model_versions", ["project", "run"])
    _create_tags()
    _create_logged_models()
    _fill_times()


def _create_tags() -> None:
    op.create_table(
        "model_tags",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "key"),
    )
    op.create_table(
        "model_version_tags",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "number", "key"),
    )


def _create_logged_models() -> None:
    op.create_table(
        "logged_models",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("model_type", sa.String, nullable=False),
        sa.Column("source_run", sa.String, nullable=False),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.Column("deleted_at", UtcDateTime),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index(
        "ix_logged_models_project_experiment_created_at",
        "logged_models",
        ["project", "experiment", "created_at"],
    )
    op.create_index(
        "ix_logged_models_project_source_run", "logged_models", ["project", "source_run"]
    )
    for table in ("logged_model_params", "logged_model_tags"):
        op.create_table(
            table,
            sa.Column("project", sa.String, nullable=False),
            sa.Column("model", sa.String, nullable=False),
            sa.Column("key", sa.String, nullable=False),
            sa.Column("value", sa.String, nullable=False),
            sa.PrimaryKeyConstraint("project", "model", "key"),
        )
    op.create_table(
        "logged_model_metrics",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("dataset_name", sa.String, nullable=False),
        sa.Column("dataset_digest", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "model", "key", "run", "at_ms", "step"),
    )


def _fill_times() -> None:
    """Say of each model that it was made when its first version was; else now."""
    models = sa.table(
        "models",
        sa.column("project"),
        sa.column("name"),
        sa.column("created_at", UtcDateTime),
        sa.column("changed_at", UtcDateTime),
    )
    versions = sa.table(
        "model_versions",
        sa.column("project"),
        sa.column("name"),
        sa.column("registered_at", UtcDateTime),
    )
    mine = (versions.c.project == models.c.project) & (versions.c.name == models.c.name)
    now = sa.literal(datetime.now(UTC), UtcDateTime)
    for column, found in (
        ("created_at", sa.func.min(versions.c.registered_at)),
        ("changed_at", sa.func.max(versions.c.registered_at)),
    ):
        time = sa.select(found).where(mine).scalar_subquery()
        op.get_bind().execute(sa.update(models).values({column: sa.func.coalesce(time, now)}))
