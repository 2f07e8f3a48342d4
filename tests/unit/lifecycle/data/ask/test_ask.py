"""Questions in SQL over versions: what they read, what they may not, and what is said of errors."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import BucleError, Denied, Invalid, NotFound, Refused
from bucle.drivers.blobs.content import read_content
from bucle.governance.lineage.trace import trace
from bucle.governance.principals import ANONYMOUS, Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    Answer,
    DatasetSpec,
    Derivation,
    Expectation,
    Question,
    ask,
    commit_table,
    declare,
    derive,
    get_version,
    list_datasets,
    tag,
)
from bucle.testing.houses import open_test_house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Yield one house for all questions: they change nothing."""
    house = open_test_house(tmp_path_factory.mktemp("asked"))
    yield house
    house.close()


@pytest.fixture(scope="module")
def session(house: House) -> Session:
    session = house.session()
    commit_table(session, "trips", pa.table({"id": [1, 2], "fare": [1.5, 2.5], "who": [1, 2]}))
    rows = {"id": [1, 2, 3], "fare": [1.5, 2.5, 9.0], "who": [1, 2, 7]}
    commit_table(session, "trips", pa.table(rows))
    commit_table(session, "customers", pa.table({"who": [1, 2], "name": ["ana", "ñu"]}))
    commit_table(session, "my data", pa.table({"x": [5]}))
    with session.begin() as scope:
        tag(scope, "trips@1", "golden")
    return session


def asked(session: Session, sql: str, **more: object) -> Answer:
    return ask(session, Question(sql=sql, **more))  # type: ignore[arg-type]


GOOD = [
    ("SELECT count(*) AS n FROM trips", [{"n": 3}]),
    ("SELECT count(*) AS n FROM trips@1", [{"n": 2}]),
    ("SELECT count(*) AS n FROM trips@golden;", [{"n": 2}]),
    ("SELECT count(*) AS n FROM trips@main AS t -- end", [{"n": 3}]),
    ("SELECT trips.fare AS f, name FROM trips@1 JOIN customers USING (who) ORDER BY f LIMIT 1",
     [{"f": 1.5, "name": "ana"}]),
    ('SELECT x, count(*) AS n FROM "my data"@1, trips@2 GROUP BY x', [{"x": 5, "n": 3}]),
    ("SELECT a.id FROM trips@2 a ANTI JOIN trips@1 b ON a.id = b.id", [{"id": 3}]),
    ("WITH trips AS (SELECT * FROM trips@1) SELECT count(*) AS n FROM trips", [{"n": 2}]),
    (("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) "
     "SELECT sum(n) AS s FROM r"), [{"s": 10}]),
    (("SELECT (SELECT max(fare) FROM trips@1) AS m, count(*) AS n FROM trips "
     "WHERE id IN (SELECT id FROM trips@1)"), [{"m": 2.5, "n": 2}]),
    ("SELECT n FROM range(2) AS r(n)", [{"n": 0}, {"n": 1}]),
    ("SELECT fare FROM trips WHERE false", []),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "rows"), GOOD)
def test_a_question_reads_the_versions_that_it_names(
    session: Session, sql: str, rows: list[dict[str, object]]
) -> None:
    assert asked(session, sql).rows == rows


