"""One tale of rentals, told with features computed by DuckDB and by Spark: the same numbers."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from bucle.governance.session import House
from bucle.lifecycle.data import commit_table
from bucle.lifecycle.features import (
    Aggregation,
    Entity,
    FeatureView,
    ParitySpec,
    check_parity,
    inputs_of,
    materialize,
    online_view,
    read_online,
    register_view,
    training_set,
    write_training_set,
)
from bucle.testing.houses import open_test_house
from tests.support import spark
from tests.unit.lifecycle.features.oracle import same_values

START = datetime(2026, 1, 1, tzinfo=UTC)
UTC_US = pa.timestamp("us", "UTC")
STATIONS = (1, 2, 3, 2**53 + 1)
FIGURES = ("count", "sum", "mean", "std", "min", "max", "last")
LATELY = FeatureView(
    name="lately",
    entity=Entity(name="station", keys=("station",)),
    source="rentals",
    time="at",
    columns=("bikes", "weather"),
    aggregations=tuple(
        Aggregation(function=function, column="bikes", window=window)  # type: ignore[arg-type]
        for function in FIGURES for window in ("6h", "2d")
    ),
    ttl="3d",
    delay="10m",
    owner="ana",
    description="what a station rented out lately",
)  # fmt: skip
CORRECTED = msgspec.structs.replace(
    LATELY, name="corrected", created="known", ttl="", delay="",
    columns=("price",),
    aggregations=(Aggregation(function="std", column="price", window="1d"),
                  Aggregation(function="last", column="price", window="1d")),
)  # fmt: skip
SHAPED = msgspec.structs.replace(
    LATELY, name="shaped", columns=("double_price",), aggregations=(), ttl="",
    sql="SELECT station, known, at, 2 * price AS double_price FROM source WHERE price > 2",
)  # fmt: skip


def rentals(count: int, seed: int) -> pa.Table:
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        at = START + timedelta(minutes=10 * rng.randrange(6 * 24 * 6))
        rows.append(
            {
                "station": rng.choice(STATIONS),
                "at": at,
                "bikes": rng.choice([None, 0, 3, 5, 8]),
                "weather": rng.choice(["sun", "rain", None]),
                "price": 1e6 + rng.randrange(4),
                "known": at + timedelta(hours=rng.randrange(30)),
            }
        )
    kinds = [pa.int64(), UTC_US, pa.int64(), pa.string(), pa.float64(), UTC_US]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(rows[0], kinds, strict=True))))


def tell(house: House) -> dict[str, Any]:
    """Commit, register, train, materialize, read, commit more, and compare."""
    session, told = house.session(), {}
    quoted = '"at"' if house.drivers.offline.dialect == "duckdb" else "at"
    shaped = msgspec.structs.replace(SHAPED, sql=SHAPED.sql.replace(" at,", f" {quoted},"))
    commit_table(session, "rentals", rentals(400, 1))
    with session.begin() as scope:
        registered = [register_view(scope, view) for view in (LATELY, CORRECTED, shaped)]
    rng = random.Random(2)
    asked = pa.Table.from_pylist(
        [{"station": rng.choice([*STATIONS, 9, None]), "label": place % 2,
          "at": START + timedelta(minutes=10 * rng.randrange(-9, 7 * 24 * 6))}
         for place in range(120)],
        schema=pa.schema([("station", pa.int64()), ("label", pa.int64()), ("at", UTC_US)]),
    )  # fmt: skip
    views = [each.ref for each in registered]
    made = training_set(session, asked, views)
    told["types"], told["training"] = made.schema.types, made.to_pylist()
    told["inputs"] = [str(ref) for ref in inputs_of(made)]
    told["as known today"] = training_set(session, asked, [CORRECTED], known=False).to_pylist()
    path = house.drivers.settings.home_path / "made.parquet"
    write_training_set(session, ds.dataset(asked).scanner().to_reader(), views, path)
    written = pq.read_table(path)
    assert written.schema.types == made.schema.types
    told["written"] = written.to_pylist()
    for days in (5, 6):
        until = START + timedelta(days=days)
        for each in registered:
            done = materialize(session, each.ref, until)
            view = online_view(each.view, each.ref, session.project)
            rows = read_online(house.drivers.online, view, [(key,) for key in STATIONS], until)
            told[f"{each.view.name} {days}"] = [{"rows": done.rows}, *rows]
        commit_table(session, "rentals", rentals(60, days), mode="append")
    found = check_parity(session, registered[0].ref, ParitySpec(entities=4, moments=2))
    assert found.ok, [verdict for verdict in found.verdicts if not verdict.ok]
    told["parity"] = [
        {"path": path.path, "moments": path.moments, "rows": path.rows} for path in found.paths
    ]
    return told


@pytest.mark.service
def test_rentals_are_the_same_with_duckdb_and_with_spark(spark_engine, tmp_path) -> None:
    told = {}
    for name, url in (("duckdb", "duckdb:?memory=1GB&threads=1"), ("spark", spark.URL)):
        house = open_test_house(tmp_path / name, engine_url=url)
        told[name] = tell(house)
        house.close()
    wanted, found = told["duckdb"], told["spark"]
    assert found.keys() == wanted.keys()
    assert (found.pop("types"), found.pop("inputs")) == (wanted.pop("types"), wanted.pop("inputs"))
    for step, rows in wanted.items():
        for row, right in zip(found[step], rows, strict=True):
            assert same_values(row, right), step
