"""What a store in a database holds beside what an import carries: nothing in it goes untold.

Every table is one that an import reads, one that belongs to another, or one whose rows are told; a
table that a later release adds is therefore told too, before anybody taught this file its name.
"""

from collections.abc import Iterator

from bucle.drivers.db.foreign import ForeignTables
from bucle.interfaces.client.importing.records import FoundOther

# Table -> what people call its rows, and the column that names one.
_NAMED = {
    "assessments": ("assessments", "name"),
    "scorers": ("scorers", "scorer_name"),
    "issues": ("issues", "name"),
    "label_schemas": ("label schemas", "name"),
    "review_queues": ("review queues", "name"),
    "webhooks": ("webhooks", "name"),
    "endpoints": ("gateway endpoints", "name"),
    "model_definitions": ("gateway models", "name"),
    "secrets": ("gateway secrets", "secret_name"),
    "guardrails": ("gateway guardrails", "name"),
    "budget_policies": ("gateway budgets", "budget_policy_id"),
    "mcp_servers": ("MCP servers", "name"),
    "entity_associations": ("links", "source_type"),
}
_SETS = "evaluation_datasets"
# The link of an evaluation set to its experiment belongs to the set, which is told.
_NOT_OF_PEOPLE = {("entity_associations", "evaluation_dataset")}
_CARRIED = frozenset({
    "experiments", "experiment_tags", "runs", "params", "metrics", "latest_metrics", "tags",
    "datasets", "inputs", "input_tags", "logged_models", "logged_model_params",
    "logged_model_tags", "logged_model_metrics", "registered_models", "registered_model_tags",
    "registered_model_aliases", "model_versions", "model_version_tags", "trace_info", "trace_tags",
    "trace_request_metadata", "spans",
})  # fmt: skip
# Parts of a thing that is told whole, and the server's own workings.
_PARTS = frozenset({
    "alembic_version", "alembic_version_auth", "workspaces", "jobs", "job_locks",
    "scheduler_leases", "trace_metrics", "span_metrics", "evaluation_dataset_records",
    "evaluation_dataset_tags",
    "scorer_versions", "online_scoring_configs", "review_queue_items", "review_queue_users",
    "review_queue_label_schemas", "webhook_events", "endpoint_bindings", "endpoint_tags",
    "endpoint_model_mappings", "guardrail_configs", "mcp_access_endpoints", "mcp_server_aliases",
    "mcp_server_tags", "mcp_server_versions", "mcp_server_version_tags",
})  # fmt: skip
_ROLLUPS = "sql_"  # what the server added up of other tables, to draw its pages
_DEFAULT_WORKSPACE = "default"


def others_in(tables: ForeignTables) -> Iterator[FoundOther]:
    """Yield what the tables hold and no import carries."""
    for table in tables.names():
        if table == _SETS:
            yield from _evaluation_sets(tables)
        elif table in _NAMED:
            kind, by = _NAMED[table]
            made = {"is_default": False} if "is_default" in tables.columns(table) else {}
            for name, count in sorted(tables.counts(table, by, made).items(), key=str):
                if (table, name) not in _NOT_OF_PEOPLE:
                    yield FoundOther(kind=kind, name=str(name), count=count)
        elif not (table in _CARRIED | _PARTS or table.startswith(_ROLLUPS)) and (
            count := tables.count(table)
        ):
            yield FoundOther(kind="rows of other tables", name=table, count=count)
    yield from _workspaces(tables)


def _evaluation_sets(tables: ForeignTables) -> Iterator[FoundOther]:
    records = tables.counts("evaluation_dataset_records", "dataset_id")
    for row in tables.rows(_SETS, order_by=("name", "dataset_id")):
        held = records.get(row["dataset_id"], 0)
        yield FoundOther(kind="evaluation sets", name=row["name"], detail=f"records: {held}")


def _workspaces(tables: ForeignTables) -> Iterator[FoundOther]:
    """Yield the workspaces: what is in them comes into one project here."""
    for name, count in sorted(tables.counts("experiments", "workspace").items(), key=str):
        if name not in {None, _DEFAULT_WORKSPACE}:
            yield FoundOther(kind="workspaces", name=str(name), detail=f"experiments: {count}")
