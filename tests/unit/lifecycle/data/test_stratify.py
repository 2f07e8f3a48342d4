"""Each part has each class in its share, rows stay where they were, and leaks are told."""

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid
from bucle.governance.session import Session
from bucle.lifecycle.data import (
    PARTS,
    DatasetSpec,
    SplitSpec,
    commit_table,
    declare,
    split,
)
from bucle.lifecycle.data.leak import check_split
from bucle.lifecycle.data.split import PART, parted
from bucle.lifecycle.data.stratify import quotas, strata_parts

SPEC = SplitSpec(name="s", stratify=("label",))


def cases(rows: int, *, start: int = 0, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed + start)
    return pa.table(
        {
            "id": np.arange(start, start + rows),
            "label": rng.choice(["common", "rare"], rows, p=[0.95, 0.05]),
            "group": [f"g{n % 50}" for n in range(start, start + rows)],
        }
    )


def assigned(table: pa.Table, spec: SplitSpec = SPEC, **more: object) -> dict[int, int]:
    parts, _ = strata_parts(spec, table, ("id",), more.get("before", {}))  # type: ignore[arg-type]
    return dict(zip(table["id"].to_pylist(), parts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("rows", "shares", "expected"),
    [
        (10, (0.6, 0.2, 0.2), [6, 2, 2]),
        (7, (0.6, 0.2, 0.2), [4, 2, 1]),  # 4.2, 1.4, 1.4: the first of equal remainders
        (1, (0.6, 0.2, 0.2), [1, 0, 0]),
        (3, (1 / 3, 1 / 3, 1 / 3), [1, 1, 1]),
        (100, (0.1, 0.2, 0.7), [10, 20, 70]),  # 0.1 * 100 is not quite 10
        (0, (0.6, 0.2, 0.2), [0, 0, 0]),
    ],
)
def test_a_share_is_rounded_by_its_largest_remainder(
    rows: int, shares: tuple[float, ...], expected: list[int]
) -> None:
    assert quotas(rows, shares).tolist() == expected


def test_each_class_is_in_each_part_by_its_share_to_the_row() -> None:
    table = cases(2_000)
    parts, strata = strata_parts(SPEC, table, ("id",), {})
    labels = np.array(table["label"].to_pylist())
    for stratum in strata:
        mine = parts[labels == stratum.name.removeprefix("label=")]
        expected = quotas(len(mine), (0.6, 0.2, 0.2)).tolist()
        assert list(stratum.rows.values()) == expected
        assert np.bincount(mine, minlength=3).tolist() == expected


def test_the_order_of_the_rows_changes_nothing_and_the_seed_does() -> None:
    table = cases(500)
    shuffled = table.take(np.random.default_rng(1).permutation(500))
    assert assigned(table) == assigned(shuffled)
    assert assigned(table) != assigned(table, SplitSpec(name="s", stratify=("label",), seed=1))


def test_rows_that_are_appended_leave_the_others_in_their_parts(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="cases", key=("id",)))
    commit_table(session, "cases", cases(300))
    first = split(session, "cases", SPEC)
    before = {row["id"]: row[PART] for row in parted(session, first.ref)[2].to_pylist()}
    commit_table(session, "cases", cases(137, start=300), mode="append")
    second = split(session, "cases", SPEC)
    table = parted(session, second.ref)[2]
    after = {row["id"]: row[PART] for row in table.to_pylist()}
    assert {id_: after[id_] for id_ in before} == before
    for stratum in second.strata:
        rows = list(stratum.rows.values())
        assert np.abs(np.array(rows) - quotas(sum(rows), (0.6, 0.2, 0.2))).max() <= 1


def test_a_class_of_which_a_part_has_none_is_told(session: Session) -> None:
    table = pa.table({"id": range(12), "label": ["a"] * 10 + ["b", "c"]})
    commit_table(session, "cases", table)
    made = split(session, "cases", SplitSpec(name="s", stratify=("label",), key=("id",)))
    assert [(one.name, one.is_thin) for one in made.strata] == [
        ("label=b", True), ("label=c", True), ("label=a", False),
    ]  # fmt: skip


def test_groups_stay_together_and_classes_are_near_their_shares() -> None:
    rng = np.random.default_rng(7)
    groups = rng.integers(0, 400, 8_000)
    table = pa.table({
        "id": np.arange(8_000), "group": groups, "label": rng.choice(["a", "b", "c"], 8_000),
    })  # fmt: skip
    spec = SplitSpec(name="s", stratify=("label",), by="group")
    parts, strata = strata_parts(spec, table, ("id",), {})
    for group in range(400):
        assert len(set(parts[groups == group])) <= 1
    for stratum in strata:
        shares = np.array(list(stratum.rows.values())) / sum(stratum.rows.values())
        assert np.abs(shares - (0.6, 0.2, 0.2)).max() < 0.02


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"stratify": ("nothing",)}, "no column 'nothing'"),
        ({"stratify": ("label",), "key": ("label",)}, "two rows have the same label"),
        ({"key": ("id",)}, "drawn by their classes"),
        ({"stratify": ("label",), "time": "id"}, "by time or drawn"),
    ],
)
def test_a_split_of_no_sense_is_refused(
    session: Session, fields: dict[str, object], says: str
) -> None:
    commit_table(session, "cases", cases(50))
    with pytest.raises(Invalid, match=says):
        split(session, "cases", SplitSpec(name="s", **fields))  # type: ignore[arg-type]


def test_parts_of_rows_drawn_at_random_share_groups_and_times(session: Session) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="cases", key=("id",)))
    commit_table(session, "cases", cases(200))
    split(session, "cases", SplitSpec(name="drawn"))
    found = check_split(session, "drawn", groups=("group",), moment="id")
    told = {each.name: each.ok for each in found.verdicts}
    assert told == {"key id": True, "equal rows": False, "group group": False, "time id": False}
    assert not found.ok


def test_parts_by_a_group_share_none_and_parts_by_time_are_in_its_order(session: Session) -> None:
    commit_table(session, "cases", cases(200))
    split(session, "cases", SplitSpec(name="grouped", by="group"))
    split(session, "cases", SplitSpec(name="timed", time="id"))
    assert check_split(session, "grouped", groups=("group",)).ok
    assert check_split(session, "timed", moment="id").ok
    with pytest.raises(Invalid, match="has no column"):
        check_split(session, "timed", moment="when")
    assert PARTS == ("fit", "select", "confirm")
