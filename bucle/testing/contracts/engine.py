"""The law of engines: subclass, give an `engine`, and every test here runs against it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid, NotFound
from bucle.drivers.engine import Engine

TRIPS = pa.table({"city": ["Oslo", "Lima", "Oslo"], "km": [1.5, 2.0, None]})
FORBIDDEN = (
    "CREATE TABLE t AS SELECT 1",
    "TRUNCATE trips",
    "DROP VIEW trips",
    "SET threads = 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "ATTACH '/tmp/bucle-contract.db'",
    "COPY trips TO '/tmp/bucle-contract.csv'",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP VIEW trips",
    "",
    "-- nothing",
    "WITH t AS (SELECT 1) INSERT INTO trips SELECT * FROM trips",
    "FROM trips INSERT INTO trips SELECT * INSERT INTO trips SELECT *",
    "WITH t AS (SELECT 1) DELETE FROM trips",
    "SELECT (SELECT TRANSFORM (city) USING 'cat' AS (a) FROM trips)",
    "WITH t AS (SELECT TRANSFORM (city) USING 'cat' AS (a) FROM trips) SELECT * FROM t",
    "SELECT java_method('java.lang.System', 'getProperty', 'user.home')",
    "SELECT builtin.reflect('java.lang.System', 'getProperty', 'user.home')",
    "BEGIN SELECT 1; END",
    "EXECUTE IMMEDIATE 'SELECT 1'",
)
WRONG = (
    ("SELEC 1", "SELEC"),
    ("SELECT nope FROM trips", "nope"),
    ("SELECT * FROM absent", "absent"),
    ("SELECT CAST(city AS INTEGER) FROM trips", "Oslo"),
    ("SELECT ? FROM trips", "parameter"),
)


class EngineContract:
    """What every `Engine` keeps."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError("give a fixture `engine`")

    def test_sql_runs_over_an_arrow_table(self, engine: Engine) -> None:
        found = engine.query(
            "SELECT city, count(*) AS trips, sum(km) AS km FROM trips GROUP BY city ORDER BY city",
            tables={"trips": TRIPS},
        )
        assert found.to_pylist() == [
            {"city": "Lima", "trips": 1, "km": 2.0},
            {"city": "Oslo", "trips": 2, "km": 1.5},
        ]

    def test_parameters_are_values_and_not_text(self, engine: Engine) -> None:
        found = engine.query(
            "SELECT km FROM trips WHERE city = ? AND km < ?",
            tables={"trips": TRIPS},
            parameters=["Oslo", 9],
        )
        assert found.to_pylist() == [{"km": 1.5}]
        injected = engine.query(
            "SELECT * FROM trips WHERE city = ?",
            tables={"trips": TRIPS},
            parameters=["' OR 1=1 --"],
        )
        assert injected.num_rows == 0

    def test_parquet_files_are_joined_by_column_name(self, engine: Engine, tmp_path: Path) -> None:
        pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "1.parquet")
        pq.write_table(pa.table({"c": [0.5], "a": [2]}), tmp_path / "2.parquet")
        found = engine.query(
            "SELECT a, b, c FROM parts ORDER BY a",
            tables={"parts": [tmp_path / "1.parquet", str(tmp_path / "2.parquet")]},
        )
        assert found.to_pylist() == [
            {"a": 1, "b": "x", "c": None},
            {"a": 2, "b": None, "c": 0.5},
        ]

    def test_files_and_arrow_tables_are_joined(self, engine: Engine, tmp_path: Path) -> None:
        pq.write_table(TRIPS, tmp_path / "trips.parquet")
        cities = pa.table({"city": ["Oslo"], "country": ["NO"]})
        found = engine.query(
            "SELECT count(*) AS n FROM trips JOIN cities USING (city)",
            tables={"trips": [tmp_path / "trips.parquet"], "cities": cities},
        )
        assert found.to_pylist() == [{"n": 2}]

    @pytest.mark.parametrize(
        ("folder", "name"),
        [("it's", "trips"), ("a=1", "b=2"), ("[x] *?", "[y] *?"), ("ñ", "50%20 #1"),
         ("_a", "_trips"), (".b", ".trips")],
    )  # fmt: skip
    def test_a_file_lies_in_any_folder(
        self, engine: Engine, tmp_path: Path, folder: str, name: str
    ) -> None:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(TRIPS, path)
        found = engine.query("SELECT * FROM trips", tables={"trips": [path]})
        assert found.column_names == ["city", "km"]
        assert found.num_rows == 3

    @pytest.mark.parametrize("name", ["trips", "select", 'quo"te', "with space", "ñ"])
    def test_a_table_has_any_name(self, engine: Engine, tmp_path: Path, name: str) -> None:
        pq.write_table(TRIPS, tmp_path / "trips.parquet")
        quoted = name.replace('"', '""')
        sql = f'SELECT * FROM "{quoted}"'  # noqa: S608 - quoted
        assert engine.query(sql, tables={name: TRIPS}).num_rows == 3
        assert engine.query(sql, tables={name: [tmp_path / "trips.parquet"]}).num_rows == 3

    def test_a_stream_gives_the_same_rows_in_batches(self, engine: Engine) -> None:
        batches = list(
            engine.stream(
                "SELECT a FROM numbers WHERE a < ? ORDER BY a",
                tables={"numbers": pa.table({"a": range(30_000)})},
                parameters=[25_000],
                rows_per_batch=4_096,
            )
        )
        assert max(batch.num_rows for batch in batches) <= 4_096
        assert pa.Table.from_batches(batches)["a"].to_pylist() == list(range(25_000))

    def test_a_stream_may_be_left(self, engine: Engine) -> None:
        stream = engine.stream("SELECT * FROM trips", tables={"trips": TRIPS}, rows_per_batch=1)
        assert next(stream).num_rows == 1
        del stream
        assert engine.query("SELECT 1 AS one", tables={}).num_rows == 1

    def test_an_answer_is_written_to_parquet(self, engine: Engine, tmp_path: Path) -> None:
        path = tmp_path / "new folder" / "out.parquet"
        rows = engine.write_parquet(
            "SELECT city FROM trips WHERE km > ? ORDER BY city",
            tables={"trips": TRIPS},
            path=path,
            parameters=[1],
        )
        assert rows == 2
        assert pq.read_table(path).to_pylist() == [{"city": "Lima"}, {"city": "Oslo"}]

    def test_an_answer_that_fails_leaves_no_file(self, engine: Engine, tmp_path: Path) -> None:
        with pytest.raises(Invalid):
            engine.write_parquet(
                "SELECT CAST(city AS INTEGER) FROM trips",
                tables={"trips": TRIPS},
                path=tmp_path / "out.parquet",
            )
        assert list(tmp_path.iterdir()) == []

    def test_an_answer_without_rows_keeps_its_columns(self, engine: Engine, tmp_path: Path) -> None:
        sql = "SELECT * FROM trips WHERE km > 100"
        assert engine.query(sql, tables={"trips": TRIPS}).column_names == ["city", "km"]
        path = tmp_path / "out.parquet"
        assert engine.write_parquet(sql, tables={"trips": TRIPS}, path=path) == 0
        assert pq.read_table(path).column_names == ["city", "km"]

    @pytest.mark.parametrize("sql", FORBIDDEN)
    def test_a_statement_that_does_more_than_read_is_invalid(
        self, engine: Engine, sql: str
    ) -> None:
        with pytest.raises(Invalid):
            engine.query(sql, tables={"trips": TRIPS})

    @pytest.mark.parametrize(("sql", "named"), WRONG)
    def test_wrong_sql_is_invalid_in_the_engines_words(
        self, engine: Engine, sql: str, named: str
    ) -> None:
        with pytest.raises(Invalid, match=named):
            engine.query(sql, tables={"trips": TRIPS})
        with pytest.raises(Invalid, match=named):
            list(engine.stream(sql, tables={"trips": TRIPS}))

    @pytest.mark.parametrize(
        "reader", ["read_csv('{}')", "read_text('{}')", "read_parquet('{}')", "glob('{}')",
                   "'{}'", "parquet.`{}`", "csv.`{}`", "text.`{}`"],
    )  # fmt: skip
    @pytest.mark.parametrize("with_files", [False, True])
    def test_no_file_is_seen_that_was_not_given(
        self, engine: Engine, tmp_path: Path, reader: str, *, with_files: bool
    ) -> None:
        pq.write_table(TRIPS, tmp_path / "given.parquet")
        pq.write_table(TRIPS, tmp_path / "secret.parquet")
        given = [tmp_path / "given.parquet"] if with_files else TRIPS
        with pytest.raises(Invalid):
            engine.query(
                f"SELECT * FROM {reader.format(tmp_path / 'secret.parquet')}",  # noqa: S608 - a test
                tables={"trips": given},
            )

    def test_no_python_variable_is_seen(self, engine: Engine) -> None:
        hidden = TRIPS
        with pytest.raises(Invalid, match="hidden"):
            engine.query("SELECT * FROM hidden", tables={})
        assert hidden is TRIPS

    def test_two_calls_do_not_see_each_others_tables(self, engine: Engine) -> None:
        engine.query("SELECT * FROM trips", tables={"trips": TRIPS})
        with pytest.raises(Invalid, match="trips"):
            engine.query("SELECT * FROM trips", tables={})

    def test_a_missing_file_is_not_found(self, engine: Engine, tmp_path: Path) -> None:
        with pytest.raises(NotFound, match=r"gone\.parquet"):
            engine.query("SELECT * FROM trips", tables={"trips": [tmp_path / "gone.parquet"]})

    def test_a_file_that_is_not_parquet_is_invalid(self, engine: Engine, tmp_path: Path) -> None:
        (tmp_path / "text.parquet").write_text("a,b\n1,2\n")
        with pytest.raises(Invalid, match=r"table 'trips' cannot be read.*text\.parquet"):
            engine.query("SELECT * FROM trips", tables={"trips": [tmp_path / "text.parquet"]})

    def test_a_table_without_files_or_with_one_bare_path_is_invalid(self, engine: Engine) -> None:
        with pytest.raises(Invalid, match="has no files"):
            engine.query("SELECT * FROM trips", tables={"trips": []})
        with pytest.raises(Invalid, match="is one path"):
            engine.query("SELECT * FROM trips", tables={"trips": "trips.parquet"})

    def test_times_are_utc(self, engine: Engine) -> None:
        moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
        kind = {"duckdb": "TIMESTAMPTZ", "spark": "TIMESTAMP"}[engine.dialect]
        found = engine.query(
            f"SELECT seen, {kind} '2026-07-01 12:00:00' AS said, hour(seen) AS hours FROM t",  # noqa: S608 - a word of ours
            tables={"t": pa.table({"seen": [moment]})},
        )
        assert found.to_pylist() == [{"seen": moment, "said": moment, "hours": 12}]

    def test_threads_ask_at_the_same_moment(self, engine: Engine, tmp_path: Path) -> None:
        pq.write_table(TRIPS, tmp_path / "trips.parquet")

        def ask(number: int) -> int:
            table = pa.table({"a": [number] * 100})
            given = {"t": table, "trips": [tmp_path / "trips.parquet"] if number % 2 else TRIPS}
            found = engine.query("SELECT max(a) AS a, count(*) AS n FROM t, trips", tables=given)
            assert found["n"].to_pylist() == [300]
            return int(found["a"][0].as_py())

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(ask, range(24))) == list(range(24))
