"""Correlations and associations, against scipy, pandas and figures worked out by hand."""

import numpy as np
import pyarrow as pa
import pytest

from bucle.lifecycle.data.explore.relations import (
    correlation_ratio,
    cramers_v,
    missing_patterns,
    pairs_of,
    pearson,
    ranks,
)
from bucle.lifecycle.data.explore.sample import Coded, coded, folded, sample_of

RNG = np.random.default_rng(7)


def category(*values: str | None) -> Coded:
    return coded(pa.chunked_array([pa.array(values, pa.string())]))


def test_pearson_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats", reason="no scipy to compare with")
    one, other = RNG.normal(1e9, 1.0, 400), RNG.normal(size=400)
    other += 0.5 * (one - 1e9)
    found, rows = pearson(np.column_stack([one, other]))
    assert found[0, 1] == pytest.approx(stats.pearsonr(one, other).statistic, abs=1e-9)
    assert rows[0, 1] == 400


def test_pearson_of_columns_with_missing_values_is_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="no pandas to compare with")
    values = RNG.normal(size=(300, 4))
    values[:, 3] += values[:, 0]
    values[RNG.random(values.shape) < 0.2] = np.nan
    found, _ = pearson(values)
    expected = pandas.DataFrame(values).corr().to_numpy()
    assert np.allclose(found, expected, atol=1e-12)


def test_spearman_with_ties_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats", reason="no scipy to compare with")
    one, other = RNG.integers(0, 9, 500).astype(float), RNG.integers(0, 5, 500).astype(float)
    other += one
    assert np.array_equal(ranks(one), stats.rankdata(one))
    found, _ = pearson(np.column_stack([ranks(one), ranks(other)]))
    assert found[0, 1] == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)


def test_a_column_that_does_not_vary_has_no_correlation() -> None:
    found, _ = pearson(np.column_stack([np.full(50, 3.0), RNG.normal(size=50)]))
    assert np.isnan(found[0, 1])


def test_cramers_v_is_bergsmas() -> None:
    # By hand: cells 20 5 / 5 20, n = 50: phi2 = 0.36; less 1/49, over 2 - 1/49 - 1.
    one = category(*["a"] * 25, *["b"] * 25)
    other = category(*["x"] * 20, *["y"] * 5, *["x"] * 5, *["y"] * 20)
    expected = ((0.36 - 1 / 49) / (2 - 1 / 49 - 1)) ** 0.5
    assert cramers_v(one, other) == (pytest.approx(expected, abs=1e-9), 50)


def test_cramers_v_before_its_correction_is_scipys() -> None:
    contingency = pytest.importorskip("scipy.stats.contingency", reason="no scipy")
    rows, columns = RNG.integers(0, 4, 900), RNG.integers(0, 3, 900)
    columns = np.where(RNG.random(900) < 0.5, rows % 3, columns)
    table = np.zeros((4, 3), int)
    np.add.at(table, (rows, columns), 1)
    plain = contingency.association(table, method="cramer")
    phi2 = plain**2 * 2 - 3 * 2 / 899
    expected = (phi2 / min(3 - 4 / 899 - 1, 4 - 9 / 899 - 1)) ** 0.5
    one = Coded(rows, ("a", "b", "c", "d"))
    assert cramers_v(one, Coded(columns, ("x", "y", "z")))[0] == pytest.approx(expected, abs=1e-8)


def test_categories_that_have_nothing_to_do_with_each_other_have_no_association() -> None:
    one = Coded(RNG.integers(0, 40, 2_000), tuple(map(str, range(40))))
    other = Coded(RNG.integers(0, 40, 2_000), tuple(map(str, range(40))))
    assert cramers_v(one, other)[0] < 0.06  # without its correction, V is 0.14


def test_the_correlation_ratio_is_the_share_between_groups() -> None:
    # By hand: groups (1, 3) and (7, 9): between 36, within 4.
    found = correlation_ratio(category("a", "a", "b", "b"), np.array([1.0, 3.0, 7.0, 9.0]))
    assert found == (pytest.approx((36 / 40) ** 0.5, abs=1e-9), 4)


def test_a_missing_value_is_in_no_pair() -> None:
    one = category("a", None, "b", "b", "a", "b")
    assert cramers_v(one, category("x", "x", "y", None, "x", "y"))[1] == 4
    assert correlation_ratio(one, np.array([1.0, 2.0, np.nan, 4.0, 1.0, 4.0])) == (1.0, 4)


def test_rare_values_are_put_together() -> None:
    many = category(*["a"] * 5, *["b"] * 3, "c", "d", None)
    few = folded(many, 3)
    assert few.labels == ("a", "b", "…")
    assert np.bincount(few.codes[few.codes >= 0]).tolist() == [5, 3, 2]
    assert few.codes[-1] == -1


def test_pairs_of_every_two_kinds_are_found_the_strongest_first() -> None:
    x = RNG.normal(size=200)
    table = pa.table({
        "x": x, "twice": 2 * x, "noise": RNG.normal(size=200),
        "sign": np.where(x > 0, "up", "down"), "word": RNG.choice(["a", "b"], 200),
    })  # fmt: skip
    kinds = {"x": "number", "twice": "number", "noise": "number", "sign": "category",
             "word": "category"}  # fmt: skip
    pairs = pairs_of(sample_of(table, kinds), list(kinds))
    assert (pairs[0].left, pairs[0].right, pairs[0].measure) == ("x", "twice", "rank")
    assert (pairs[0].value, pairs[0].pearson) == (1.0, 1.0)
    assert {pair.measure for pair in pairs} == {"rank", "v", "ratio"}
    assert len(pairs) == 10


def test_columns_that_are_missing_together_are_one_pattern() -> None:
    table = pa.table({"a": [1.0, None, None, 4.0], "b": ["x", None, None, "y"],
                      "c": [1.0, 2.0, 3.0, None], "d": [1.0, 2.0, 3.0, 4.0]})  # fmt: skip
    kinds = {"a": "number", "b": "category", "c": "number", "d": "number"}
    found = [(one.columns, one.share) for one in missing_patterns(sample_of(table, kinds))]
    assert sorted(found) == [((), 0.25), (("a", "b"), 0.5), (("c",), 0.25)]
    assert found[0][0] == ("a", "b")
