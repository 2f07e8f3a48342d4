"""The catalogue: what is said of datasets, what is found by its words, contracts and tasks."""

import sqlalchemy as sa
from alembic import op

from bucle.drivers.db.tables import Json, OrderedText, UtcDateTime

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# As in governance/search/store.py: the words are SQLite's own full-text table.
_WORDS = (
    "CREATE VIRTUAL TABLE search_words USING fts5(project UNINDEXED, place, name, columns, "
    "meanings, about, tokenize = 'unicode61 remove_diacritics 0', prefix = '2 3')"
)


def upgrade() -> None:
    """Create the tables; what is there already is found after the next change of it."""
    op.create_table(
        "tasks",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("receiver", sa.String, nullable=False),
        sa.Column("open_cause", sa.String, nullable=True),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "id"),
    )
    op.create_index("ix_tasks_project_open_cause", "tasks", ["project", "open_cause"], unique=True)
    op.create_index("ix_tasks_project_about", "tasks", ["project", "about"])
    _create_search()
    op.create_table(
        "catalog_entries",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("fresh_within", sa.String, nullable=False),
        sa.Column("stale", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset"),
    )
    op.create_table(
        "column_proposals",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("column", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset", "column", "kind"),
    )
    op.create_table(
        "data_contracts",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("effective_at", UtcDateTime, nullable=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset", "number"),
    )
    op.create_table(
        "contract_deliveries",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("dataset", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.PrimaryKeyConstraint("project", "dataset", "version"),
    )
    op.create_index(
        "ix_contract_deliveries_project_dataset_at",
        "contract_deliveries",
        ["project", "dataset", "at"],
    )


def _create_search() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    words: sa.types.TypeEngine[str] = sa.String()
    if not is_sqlite:
        from sqlalchemy.dialects.postgresql import TSVECTOR

        words = TSVECTOR()
    op.create_table(
        "search_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("project", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("plain", sa.String, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("words", words, nullable=False),
    )
    op.create_index(
        "ix_search_entries_project_kind_name",
        "search_entries",
        ["project", "kind", "name"],
        unique=True,
    )
    op.create_table(
        "search_facets",
        sa.Column("project", sa.String, nullable=False),
        sa.Column("facet", sa.String, nullable=False),
        sa.Column("value", OrderedText, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project", "facet", "value", "entry"),
    )
    op.create_index("ix_search_facets_entry", "search_facets", ["entry"])
    if is_sqlite:
        op.execute(_WORDS)
    else:
        op.create_index(
            "ix_search_entries_words", "search_entries", ["words"], postgresql_using="gin"
        )
