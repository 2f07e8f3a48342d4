"""What is too old is planned, and dropped unless something holds it, which is named."""

from datetime import timedelta

import pyarrow as pa
import pytest

from bucle.base.clock import ManualClock
from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.control.privacy.retain import carry_out_retention, plan_retention
from bucle.control.spec.project import parse_project
from bucle.control.tick import rules_of
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.lifecycle import registry
from bucle.lifecycle.data import (
    DatasetSpec,
    Expectation,
    SplitSpec,
    branch,
    commit_table,
    declare,
    get_version,
    merge,
    read_table,
    split,
    tag,
)
from bucle.lifecycle.data.records import Retention
from tests.support.linear import register_linear

DAY = timedelta(days=1)


def declared(session: Session, **more: object) -> None:
    with session.begin() as scope:
        declare(scope, DatasetSpec(name="trips", retention=Retention(**more)))  # type: ignore[arg-type]


def later(house: House, days: float) -> None:
    clock = house.drivers.clock
    assert isinstance(clock, ManualClock)
    clock.advance(days * DAY)


def commits(session: Session, house: House, number: int) -> None:
    """Commit versions, one each day."""
    for n in range(number):
        commit_table(session, "trips", pa.table({"id": [n], "k": [1]}))
        later(house, 1)


def numbers(refs: object) -> list[str]:
    return [str(ref).rpartition("@")[2] for ref in refs]  # type: ignore[attr-defined]


def test_old_versions_are_dropped_and_the_newest_stays_however_old_it_is(
    session: Session, house: House
) -> None:
    commits(session, house, 4)
    later(house, 30)
    declared(session, versions="10d")
    planned = plan_retention(session, "trips")
    assert sorted(numbers(planned.drop)) == ["1", "2", "3"]
    assert [(str(one.ref), one.why) for one in planned.kept] == [
        ("dataset:trips@4", "the newest of main")
    ]
    assert get_one(session, "trips@1").rows == 1  # a plan changes nothing
    carry_out_retention(session, "trips")
    with pytest.raises(NotFound, match=r"dropped on .* by dataset:trips: older than its"):
        get_one(session, "trips@1")
    assert get_one(session, "trips").parent is None


def get_one(session: Session, ref: str):
    with session.begin(write=False) as scope:
        return get_version(scope, ref)


def test_what_has_a_tag_a_branch_a_split_or_a_living_model_stays_and_says_why(
    session: Session, house: House
) -> None:
    commits(session, house, 5)
    with session.begin() as scope:
        tag(scope, "trips@1", "golden")
        branch(scope, "trips@2", "fix")
    version = register_linear(session, "demand", 1.0)
    with session.begin() as scope:
        scope.link(get_version(scope, "trips@3").ref, version.ref, "trained")
        registry.promote(scope, version.ref, alias="champion", reason="first")
    later(house, 30)
    declared(session, versions="10d")
    kept = {str(one.ref): one.why for one in plan_retention(session, "trips").kept}
    assert kept == {
        "dataset:trips@5": "the newest of main",
        "dataset:trips@3": "used by model:demand@1 (champion)",
        "dataset:trips@2": "the newest of fix",
        "dataset:trips@1": "tagged golden",
    }
    declared(session, versions="10d", keep_tags=False)
    made = carry_out_retention(session, "trips", used_too=True)
    assert sorted(numbers(made.dropped)) == ["1", "3", "4"]


def test_a_version_with_a_split_stays(session: Session, house: House) -> None:
    commit_table(session, "trips", pa.table({"id": range(50)}))
    split(session, "trips", SplitSpec(name="hold"))
    commit_table(session, "trips", pa.table({"id": range(60)}))
    later(house, 30)
    declared(session, versions="10d")
    assert carry_out_retention(session, "trips").dropped == ()


def test_branches_whose_origin_was_dropped_can_still_be_merged(
    session: Session, house: House
) -> None:
    commits(session, house, 3)
    later(house, 30)
    with session.begin() as scope:
        branch(scope, "trips", "fix")
    later(house, 1)
    commit_table(session, "trips", pa.table({"id": [9], "k": [1]}))
    declared(session, versions="10d")
    carry_out_retention(session, "trips")
    assert str(merge(session, "trips", "fix").ref) == "dataset:trips@4"


@pytest.mark.parametrize("type_", [pa.timestamp("us", "UTC"), pa.timestamp("ms"), pa.date32()])
def test_old_rows_go_into_a_version_without_them_and_one_without_a_time_stays(
    session: Session, house: House, type_: pa.DataType
) -> None:
    now = house.drivers.clock.now()
    times = [now - 400 * DAY, now - 10 * DAY, None]
    values = [each and (each if getattr(type_, "tz", None) else each.replace(tzinfo=None))
              for each in times]  # fmt: skip
    at = pa.array([v and v.date() if type_ == pa.date32() else v for v in values], type_)
    commit_table(session, "trips", pa.table({"id": [1, 2, 3], "at": at}))
    declared(session, rows="365d", by="at")
    assert plan_retention(session, "trips").rows == 1
    made = carry_out_retention(session, "trips")
    assert (made.rows, str(made.head)) == (1, "dataset:trips@2")
    assert read_table(session, "trips")["id"].to_pylist() == [2, 3]
    again = carry_out_retention(session, "trips")
    assert (again.rows, again.head) == (0, None)


def test_a_retention_that_would_leave_no_row_or_break_an_expectation_is_refused(
    session: Session, house: House
) -> None:
    at = pa.array([house.drivers.clock.now() - 400 * DAY], pa.timestamp("us", "UTC"))
    commit_table(session, "trips", pa.table({"id": [1], "at": at}))
    declared(session, rows="365d", by="at")
    with pytest.raises(Refused, match="every row"):
        carry_out_retention(session, "trips")
    young = pa.array([house.drivers.clock.now()], pa.timestamp("us", "UTC"))
    commit_table(session, "trips", pa.table({"id": [2], "at": young}), mode="append")
    with session.begin() as scope:
        declare(scope, DatasetSpec(
            name="trips", retention=Retention(rows="365d", by="at"),
            expectations=(Expectation(min_rows=2),),
        ))  # fmt: skip
    with pytest.raises(Refused, match="rows >= 2"):
        carry_out_retention(session, "trips")
    assert read_table(session, "trips").num_rows == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "keeps rows or versions"),
        ({"rows": "365d"}, "how old the rows"),
        ({"versions": "soon"}, "not a duration"),
        ({"versions": "0d"}, "nothing would be kept"),
    ],
)
def test_a_retention_of_no_sense_can_not_be_declared(
    session: Session, fields: dict[str, str], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        declared(session, **fields)


def test_without_a_declaration_nothing_is_removed_and_who_may_not_forget_removes_nothing(
    session: Session, house: House
) -> None:
    commit_table(session, "trips", pa.table({"id": [1]}))
    with pytest.raises(Invalid, match="no retention is declared"):
        carry_out_retention(session, "trips")
    declared(session, versions="10d")
    eva = house.session(Principal(name="eva", grants=(Grant(role="scientist", project="*"),)))
    assert plan_retention(eva, "trips").drop == ()
    with pytest.raises(Denied):
        carry_out_retention(eva, "trips")


def test_control_removes_what_is_too_old_each_day() -> None:
    spec = parse_project(
        "version: 1\nproject: p\ndatasets:\n  trips:\n    retention: {versions: 90d}\n  other: {}\n"
    )
    rules = rules_of(spec)
    assert rules["retention:trips"] == "every 1d"
    assert "retention:other" not in rules