FORBIDDEN = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/*')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'https://example.com/x.parquet'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('trips')",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_class",
    "SELECT * FROM sqlite_master",
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    "SELECT id FROM trips WHERE fare > (SELECT length(content) FROM read_text('/etc/passwd'))",
    "WITH a AS MATERIALIZED (SELECT * FROM read_csv('/etc/passwd')) SELECT * FROM a",
    "INSERT INTO trips VALUES (1, 2, 3)",
    "DELETE FROM trips",
    "CREATE TABLE t AS SELECT 1",
    "COPY trips TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "EXPORT DATABASE '/tmp/stolen'",
    "ATTACH '/tmp/other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET enable_external_access = true",
    "CALL pragma_version()",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE trips",
    "",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_a_question_reads_nothing_but_datasets_and_writes_nothing(
    session: Session, sql: str
) -> None:
    with pytest.raises((Invalid, NotFound)) as caught:
        asked(session, sql)
    assert caught.value.hint
    assert not Path("/tmp/stolen.csv").exists()


ERRORS = [
    ("SELECT fair FROM trips", "(line 1, column 8)", "is it fare?"),
    ("SELECT 'ñ',\n  fair FROM trips@1 WHERE true", "(line 2, column 3)", "is it fare?"),
    ("SELECT id FROM trips@1 WHERE id >", "(line 1, column 33)", "SELECT"),
    ("SELECT id\nFROM trps", "(line 2, column 6)", "is it trips?"),
    ("SELECT id FROM trips@77", "dataset:trips@77", "bucle data log trips"),
    ("SELECT wholly_unlike FROM trips", "(line 1, column 8)", "trips has id, fare, who"),
    ("SELECT id, id FROM trips", "'id'", "AS"),
    ("SELECT nofunction(id) FROM trips", "(line 1, column 8)", "DuckDB"),
    ("SELECT * FROM raw.trips", "raw.trips", '"raw.trips"'),
]


@pytest.mark.parametrize(("sql", "where", "hint"), ERRORS)
def test_an_error_says_where_it_is_and_what_to_type_next(
    session: Session, sql: str, where: str, hint: str
) -> None:
    with pytest.raises(BucleError) as caught:
        asked(session, sql)
    assert where in caught.value.message
    assert hint in caught.value.hint


def test_a_question_that_runs_too_long_is_stopped(session: Session) -> None:
    endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"
    with pytest.raises(Refused, match=r"longer than 0\.2 s"):
        asked(session, endless, timeout_s=0.2)
    assert asked(session, "SELECT 1 AS one").rows == [{"one": 1}]


def test_rows_beyond_the_limit_are_told_of_and_are_in_the_file(session: Session) -> None:
    few = asked(session, "SELECT id FROM trips", limit=2)
    assert (few.rows, few.more, few.total, few.digest) == ([{"id": 1}, {"id": 2}], True, None, "")
    filed = asked(session, "SELECT id FROM trips", limit=2, format="parquet")
    assert (filed.rows, filed.more, filed.total) == (few.rows, True, 3)


def test_each_format_holds_every_row(session: Session) -> None:
    blobs = session.drivers.blobs

    def content(sql: str, format_: str) -> bytes:
        return read_content(blobs, asked(session, sql, format=format_).digest)

    sql = "SELECT id, fare, sum(id) AS s FROM trips GROUP BY ALL ORDER BY id"
    ids = [1, 2, 3]
    assert pq.read_table(io.BytesIO(content(sql, "parquet"))).column("id").to_pylist() == ids
    stream = pa.ipc.open_stream(content(sql, "arrow"))
    assert stream.read_all().column("id").to_pylist() == ids
    table = pa_csv.read_csv(io.BytesIO(content(sql, "csv")))
    assert table.column("id").to_pylist() == ids
    lines = [json.loads(line) for line in content(sql, "json").splitlines()]
    assert lines[2] == {"id": 3, "fare": 9.0, "s": 3}
    nothing = "SELECT id FROM trips WHERE false"
    assert pq.read_table(io.BytesIO(content(nothing, "parquet"))).schema.names == ["id"]
    assert pa.ipc.open_stream(content(nothing, "arrow")).read_all().num_rows == 0


def test_who_may_not_read_a_dataset_may_not_ask_it(house: House) -> None:
    with pytest.raises(Denied):
        asked(house.session(ANONYMOUS), "SELECT * FROM trips")


def test_a_committed_answer_knows_its_inputs_and_its_statement(session: Session) -> None:
    sql = "SELECT who, sum(fare) AS total FROM trips@1 JOIN customers USING (who) GROUP BY who"
    sql += " ORDER BY who"
    made = derive(session, Derivation(name="daily", sql=sql))
    assert (made.rows, made.message) == (2, sql)
    with session.begin(write=False) as scope:
        lineage = trace(scope, made.ref)
    edges = {(edge.source, edge.relation, edge.detail["sql"]) for edge in lineage.edges}
    assert edges == {("dataset:trips@1", "queried", sql), ("dataset:customers@1", "queried", sql)}
    assert derive(session, Derivation(name="daily", sql=sql)).ref == made.ref


def test_who_may_only_read_may_not_commit_an_answer(house: House, session: Session) -> None:
    viewer = Principal(name="vi", grants=(Grant(role="viewer", project=session.project),))
    with pytest.raises(Denied):
        derive(house.session(viewer), Derivation(name="daily", sql="SELECT 1 AS a FROM trips"))


def test_a_committed_answer_is_judged_as_any_commit(session: Session) -> None:
    with session.begin() as scope:
        spec = DatasetSpec(name="judged", expectations=(Expectation(column="fare", max=5.0),))
        declare(scope, spec)
    with pytest.raises(Refused):
        derive(session, Derivation(name="judged", sql="SELECT fare FROM trips"))
    with pytest.raises(Invalid, match="reads no dataset"):
        derive(session, Derivation(name="judged", sql="SELECT 1.0 AS fare"))
    with session.begin(write=False) as scope:
        assert "judged" not in {one.ref.name for one in list_datasets(scope).items if one.head}
        assert get_version(scope, "trips").number == 2
