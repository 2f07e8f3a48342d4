"""A version is split once; its confirming part is counted, and closed to what is being tuned."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound, Refused
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    SplitSpec,
    commit_table,
    get_version,
    look,
    read_part,
    read_table,
    sealed,
    show_split,
    split,
    store_look,
)
from bucle.lifecycle.data.assign import assign

HOLDOUT = SplitSpec(name="holdout")


def trips(rows: int = 200, start: int = 0) -> pa.Table:
    numbers = np.arange(start, start + rows)
    return pa.table(
        {"number": numbers, "rider": [f"r{n % 40}" for n in numbers], "at": numbers // 5}
    )


@pytest.fixture
def session(house: House) -> Session:
    opened = house.session()
    commit_table(opened, "trips", trips(), mode="replace", message="")
    return opened


def numbers(table: pa.Table) -> set[int]:
    return set(table.column("number").to_pylist())


def test_the_parts_are_all_rows_and_none_is_in_two(session: Session) -> None:
    made = split(session, "trips", HOLDOUT)
    assert made.ref == Ref("split", "holdout", 1)
    assert made.rows == {"fit": 120, "select": 40, "confirm": 40}
    fit, select = (numbers(read_part(session, "holdout", part)) for part in ("fit", "select"))
    _, table = look(session, "holdout", purpose="to see")
    confirm = numbers(table)
    assert fit | select | confirm == set(range(200))
    assert len(fit) + len(select) + len(confirm) == 200


def test_the_same_split_again_is_the_same_and_another_of_its_name_is_refused(
    session: Session,
) -> None:
    made = split(session, "trips@1", HOLDOUT)
    assert split(session, "trips", HOLDOUT) == made
    with pytest.raises(Conflict, match="never changed"):
        split(session, "trips", SplitSpec(name="holdout", seed=2))
    commit_table(session, "walks", trips(50), mode="replace", message="")
    with pytest.raises(Conflict, match="is a split of dataset:trips"):
        split(session, "walks", HOLDOUT)


def test_by_a_column_equal_values_stay_together_in_every_version(session: Session) -> None:
    spec = SplitSpec(name="riders", by="rider")
    split(session, "trips", spec)
    before = {
        part: set(read_part(session, "riders@1", part).column("rider").to_pylist())
        for part in ("fit", "select")
    }
    assert before["fit"].isdisjoint(before["select"])
    commit_table(session, "trips", trips(100, start=200), mode="append", message="")
    split(session, "trips", spec)
    after = set(read_part(session, "riders", "fit").column("rider").to_pylist())
    assert after == before["fit"]
    assert numbers(read_part(session, "riders", "fit")) > numbers(
        read_part(session, "riders@1", "fit")
    )


def test_by_time_the_newest_confirm_and_equal_times_stay_together(session: Session) -> None:
    split(session, "trips", SplitSpec(name="late", time="at"))
    _, newest = look(session, "late", purpose="to see")
    fit, select = (read_part(session, "late", part) for part in ("fit", "select"))
    latest, earliest = (
        lambda table: max(table.column("at").to_pylist()),
        lambda table: min(table.column("at").to_pylist()),
    )
    assert latest(fit) < earliest(select)
    assert latest(select) < earliest(newest)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (SplitSpec(name="x", fit=0.9, select=0.1), "leave no shares"),
        (SplitSpec(name="x", fit=0), "leave no shares"),
        (SplitSpec(name="x", by="rider", time="at"), "by a column or by time"),
        (SplitSpec(name="x", by="wind"), "no column 'wind'"),
    ],
)
def test_a_split_that_can_not_be_made_is_refused(
    session: Session, spec: SplitSpec, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        split(session, "trips", spec)


def test_a_part_without_rows_and_a_row_without_time_are_refused() -> None:
    with pytest.raises(Invalid, match="part 'select' would have none of the 3 rows"):
        assign(SplitSpec(name="x", fit=0.5, select=0.01), trips(3))
    with pytest.raises(Invalid, match="1 rows have no 'at'"):
        assign(SplitSpec(name="x", time="at"), pa.table({"at": [1, None, 3]}))


def test_rows_without_a_value_stay_together_too() -> None:
    table = pa.table({"rider": pa.array([None, "a", "b", None, "c"] * 20)})
    parts = assign(SplitSpec(name="x", by="rider", fit=0.4, select=0.3), table)
    assert len(set(parts[::5]) | set(parts[3::5])) == 1


def test_each_look_is_counted_and_says_who_looked_for_what(house: House, session: Session) -> None:
    split(session, "trips", HOLDOUT)
    viewer = house.session(Principal(name="ana", grants=(Grant(role="viewer", project="*"),)))
    look(session, "holdout", purpose="the yearly report")
    look(viewer, "holdout", purpose="curious", about=Ref("model", "demand", 3))
    with session.begin(write=False) as scope:
        report = show_split(scope, "split:holdout@1")
        told = [event.type for event in list_events(scope).items]
    assert report.count == 2
    assert [(each.number, each.actor, each.purpose, each.about) for each in report.looks] == [
        (2, "ana", "curious", Ref("model", "demand", 3)),
        (1, session.actor.name, "the yearly report", None),
    ]
    assert told.count("split.looked") == 2
    with pytest.raises(Invalid, match="has a purpose"):
        look(session, "holdout", purpose=" ")


def test_the_confirming_part_is_not_read_as_the_others_are(session: Session) -> None:
    split(session, "trips", HOLDOUT)
    with pytest.raises(Refused, match="confirming part of split:holdout"):
        read_part(session, "holdout", "confirm")
    with pytest.raises(Invalid, match="'test' is no part"):
        read_part(session, "holdout", "test")
    with session.begin(write=False) as scope:
        assert show_split(scope, "holdout").count == 0


def test_what_is_being_tuned_reads_parts_and_neither_the_rest_nor_the_whole(
    session: Session,
) -> None:
    split(session, "trips", HOLDOUT)
    commit_table(session, "trips", trips(10, start=500), mode="append", message="")
    with sealed("a trial"):
        assert read_part(session, "holdout@1", "fit").num_rows == 120
        with pytest.raises(Refused, match="a trial"):
            look(session, "holdout", purpose="a peek")
        for whole in ("trips@1", "trips@2", "trips"):
            with pytest.raises(Refused, match="holds rows back to confirm: a trial"):
                read_table(session, whole)
    assert read_table(session, "trips").num_rows == 210


def test_a_dataset_without_a_split_is_read_whole_while_tuning(session: Session) -> None:
    with sealed("a trial"):
        assert read_table(session, "trips").num_rows == 200


def test_a_seal_is_of_its_own_thread(session: Session) -> None:
    split(session, "trips", HOLDOUT)
    with sealed("a trial"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(read_table, session, "trips").result().num_rows == 200


def test_who_may_not_write_data_may_not_split_it(house: House, session: Session) -> None:
    viewer = house.session(Principal(name="ana", grants=(Grant(role="viewer", project="*"),)))
    with pytest.raises(Denied, match="dataset:write"):
        split(viewer, "trips", HOLDOUT)


def test_a_look_by_hand_uses_the_part_up_and_needs_more_than_reading(
    house: House, session: Session
) -> None:
    split(session, "trips", HOLDOUT)
    viewer = house.session(Principal(name="ana", grants=(Grant(role="viewer", project="*"),)))
    with pytest.raises(Denied, match="dataset:write"):
        store_look(viewer, "holdout", purpose="curious")
    found = store_look(session, "holdout", purpose="the auditor asked")
    assert (found.part, found.rows) == ("confirm", 40)
    with session.begin(write=False) as scope:
        assert show_split(scope, "holdout").count == 1


def test_a_split_that_nobody_made_is_not_found(session: Session) -> None:
    with session.begin(write=False) as scope:
        assert get_version(scope, "trips").number == 1
        with pytest.raises(NotFound, match="split:holdout does not exist"):
            show_split(scope, "holdout")
