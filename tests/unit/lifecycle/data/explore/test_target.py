"""Which columns know too much of the target, against scikit-learn where there is one."""

import numpy as np
import pyarrow as pa
import pytest

from bucle.lifecycle.data.explore.sample import Sample, sample_of
from bucle.lifecycle.data.explore.target import auc, bins_of, facts_of, goal_of, leaks_of
from bucle.lifecycle.data.records import ColumnProfile

RNG = np.random.default_rng(11)
ROWS = 2_000


def drawn(**columns: object) -> Sample:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    kinds = {
        field.name: "category" if pa.types.is_string(field.type) or pa.types.is_boolean(field.type)
        else "number"
        for field in table.schema
    }  # fmt: skip
    strings = table.cast(pa.schema([
        (name, pa.string() if kind == "category" else pa.float64()) for name, kind in kinds.items()
    ]))  # fmt: skip
    return sample_of(strings, kinds)


def profile(name: str, kind: str, **more: object) -> ColumnProfile:
    return ColumnProfile(name=name, kind=kind, count=ROWS, nulls=0, distinct=2, **more)  # type: ignore[arg-type]


def leaks(sample: Sample, target: str, kind: str = "number") -> dict[str, object]:
    goal = goal_of(profile(target, kind), sample)
    names = [*sample.numbers, *sample.categories]
    return {leak.column: leak for leak in leaks_of(sample, goal, names, target)}


def test_auc_is_scikit_learns_also_with_ties() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="no scikit-learn to compare with")
    guessed = RNG.integers(0, 30, 700).astype(float)
    is_it = (RNG.random(700) < guessed / 60).astype(float)
    assert auc(guessed, is_it) == pytest.approx(metrics.roc_auc_score(is_it, guessed), abs=1e-12)


def test_a_column_that_was_filled_in_afterwards_knows_the_class() -> None:
    churned = RNG.integers(0, 2, ROWS)
    found = leaks(
        drawn(churned=churned, refund=np.where(churned == 1, RNG.normal(50, 5, ROWS), 0.0),
              age=RNG.normal(40, 10, ROWS)),
        "churned",
    )  # fmt: skip
    assert found["refund"].value > 0.99
    assert 0.45 < found["age"].value < 0.55
    assert next(iter(found)) == "refund"


def test_a_column_of_ids_knows_nothing_of_rows_it_was_not_fitted_to() -> None:
    churned = RNG.integers(0, 2, ROWS)
    found = leaks(drawn(churned=churned, who=[f"c{n}" for n in range(ROWS)]), "churned")
    assert found["who"].value == 0.5


def test_that_a_value_is_missing_can_be_what_leaks() -> None:
    closed = RNG.integers(0, 2, ROWS)
    reason = [None if not one else RNG.choice(["a", "b"]) for one in closed]
    found = leaks(drawn(closed=closed, reason=reason), "closed")
    assert found["reason"].value == 1.0


def test_a_copy_of_a_rare_class_is_one_and_a_column_of_zeros_is_none() -> None:
    fraud = (np.arange(ROWS) % 100 == 0).astype(int)
    found = leaks(drawn(fraud=fraud, copy=fraud, nothing=np.zeros(ROWS)), "fraud")
    assert found["copy"].equal_share == 1.0
    assert found["nothing"].equal_share == 0.0  # and yet 99% of its rows are the same


def test_a_value_that_only_one_class_has_decides_it() -> None:
    failed = (np.arange(ROWS) % 20 == 0).astype(int)
    overheated = (np.arange(ROWS) % 60 == 0).astype(int)
    found = leaks(drawn(failed=failed, overheated=overheated), "failed")
    assert found["overheated"].decides == pytest.approx(0.34, abs=0.01)
    assert found["overheated"].decided == "1"


def test_r2_of_a_quantity_is_of_rows_that_the_bins_were_not_fitted_to() -> None:
    x = RNG.normal(size=ROWS)
    found = leaks(drawn(y=3 * x + RNG.normal(size=ROWS) * 0.1, x=x, z=RNG.normal(size=ROWS)), "y")
    assert found["x"].measure == "r2"
    assert found["x"].value > 0.95
    assert found["z"].value < 0.02


def test_several_classes_are_each_told_from_the_rest() -> None:
    kind = RNG.choice(["a", "b", "c"], ROWS)
    hint = np.where(kind == "a", 1.0, 0.0)
    found = leaks(drawn(kind=kind, hint=hint), "kind", "category")
    assert 0.8 < found["hint"].value < 0.9  # a: 1; b and c: 0.75


def test_a_target_of_one_value_has_no_leaks() -> None:
    assert leaks(drawn(y=np.ones(ROWS), x=RNG.normal(size=ROWS)), "y") == {}


def test_bins_are_quantiles_and_a_missing_value_has_its_own() -> None:
    sample = drawn(x=[None, *map(float, range(999))])
    bins = bins_of(sample, "x")
    assert bins[0] == 0
    assert np.bincount(bins).tolist()[1:] == pytest.approx([20] * 50, abs=1)


def test_classes_are_counted_in_all_rows_and_a_quantity_has_none() -> None:
    sample = drawn(y=[0.0, 1.0] * 500, price=RNG.normal(size=1_000))
    counted = profile("y", "number", edges=(0.0, 1.0), counts=(900, 100, 0))
    facts, _ = facts_of(counted, sample)
    assert [(one.value, one.rows) for one in facts.classes] == [("0", 900), ("1", 100)]
    assert facts_of(profile("price", "number"), sample)[0].task == "regression"
