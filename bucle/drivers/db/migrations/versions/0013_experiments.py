"""The tables of tracking: experiments and their numbers, and what searching needs."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SHORT = 80  # characters of a text that lie in an index
_ROWS = 1_000

_experiments = sa.table(
    "experiments",
    *(sa.column(name) for name in ("project", "number", "name", "location", "stage")),
    sa.column("created_at", UtcDateTime),
    sa.column("changed_at", UtcDateTime),
)


def upgrade() -> None:
    """Create what is new."""
    _create_experiments()
    _create_inputs()
    op.add_column(
        "runs", sa.Column("experiment_number", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("runs", sa.Column("stage", sa.String, nullable=False, server_default="active"))
    op.add_column("runs", sa.Column("deleted_at", UtcDateTime))
    op.add_column("runs", sa.Column("user_name", sa.String))
    op.add_column("run_params", sa.Column("text", sa.String, nullable=False, server_default=""))
    op.add_column("run_params", sa.Column("short", sa.String, nullable=False, server_default=""))
    op.add_column("run_tags", sa.Column("short", sa.String, nullable=False, server_default=""))
    _number_experiments()
    _fill_texts()
    op.create_index(
        "ix_runs_listing",
        "runs",
        ["project", "experiment_number", "stage", sa.text("started_at DESC"), "id"],
    )
    op.create_index("ix_runs_project_name", "runs", ["project", "name"])
    op.create_index(
        "ix_run_params_project_name_short_run", "run_params", ["project", "name", "short", "run"]
    )
    op.create_index(
        "ix_run_tags_project_name_short_run", "run_tags", ["project", "name", "short", "run"]
    )
    op.create_index(
        "ix_metric_summaries_project_name_last_run",
        "metric_summaries",
        ["project", "name", "last", "run"],
    )


def _create_experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String),
        sa.Column("location", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sa.Column("deleted_at", UtcDateTime),
        sa.PrimaryKeyConstraint("project", "number"),
        sa.UniqueConstraint("project", "name"),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "experiment", "name"),
    )


def _create_inputs() -> None:
    op.create_table(
        "run_datasets",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("context", sa.String),
        sa.Column("tags", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "name", "digest"),
    )
    op.create_index(
        "ix_run_datasets_project_name_digest", "run_datasets", ["project", "name", "digest"]
    )
    op.create_table(
        "experiment_datasets",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("experiment", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("source_type", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("schema", sa.String),
        sa.Column("profile", sa.String),
        sa.PrimaryKeyConstraint("project", "experiment", "name", "digest"),
    )
    op.create_table(
        "run_models",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("project", "run", "direction", "model"),
    )
    op.create_index("ix_run_models_project_model", "run_models", ["project", "model"])


def _number_experiments() -> None:
    """Give each experiment that has runs a number, in the order in which they began."""
    runs = sa.table(
        "runs",
        *(sa.column(name) for name in ("project", "experiment", "experiment_number")),
        sa.column("started_at", UtcDateTime),
    )
    began = sa.func.min(runs.c.started_at, type_=UtcDateTime)
    query = sa.select(runs.c.project, runs.c.experiment, began.label("began"))
    query = query.group_by(runs.c.project, runs.c.experiment).order_by(runs.c.project, began)
    connection = op.get_bind()
    found = connection.execute(query).all()
    for project in sorted({row.project for row in found}):
        mine = [row for row in found if row.project == project]
        first = min(row.began for row in mine)
        _add(project, 0, "Default", first)
        others = [row for row in mine if row.experiment not in {"default", "Default"}]
        for number, row in enumerate(others, start=1):
            _add(project, number, row.experiment, row.began)
            connection.execute(
                sa.update(runs)
                .where(runs.c.project == project, runs.c.experiment == row.experiment)
                .values(experiment_number=number)
            )


def _add(project: str, number: int, name: str, at: object) -> None:
    op.get_bind().execute(
        sa.insert(_experiments).values(
            project=project,
            number=number,
            name=name,
            location=f"mlflow-artifacts:/{number}",
            stage="active",
            created_at=at,
            changed_at=at,
        )
    )


def _fill_texts() -> None:
    """Write each parameter as text beside its value, and the beginning of texts for the index."""
    connection = op.get_bind()
    tags = sa.table("run_tags", sa.column("value"), sa.column("short"))
    connection.execute(sa.update(tags).values(short=sa.func.substr(tags.c.value, 1, _SHORT)))
    params = sa.table(
        "run_params",
        *(sa.column(name) for name in ("project", "run", "name", "text", "short")),
        sa.column("value", Json),
    )
    key = (params.c.project, params.c.run, params.c.name)
    change = sa.update(params).where(
        *(column == sa.bindparam(f"of_{column.name}") for column in key)
    )
    change = change.values(text=sa.bindparam("as_text"), short=sa.bindparam("as_short"))
    rows = connection.execute(sa.select(*key, params.c.value)).all()
    for start in range(0, len(rows), _ROWS):
        connection.execute(
            change,
            [
                {
                    "of_project": row.project,
                    "of_run": row.run,
                    "of_name": row.name,
                    "as_text": str(row.value),
                    "as_short": str(row.value)[:_SHORT],
                }
                for row in rows[start : start + _ROWS]
            ],
        )
