"""What a store holds and no import carries is told: counted, and by its name."""

import sqlite3

import httpx
import pytest

from bucle.drivers.db.foreign import open_foreign
from bucle.interfaces.client.importing.ask import Server
from bucle.interfaces.client.importing.carrier import Options
from bucle.interfaces.client.importing.carry import carry
from bucle.interfaces.client.importing.open import open_source
from bucle.interfaces.client.importing.others_in_server import others_at
from bucle.interfaces.client.importing.others_in_tables import others_in
from tests.unit.interfaces.client.importing.conftest import write

TABLES = """
create table runs (run_uuid text);
insert into runs values ('r');
create table alembic_version (version_num text);
insert into alembic_version values ('x');
create table assessments (name text, trace_id text);
insert into assessments values ('tone', 'a'), ('tone', 'b'), ('answer', 'a');
create table evaluation_datasets (dataset_id text, name text);
insert into evaluation_datasets values ('d1', 'golden'), ('d2', 'empty');
create table evaluation_dataset_records (dataset_id text);
insert into evaluation_dataset_records values ('d1'), ('d1');
create table label_schemas (name text, is_default boolean);
insert into label_schemas values ('their own', 0), ('made by the server', 1);
create table entity_associations (source_type text);
insert into entity_associations values ('trace'), ('evaluation_dataset');
create table webhooks (name text);
create table sql_some_daily_rollups (id integer);
insert into sql_some_daily_rollups values (1);
create table from_a_later_release (id integer);
insert into from_a_later_release values (1), (2), (3);
create table experiments (name text, workspace text);
insert into experiments values ('a', 'default'), ('b', 'team'), ('c', 'team');
"""


def told(found):
    return sorted((one.kind, one.name, one.count, one.detail) for one in found)


def test_every_table_that_is_not_carried_is_told_also_one_of_a_later_release(tmp_path):
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(TABLES)
    with open_foreign(file) as tables:
        assert told(others_in(tables)) == [
            ("assessments", "answer", 1, ""),
            ("assessments", "tone", 2, ""),
            ("evaluation sets", "empty", 1, "records: 0"),
            ("evaluation sets", "golden", 1, "records: 2"),
            ("label schemas", "their own", 1, ""),
            ("links", "trace", 1, ""),
            ("rows of other tables", "from_a_later_release", 3, ""),
            ("workspaces", "team", 1, "experiments: 2"),
        ]


def test_assessments_and_prompts_of_a_folder_are_told_and_a_prompt_is_no_model(client, root):
    traces = root / "123456789012345678" / "traces"
    for trace, name in (("tr-1", "tone"), ("tr-2", "tone"), ("tr-2", "answer")):
        write(traces / trace / "assessments" / f"a-{name}.yaml", f"assessment_name: {name}\n")
    write(root / "models" / "greet" / "meta.yaml", "name: greet\n")
    write(root / "models" / "greet" / "tags" / "mlflow.prompt.is_prompt", "true")
    write(root / "models" / "greet" / "version-1" / "meta.yaml", "name: greet\nversion: 1\n")
    report = carry(client, open_source(str(root)), Options())
    assert {gap.what for gap in report.gaps} == {
        "assessments: 'answer'", "assessments: 2 x 'tone'", "prompts: 'greet' (versions: 1)",
    }  # fmt: skip
    assert not report.is_whole
    assert {kind: tally.left for kind, tally in report.tallies.items() if tally.left} == {
        "assessments": 3, "prompts": 1,
    }  # fmt: skip
    assert [model.ref.name for model in client.registry.models().items] == ["churn"]


@pytest.fixture
def server(monkeypatch):
    """Return a server that has evaluation sets, refuses scorers and knows nothing else."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/datasets/search"):
            return httpx.Response(200, json={"datasets": [{"name": "golden"}]})
        if request.url.path.endswith("/scorers/list"):
            return httpx.Response(500, text="broken")
        return httpx.Response(404)

    made = Server("http://mlflow.test", pause=lambda _: None)
    monkeypatch.setattr(made, "_http", httpx.Client(transport=httpx.MockTransport(answer)))
    return made


def test_what_a_server_does_not_know_is_not_there_and_what_it_refuses_is_told(server):
    found = list(others_at(server, ["0"]))
    assert [(one.kind, one.name) for one in found] == [("evaluation sets", "golden"),
                                                       ("scorers", "")]  # fmt: skip
    assert "answered 500: broken" in found[1].detail
