"""Figures keep their digits: near numbers that are large, and large ones that are elsewhere."""

import math
import statistics
from collections.abc import Iterator
from fractions import Fraction

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucle.drivers.engine import Engine, open_engine
from bucle.lifecycle.features import Aggregation
from bucle.lifecycle.features.compute import AT, features_at
from tests.unit.lifecycle.features.golden.shapes import LATEST, UTC_US

SECOND = 1_000_000
FIGURES = msgspec.structs.replace(
    LATEST,
    columns=(),
    aggregations=tuple(
        Aggregation(function=function, column="v", window="10s", name=function)  # type: ignore[arg-type]
        for function in ("count", "sum", "mean", "std", "min", "max", "last")
    ),
)
KNOWN = msgspec.structs.replace(FIGURES, created="created")
EITHER = pytest.mark.parametrize("view", [FIGURES, KNOWN], ids=["by time", "by what was known"])


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb:?memory=1GB&threads=2")
    yield engine
    engine.close()


def figures(
    engine: Engine, view: object, rows: list[tuple[int, float]], moment: int
) -> dict[str, float | None]:
    """Return the figures of one key at a second, from rows of (second, value)."""
    seconds, values = zip(*rows, strict=True) if rows else ((), ())
    times = pa.array([second * SECOND for second in seconds], UTC_US)
    source = pa.table(
        {
            "k": pa.array([1] * len(rows), pa.int64()),
            "at": times,
            "v": pa.array(values, pa.float64()),
            "created": times,
        }
    )
    asked = pa.table({"k": [1], AT: pa.array([moment * SECOND], pa.int64())})
    (found,) = features_at(engine, view, source, asked).to_pylist()  # type: ignore[arg-type]
    return found


@EITHER
@settings(max_examples=40, deadline=None)
@given(
    offset=st.sampled_from([0.0, 1.0, 1e6, 1e9, -1e9, 1e12]),
    steps=st.lists(st.integers(-1000, 1000), min_size=2, max_size=9),
)
def test_a_deviation_does_not_depend_on_where_the_numbers_lie(
    engine: Engine, view: object, offset: float, steps: list[int]
) -> None:
    values = [offset + step for step in steps]  # exact: far below 2^53
    found = figures(engine, view, list(enumerate(values)), len(values) - 1)
    exact = [Fraction(value) for value in values]
    assert math.isclose(found["mean"] or 0.0, statistics.mean(exact), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(found["sum"] or 0.0, sum(exact), rel_tol=1e-12, abs_tol=1e-12)
    assert math.isclose(
        found["std"] or 0.0, math.sqrt(statistics.variance(exact)),
        rel_tol=1e-3 if offset == 1e12 else 1e-6, abs_tol=1e-9,
    )  # fmt: skip


@EITHER
@settings(max_examples=40, deadline=None)
@given(
    inside=st.lists(st.tuples(st.integers(11, 20), st.floats(-1000, 1000)), min_size=1, max_size=9),
    outside=st.lists(
        st.tuples(
            st.integers(-20, 10) | st.integers(21, 40),
            st.sampled_from([1e16, -1e16, 1e308, math.inf, -math.inf, math.nan]),
        ),
        max_size=9,
    ),
)
def test_what_is_outside_of_a_window_leaves_no_trace(
    engine: Engine,
    view: object,
    inside: list[tuple[int, float]],
    outside: list[tuple[int, float]],
) -> None:
    # The window of second 20 holds the seconds 11 to 20.
    alone = figures(engine, view, inside, 20)
    for rows in (outside + inside, inside + outside):
        for name, figure in figures(engine, view, rows, 20).items():
            wanted = alone[name]
            assert figure == wanted or (
                figure is not None
                and wanted is not None
                and math.isclose(figure, wanted, rel_tol=1e-9, abs_tol=1e-9)
            )


@EITHER
def test_one_two_and_three_above_a_thousand_million_deviate_by_one(
    engine: Engine, view: object
) -> None:
    rows = [(1, 1e9 + 1), (2, 1e9 + 2), (3, 1e9 + 3)]
    assert figures(engine, view, rows, 3)["std"] == 1.0


@EITHER
def test_a_huge_number_is_gone_once_it_left(engine: Engine, view: object) -> None:
    rows = [(0, 1e16), (5, 1.0), (8, 2.0), (9, 3.0)]
    assert math.isclose(figures(engine, view, rows, 9)["sum"] or 0.0, 1e16, rel_tol=1e-15)
    left = figures(engine, view, rows, 10)
    assert (left["sum"], left["mean"], left["std"], left["max"]) == (6.0, 2.0, 1.0, 3.0)
