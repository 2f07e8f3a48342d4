"""Features on Spark: golden cases, ties over files, and statements of people."""

import os
import subprocess
import sys
from datetime import date, time
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.errors import Invalid
from bucle.drivers.engine import Engine
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from tests.support import spark
from tests.unit.lifecycle.features.golden import CASES, Golden
from tests.unit.lifecycle.features.golden.shapes import LATEST, rows, windows
from tests.unit.lifecycle.features.oracle import by_looking, in_micros, same_values
from tests.unit.lifecycle.features.test_golden import wanted_rows

pytestmark = pytest.mark.service


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spark_gives_the_golden_answers(spark_engine: Engine, case: Golden) -> None:
    keys = case.asked.select(list(case.view.entity.keys))
    entities = keys.append_column(AT, in_micros(case.asked["at"], up=False))
    found = features_at(spark_engine, case.view, case.source, entities, known=case.known)
    assert found.column_names == [EVENT, *case.view.features]
    for row, wanted in zip(found.drop_columns([EVENT]).to_pylist(), wanted_rows(case), strict=True):
        assert same_values(row, wanted)


def test_the_order_of_rows_holds_over_files_of_several_schemas(
    spark_engine: Engine, tmp_path: Path
) -> None:
    # The largest file is in the middle: Spark itself reads the largest first.
    paths, rows_before = [], 0
    for place, count in enumerate((40, 4_000, 7)):
        number = np.arange(rows_before, rows_before + count)
        at = pa.array(np.zeros(count, np.int64), pa.timestamp("ns" if place == 1 else "us", "UTC"))
        table = pa.table({"k": number % 5, "at": at, "v": number})
        paths.append(tmp_path / f"{place} %20.parquet")
        pq.write_table(
            table.append_column(f"only_{place}", pa.array(number)), paths[-1], row_group_size=500
        )
        rows_before += count
    asked = pa.table({"k": np.arange(6), AT: np.zeros(6, np.int64)})
    found = features_at(spark_engine, LATEST, paths, asked)
    last = [max(n for n in range(rows_before) if n % 5 == key) for key in range(5)]
    assert found["v"].to_pylist() == [*last, None]
    shaped = msgspec.structs.replace(
        LATEST, sql="SELECT k, `at`, 1 + v AS v FROM source WHERE v > 2"
    )
    found = features_at(spark_engine, shaped, paths, asked)
    assert found["v"].to_pylist() == [*(1 + value for value in last), None]


def test_times_of_files_in_nanoseconds_are_never_early(
    spark_engine: Engine, tmp_path: Path
) -> None:
    moments = pa.array([-2_001, -2_000, 0, 1, 1_000, 1_001, None], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"at": moments, "naive": moments.cast(pa.timestamp("ns"))}),
                   tmp_path / "t.parquet")  # fmt: skip
    found = spark_engine.query("SELECT * FROM t", tables={"t": [tmp_path / "t.parquet"]})
    assert found["at"].type == pa.timestamp("us", "UTC")
    for name in ("at", "naive"):
        assert found[name].cast(pa.int64()).to_pylist() == [-2, -2, 0, 1, 1, 2, None]


def test_sums_of_the_greatest_whole_numbers_lose_nothing_on_the_way(spark_engine: Engine) -> None:
    most = 2**63 - 1
    source = rows(*((1, -1, value) for value in (most, most, -most, -most + 7)), value=pa.int64())
    asked = pa.table({"k": [1], AT: in_micros(rows((1, 0, None))["at"], up=False)})
    view = windows(("sum", "1d"), ("mean", "1d"))
    (found,) = features_at(spark_engine, view, source, asked).to_pylist()
    assert (found["v_sum_1d"], found["v_mean_1d"]) == (7, 7 / 4)


