from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bucle.base.codec import decode, encode
from bucle.drivers.engine import Engine, open_engine
from bucle.lifecycle.data import ColumnProfile, Profile, count_into, profile_table


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine("duckdb:?threads=2")


def column(profile: Profile, name: str) -> ColumnProfile:
    found = profile.column(name)
    assert found is not None
    return found


def test_a_number_has_its_figures_and_about_twenty_even_bins(engine: Engine) -> None:
    values = np.random.default_rng(7).normal(10, 2, 20_000)
    found = column(profile_table(engine, pa.table({"x": values})), "x")
    assert (found.kind, found.count, found.nulls) == ("number", 20_000, 0)
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean())
    assert found.std == pytest.approx(values.std(ddof=1))
    assert len(found.edges) == 21
    assert found.counts[0] == 200
    assert set(found.counts[2:-2]) == {1000}
    assert sum(found.counts) == 20_000


def test_bins_are_open_below_and_closed_above_as_numpy_counts_them(engine: Engine) -> None:
    values = np.random.default_rng(7).normal(size=5000)
    found = column(profile_table(engine, pa.table({"x": values})), "x")
    places = np.searchsorted(found.edges, values, side="left")
    assert list(found.counts) == list(np.bincount(places, minlength=len(found.edges) + 1))


def test_a_number_of_few_values_is_cut_at_each_of_them(engine: Engine) -> None:
    rare = pa.table({"x": [0] * 990 + [1] * 10})
    found = column(profile_table(engine, rare), "x")
    assert (found.edges, found.counts) == ((0.0, 1.0), (990, 10, 0))


def test_a_mass_of_zeros_does_not_hide_the_tail(engine: Engine) -> None:
    values = [0.0] * 99_000 + list(np.linspace(1, 100, 1000))
    assert len(column(profile_table(engine, pa.table({"x": values})), "x").edges) > 15


def test_what_is_no_number_is_no_value_and_infinities_fall_in_the_tails(engine: Engine) -> None:
    table = pa.table({"x": [1.0, 2.0, float("nan"), None, float("inf"), float("-inf")]})
    found = column(profile_table(engine, table), "x")
    assert (found.count, found.nulls, found.minimum, found.maximum) == (4, 2, 1.0, 2.0)
    assert (found.edges, found.counts) == ((1.0, 2.0), (2, 1, 1))


def test_categories_keep_the_most_frequent_values_and_count_the_rest(engine: Engine) -> None:
    table = pa.table({"c": ["a"] * 50 + ["b"] * 30 + [f"r{i}" for i in range(40)] + [None]})
    found = column(profile_table(engine, table), "c")
    assert (found.kind, found.top[:2], found.nulls) == ("category", (("a", 50), ("b", 30)), 1)
    assert found.other + sum(count for _, count in found.top) == 120


def test_booleans_dictionaries_and_times_have_their_kinds(engine: Engine) -> None:
    table = pa.table(
        {
            "b": [True, False, True],
            "d": pa.array(["x", "x", "y"]).dictionary_encode(),
            "t": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
        }
    )
    profile = profile_table(engine, table)
    assert [each.kind for each in profile.columns] == ["bool", "category", "time"]
    assert column(profile, "b").top == (("true", 2), ("false", 1))
    assert column(profile, "t").minimum == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_column_without_values_has_no_bins(engine: Engine) -> None:
    found = column(profile_table(engine, pa.table({"x": pa.nulls(3, pa.float64())})), "x")
    assert (found.count, found.nulls, found.edges, found.minimum) == (0, 3, (), None)


def test_the_same_table_counts_the_same_again(engine: Engine) -> None:
    table = pa.table({"x": np.arange(1000.0) ** 2, "c": ["a", "b"] * 500})
    profile = profile_table(engine, table)
    assert count_into(engine, profile, table) == profile


def test_another_window_is_counted_in_the_same_bins(engine: Engine) -> None:
    profile = profile_table(engine, pa.table({"x": [1, 2, 3, 4], "c": ["a", "a", "b", "b"]}))
    window = count_into(engine, profile, pa.table({"x": [4, 9, 0], "c": ["b", "new", None]}))
    assert column(window, "x").edges == column(profile, "x").edges
    assert column(window, "x").counts == (1, 0, 0, 1, 1)
    assert column(window, "c").top == (("a", 0), ("b", 1))
    assert (column(window, "c").other, column(window, "c").nulls) == (1, 1)
    assert column(window, "x").maximum == 9


def test_windows_add_up(engine: Engine) -> None:
    table = pa.table({"x": np.random.default_rng(1).normal(size=3000)})
    profile = profile_table(engine, table)
    parts = [count_into(engine, profile, table.slice(at, 1000)) for at in (0, 1000, 2000)]
    counts = [column(part, "x").counts for part in parts]
    assert tuple(map(sum, zip(*counts, strict=True))) == column(profile, "x").counts


def test_a_column_that_the_window_lacks_is_all_missing(engine: Engine) -> None:
    profile = profile_table(engine, pa.table({"x": [1, 2], "c": ["a", "b"]}))
    window = count_into(engine, profile, pa.table({"y": [1, 2, 3]}))
    assert (window.rows, column(window, "x").count, column(window, "x").nulls) == (3, 0, 3)
    assert column(window, "x").counts == (0, 0, 0)
    assert column(window, "c").top == (("a", 0), ("b", 0))


def test_an_empty_window_has_no_rows_and_is_no_error(engine: Engine) -> None:
    table = pa.table({"x": [1.5, 2.5], "c": ["a", "b"]})
    window = count_into(engine, profile_table(engine, table), table.slice(0, 0))
    assert window.rows == 0
    assert column(window, "x").counts == (0, 0, 0)


def test_parquet_files_are_profiled_as_the_table_they_are(engine: Engine, tmp_path: Path) -> None:
    table = pa.table({"x": range(1000), "c": ["a", "b"] * 500})
    pq.write_table(table.slice(0, 400), tmp_path / "1.parquet")
    pq.write_table(table.slice(400), tmp_path / "2.parquet")
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    assert profile_table(engine, files) == profile_table(engine, table)


def test_a_profile_survives_being_written_as_json(engine: Engine) -> None:
    table = pa.table({"x": [1.5, None, float("inf")], "c": ["a", "b", None]})
    profile = profile_table(engine, table)
    assert decode(encode(profile), Profile) == profile


def test_odd_names_and_values_are_quoted(engine: Engine) -> None:
    table = pa.table({"a \"b\" 'c'": ["it's", "it's", None], "select": [1, 2, 3]})
    profile = profile_table(engine, table)
    assert profile.columns[0].top == (("it's", 2),)
    assert count_into(engine, profile, table) == profile
