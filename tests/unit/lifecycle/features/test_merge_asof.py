"""Random tables against `pandas.merge_asof`, and against looking at every row."""

from collections.abc import Iterator

import msgspec
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucle.drivers.engine import Engine, open_engine
from bucle.lifecycle.features import Aggregation
from bucle.lifecycle.features.compute import AT, EVENT, features_at
from tests.unit.lifecycle.features.golden.shapes import LATEST, UTC_US
from tests.unit.lifecycle.features.oracle import by_looking, same_values

KEYS = st.sampled_from([1, 2, 2**53, 2**53 + 1])
# Few moments near each other, so that ties, edges and gaps are common.
TIMES = st.integers(-20, 20)
VALUES = st.none() | st.integers(-(2**62), 2**62)
ROWS = st.lists(st.tuples(KEYS, TIMES, VALUES, st.none() | TIMES), max_size=30)
ASKED = st.lists(st.tuples(KEYS | st.none(), TIMES), max_size=20)
FIGURES = st.lists(
    st.tuples(
        st.sampled_from(["count", "mean", "std", "min", "max", "last"]),
        st.integers(1, 15),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=4,
    unique=True,
)
SECOND = 1_000_000


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb:?memory=1GB&threads=2")
    yield engine
    engine.close()


def source_of(rows: list[tuple[int, int, int | None, int | None]]) -> pa.Table:
    keys, times, values, created = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "k": pa.array(keys, pa.int64()),
            "at": pa.array([time * SECOND for time in times], UTC_US),
            "v": pa.array(values, pa.int64()),
            "created": pa.array([c if c is None else c * SECOND for c in created], UTC_US),
        }
    )


def asked_of(asked: list[tuple[int | None, int]]) -> pa.Table:
    keys, times = zip(*asked, strict=True) if asked else ((), ())
    moments = pa.array([time * SECOND for time in times], pa.int64())
    return pa.table({"k": pa.array(keys, pa.int64()), AT: moments})


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, asked=ASKED, ttl=st.none() | st.integers(1, 12))
def test_the_latest_values_are_those_of_merge_asof(
    engine: Engine,
    rows: list[tuple[int, int, int | None, int | None]],
    asked: list[tuple[int | None, int]],
    ttl: int | None,
) -> None:
    view = msgspec.structs.replace(LATEST, ttl=f"{ttl}s" if ttl else "")
    found = features_at(engine, view, source_of(rows), asked_of(asked))
    left = pd.DataFrame(
        {
            "place": range(len(asked)),
            "k": pd.array([key for key, _ in asked], dtype="Int64"),
            "at": [time for _, time in asked],
        }
    ).astype({"at": "int64"})
    right = pd.DataFrame(
        {
            "k": pd.array([row[0] for row in rows], dtype="Int64"),
            "at": [row[1] for row in rows],
            "v": pd.array([row[2] for row in rows], dtype="Int64"),
        }
    ).astype({"at": "int64"})
    # pandas joins null keys with each other, and takes no null key on the left of a sort.
    joined = pd.merge_asof(
        left.dropna(subset="k").sort_values("at", kind="stable"),
        right.sort_values("at", kind="stable"),
        on="at", by="k", tolerance=ttl,
    )  # fmt: skip
    wanted = dict(zip(joined["place"], joined["v"], strict=True))
    for place, value in enumerate(found["v"].to_pylist()):
        assert value == (None if pd.isna(wanted.get(place, pd.NA)) else int(wanted[place]))


@settings(max_examples=60, deadline=None)
@given(
    rows=ROWS, asked=ASKED, figures=FIGURES, delay=st.integers(0, 5),
    switch=st.sampled_from(["nothing is said", "as was known", "as is known today"]),
)  # fmt: skip
def test_columns_and_windows_are_those_of_looking_at_every_row(
    engine: Engine,
    rows: list[tuple[int, int, int | None, int | None]],
    asked: list[tuple[int | None, int]],
    figures: list[tuple[str, int, int]],
    delay: int,
    switch: str,
) -> None:
    view = msgspec.structs.replace(
        LATEST,
        created="" if switch == "nothing is said" else "created",
        delay=f"{delay}s" if delay else "",
        aggregations=tuple(
            Aggregation(
                function=function, column="v", window=f"{window}s",  # type: ignore[arg-type]
                delay=f"{late}s" if late else "", name=f"f{place}",
            )
            for place, (function, window, late) in enumerate(figures)
        ),
    )  # fmt: skip
    small = [(key, time, None if v is None else v % 1000, c) for key, time, v, c in rows]
    known = switch != "as is known today"
    source, entities = source_of(small), asked_of(asked)
    found = features_at(engine, view, source, entities, known=known)
    wanted = by_looking(
        view, source, entities.append_column("at", entities[AT].cast(UTC_US)), known=known
    )
    for row, right in zip(found.drop_columns([EVENT]).to_pylist(), wanted, strict=True):
        assert same_values(row, right)
