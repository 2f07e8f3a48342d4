"""What is known of written rows says what a scan of them says, or nothing."""

import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucle.base.errors import Refused
from bucle.drivers.blobs.file import FileBlobs
from bucle.drivers.engine import Engine, open_engine
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    check_table,
    check_version,
    commit_table,
    declare,
)
from bucle.lifecycle.data.against import Against
from bucle.lifecycle.data.known import Brought, Known, known_of
from bucle.lifecycle.data.parquet import looked_at

NOW = datetime(2026, 11, 28, tzinfo=UTC)
NAN = float("nan")
SPEC = DatasetSpec(
    name="trips",
    key=("id",),
    expectations=(
        Expectation(column="fare", not_null=True, min=0, max=10.5),
        Expectation(column="count", not_null=True, min=-1, max=3, unique=True),
        Expectation(column="at", not_null=True, min="2026-01-01", unique=True),
        Expectation(column="city", not_null=True, unique=True),
        Expectation(min_rows=3, max_rows=11),
    ),
)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 12)),
        st.one_of(st.none(), st.sampled_from([NAN, -0.0, -1.0, 5.0, 10.5, float("inf")])),
        st.one_of(st.none(), st.integers(-2, 4)),
        st.one_of(st.none(), st.integers(0, 3)),
        st.one_of(st.none(), st.sampled_from(["", "Ulm", "Bonn", "Ωmega", "\U0001f600"])),
    ),
    min_size=1,
    max_size=13,
)
SCHEMA = pa.schema([
    ("id", pa.int64()), ("fare", pa.float64()), ("count", pa.int64()),
    ("at", pa.timestamp("us", "UTC")), ("city", pa.string()),
])  # fmt: skip


@cache
def shared_engine() -> Engine:
    return open_engine("duckdb:")


def known(table: pa.Table, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Known:
    monkeypatch.setattr(sys.modules["bucle.lifecycle.data.parquet"], "ROWS_PER_FILE", 4)
    blobs = FileBlobs(folder / "blobs")
    written = list(looked_at(blobs, table.to_batches(), table.schema, folder=folder))
    seen = {file.digest: each for file, each in written}
    found = known_of(Brought(schema=table.schema, seen=seen), [file for file, _ in written])
    assert found is not None
    return found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, rising=st.booleans())
def test_the_verdicts_are_those_of_a_scan(rows, rising, tmp_path, monkeypatch):
    if rising:
        rows = [(place, *row[1:]) for place, row in enumerate(rows)]
    columns = list(map(list, zip(*rows, strict=True)))
    columns[3] = [at if at is None else NOW.replace(day=at + 1) for at in columns[3]]
    table = pa.table(columns, schema=SCHEMA)
    types = {field.name: field.type for field in SCHEMA}
    engine = shared_engine()
    against = Against(known=known(table, tmp_path, monkeypatch))
    asked = check_table(engine, table, spec=SPEC, types=types, now=NOW)
    told = check_table(engine, table, spec=SPEC, types=types, now=NOW, against=against)
    assert told == asked


def test_a_key_that_rises_within_each_file_only_proves_nothing(tmp_path, monkeypatch):
    table = pa.table({"id": [1, 2, 3, 4, 4, 5]})
    assert known(table, tmp_path, monkeypatch).figure(None, ("id",)) is None


def test_of_a_key_of_two_columns_one_that_rises_is_enough(tmp_path, monkeypatch):
    table = pa.table({"day": [1] * 6, "id": range(6)})
    assert known(table, tmp_path, monkeypatch).figure(None, ("day", "id")) == 0


def test_a_commit_whose_rows_prove_everything_asks_no_engine(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = (Expectation(column="fare", not_null=True, min=0), Expectation(min_rows=1))
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",), expectations=expected))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the engine was asked")

    monkeypatch.setattr(type(session.drivers.engine), "query", never)
    rows = pa.table({"id": range(5), "fare": [1.0, 2.0, 3.0, 4.0, 5.0]})
    commit_table(session, "trips", rows)
    more = pa.table({"id": range(5, 9), "fare": [1.0, 2.0, 3.0, 4.0]})
    made = commit_table(session, "trips", more, mode="append")
    monkeypatch.undo()
    assert made.verdicts == check_version(session, "trips").verdicts


def test_a_repeated_key_is_found_although_the_other_columns_are_proven(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", key=("id",)))
    with pytest.raises(Refused, match="1 keys have several rows"):
        commit_table(session, "trips", pa.table({"id": [1, 2, 2]}))