def test_a_long_window_is_merged_and_never_subtracted(spark_engine: Engine) -> None:
    rng = np.random.default_rng(5)
    count = 3_000
    values = rng.normal(1e9, 1, count)
    values[::500] = 1e16
    at = np.sort(rng.integers(0, 10_000_000_000, count))
    source = pa.table({"k": np.zeros(count, np.int64), "at": at, "v": values})
    source = source.set_column(1, "at", source["at"].cast(pa.timestamp("us", "UTC")))
    view = windows(("sum", "30m"), ("mean", "30m"), ("std", "30m"), ("max", "30m"), ("last", "30m"))
    asked = pa.table({"k": np.zeros(50, np.int64), AT: rng.integers(0, 10_000_000_000, 50)})
    found = features_at(spark_engine, view, source, asked)
    moments = [pa.scalar(value, pa.timestamp("us", "UTC")) for value in asked[AT].to_pylist()]
    wanted = by_looking(view, source, asked.append_column("at", pa.array(moments)), known=True)
    for row, right in zip(found.drop_columns([EVENT]).to_pylist(), wanted, strict=True):
        assert same_values(row, right)


def test_tables_of_any_type_are_taken_as_spark_has_it(spark_engine: Engine, tmp_path: Path) -> None:
    day = date(2026, 1, 2)
    columns = {
        "tiny": pa.array([255], pa.uint8()), "wide": pa.array([2**64 - 1], pa.uint64()),
        "half": pa.array([np.float16(0.5)]), "text": pa.array(["é"], pa.large_string()),
        "word": pa.array(["a"]).dictionary_encode(), "day": pa.array([day], pa.date64()),
        "clock": pa.array([time(1, 2, 3)], pa.time32("s")),
        "bytes": pa.array([b"ab"], pa.binary(2)),
        "list": pa.array([[1, None]], pa.large_list(pa.uint16())),
        "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        "pair": pa.array([{"a": 1, "b": None}]),
        "price": pa.array([Decimal("1.20")]), "nothing": pa.nulls(1),
    }  # fmt: skip
    table = pa.table(columns)
    wanted = table.to_pylist()[0] | {"map": [("a", 1)]}
    (found,) = spark_engine.query("SELECT * FROM t", tables={"t": table}).to_pylist()
    assert found == wanted
    # Spark reads no halves and no times in milliseconds from files; nothing is not written there.
    not_there = {"nothing", "half", "clock"}
    pq.write_table(table.drop_columns([*not_there]), tmp_path / "t.parquet")
    (found,) = spark_engine.query(
        "SELECT * FROM t", tables={"t": [tmp_path / "t.parquet"]}
    ).to_pylist()
    assert found == {name: wanted[name] for name in wanted if name not in not_there}
    huge = pa.table({"v": pa.array([Decimal(1)], pa.decimal256(50, 0))})
    with pytest.raises(Invalid, match=r"'v' is decimal256\(50, 0\), which Spark has not"):
        spark_engine.query("SELECT * FROM t", tables={"t": huge})


def test_spark_stops_with_the_last_engine_and_starts_again_also_when_it_was_killed() -> None:
    spark.require()
    program = f"""
from bucle.base.errors import Invalid
from bucle.drivers.engine import open_engine
from pyspark import SparkContext
first, second, other = (open_engine(url) for url in ({spark.URL!r}, {spark.URL!r}, "spark://local[2]"))
ask = lambda engine: engine.query("SELECT 1 AS a", tables={{}}).to_pylist()
assert ask(first) == ask(second) == [{{"a": 1}}]
try: ask(other)
except Invalid as error: print(error)
first.close()
assert ask(second) == [{{"a": 1}}]
second.close()
assert SparkContext._active_spark_context is None
assert ask(other) == [{{"a": 1}}]
SparkContext._gateway.proc.kill()
SparkContext._gateway.proc.wait()
assert ask(other) == [{{"a": 1}}]
other.close()
"""
    environ = os.environ | spark.QUICK_JAVA
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environ
    )
    assert done.returncode == 0, done.stderr
    assert "a Spark on local[1] runs in this process already" in done.stdout
