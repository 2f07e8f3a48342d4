"""Branches: lines of versions beside main, which nobody sees who does not ask for them."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.principals import ANONYMOUS
from bucle.governance.session import House, Session
from bucle.lifecycle.data import (
    Branch,
    Commit,
    branch,
    commit_table,
    get_version,
    list_branches,
    log,
    restore_datasets,
    tag,
)
from bucle.testing.houses import open_test_house
from tests.unit.lifecycle.data.lines import committed

TRIPS = pa.table({"id": [1, 2, 3]})
MORE = pa.table({"id": [4, 5]})


def branched(session: Session, name: str = "cleaning", ref: str = "trips") -> Branch:
    with session.begin() as scope:
        return branch(scope, ref, name)


def test_what_is_committed_to_a_branch_leaves_main_as_it_is(session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    branched(session)
    second = committed(session, "cleaning", MORE, mode="append")
    assert (second.number, second.parent, second.branch) == (2, first.ref, "cleaning")
    third = commit_table(session, "trips", MORE)
    assert (third.number, third.parent, third.branch) == (3, first.ref, "main")
    with session.begin(write=False) as scope:
        assert get_version(scope, "trips") == third
        assert get_version(scope, "trips@cleaning") == second
        assert [one.number for one in log(scope, "trips").items] == [3, 1]
        assert [one.number for one in log(scope, "trips", branch="cleaning").items] == [2]
        assert list_branches(scope, "trips") == (
            Branch(name="main", head=third.ref),
            Branch(name="cleaning", head=second.ref),
        )


def test_time_travel_follows_main_only(house: House, session: Session) -> None:
    first = commit_table(session, "trips", TRIPS)
    branched(session)
    committed(session, "cleaning", MORE)
    house.drivers.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    with session.begin(write=False) as scope:
        moment = house.drivers.clock.now().isoformat()
        assert get_version(scope, Ref("dataset", "trips", moment)) == first


def test_a_commit_to_a_branch_is_another_fact_than_one_to_main(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    branched(session)
    committed(session, "cleaning", MORE)
    with session.begin(write=False) as scope:
        types = [event.type for event in list_events(scope).items]
    assert types == ["dataset.branch_committed", "dataset.branched", "dataset.committed"]


def test_the_same_branch_again_is_the_same_and_elsewhere_a_conflict(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    commit_table(session, "trips", MORE)
    made = branched(session, ref="trips@1")
    assert branched(session, ref="trips@1") == made
    with pytest.raises(Conflict, match="the branch 'cleaning' of dataset:trips is at"):
        branched(session, ref="trips@2")


@pytest.mark.parametrize("name", ["7", "main", "2026-01-01", "a b"])
def test_a_branch_that_could_mean_something_else_is_refused(session: Session, name: str) -> None:
    commit_table(session, "trips", TRIPS)
    with pytest.raises(Invalid, match="may not be a branch"):
        branched(session, name)


def test_a_tag_and_a_branch_do_not_share_a_name(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with session.begin() as scope:
        tag(scope, "trips", "golden")
    with pytest.raises(Invalid, match="'golden' is a tag"):
        branched(session, "golden")
    branched(session)
    with session.begin() as scope, pytest.raises(Invalid, match="'cleaning' is a branch"):
        tag(scope, "trips", "cleaning")


def test_an_unknown_branch_is_told_with_what_makes_it(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with pytest.raises(NotFound, match="has no branch 'clening'") as raised:
        committed(session, "clening", MORE)
    assert raised.value.hint == "bucle data branch trips clening"
    with session.begin(write=False) as scope, pytest.raises(NotFound, match="no branch 'other'"):
        log(scope, "trips", branch="other")


def test_two_commits_upon_one_head_of_a_branch_are_a_conflict(session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    branched(session)
    committed(session, "cleaning", MORE)
    with pytest.raises(Conflict, match="at dataset:trips@2"):
        committed(session, "cleaning", TRIPS, if_head="1")


def test_nobody_branches_without_the_permission(house: House, session: Session) -> None:
    commit_table(session, "trips", TRIPS)
    with (
        house.session(actor=ANONYMOUS).begin() as scope,
        pytest.raises(Denied, match="dataset:"),
    ):
        branch(scope, "trips", "cleaning")


def test_a_rebuild_finds_the_head_of_main_and_goes_on_behind_all_numbers(
    session: Session, tmp_path: Path
) -> None:
    first = commit_table(session, "trips", TRIPS)
    branched(session)
    second = committed(session, "cleaning", MORE)
    other = open_test_house(tmp_path / "other", blobs_url=session.drivers.blobs.url)
    target = other.session()
    with session.begin(write=False) as source, target.begin() as scope:
        until = source.now
        assert restore_datasets(source, scope, until=until) == 2
        assert get_version(scope, "trips").ref == first.ref
        assert get_version(scope, "trips@2").ref == second.ref
    assert commit_table(target, "trips", MORE).number == 3
    other.close()


def test_a_wish_without_a_branch_is_of_main() -> None:
    assert Commit(name="trips", files=()).branch == "main"


def test_branches_are_the_same_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    house = open_test_house(tmp_path, database_url=postgresql_url)
    session = house.session()
    commit_table(session, "trips", TRIPS)
    branched(session)
    second = committed(session, "cleaning", MORE)
    with session.begin(write=False) as scope:
        assert get_version(scope, "trips@cleaning") == second
        assert [one.head.version for one in list_branches(scope, "trips")] == ["1", "2"]
    house.close()
