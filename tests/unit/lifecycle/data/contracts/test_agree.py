"""Two sides agree upon a contract, each for itself; what takes away waits for the notice."""

from datetime import timedelta

import pyarrow as pa
import pytest

from bucle.base.errors import Denied, Invalid, NotFound, Refused
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import Session
from bucle.governance.tasks.read import list_tasks
from bucle.governance.tasks.records import TaskFilter
from bucle.lifecycle import data

TRIPS = pa.table({"id": [1, 2], "fare": [4.5, 6.0]})
DAILY = data.Terms(fresh_within="1d", notice="7d")
DAY = timedelta(days=1)


@pytest.fixture
def engineer(session: Session) -> Session:
    data.commit_table(session, "trips", TRIPS)
    return as_(session, "eng", "engineer")


@pytest.fixture
def feed(session: Session) -> Session:
    return as_(session, "feed", "producer")


def as_(session: Session, name: str, role: str) -> Session:
    actor = Principal(name=name, grants=(Grant(role=role, project=session.project),))
    return session.house.session(actor, session.project)


def propose(session: Session, terms: data.Terms = DAILY, **more: str) -> data.Contract:
    offer = data.Offer(dataset="trips", producer=more.pop("producer", "feed"), terms=terms, **more)
    with session.begin() as scope:
        return data.propose_contract(scope, offer)


def accept(session: Session, **how: str) -> data.Contract:
    with session.begin() as scope:
        return data.accept_contract(scope, "trips", **how)  # type: ignore[arg-type]


def show(session: Session) -> data.ContractReport:
    with session.begin(write=False) as scope:
        return data.show_contract(scope, "trips")


def asked(session: Session) -> list[str]:
    with session.begin(write=False) as scope:
        return [task.receiver for task in list_tasks(scope, TaskFilter()).items]


def test_a_contract_takes_force_when_both_sides_accepted(engineer, feed) -> None:
    made = propose(engineer)
    assert (made.state, made.version, made.project_by, made.producer_by) == (
        "proposed", "1.0.0", "eng", "",
    )  # fmt: skip
    assert asked(engineer) == ["feed"]
    assert show(engineer).in_force is None
    assert accept(feed).producer_by == "feed"
    assert show(engineer).in_force.version == "1.0.0"
    assert asked(engineer) == []


def test_a_producer_proposes_and_the_project_is_asked(engineer, feed) -> None:
    propose(feed)
    assert asked(engineer) == ["role:engineer"]
    with pytest.raises(Denied, match="does not speak for project"):
        accept(feed)
    assert accept(engineer).state == "accepted"


def test_another_producer_speaks_for_neither_side(engineer, session) -> None:
    with pytest.raises(Denied, match="does not speak for either side"):
        propose(as_(session, "other", "producer"))
    propose(engineer)
    with pytest.raises(Denied, match="does not speak for producer"):
        accept(as_(session, "other", "producer"))
    with pytest.raises(Denied, match="does not speak for producer"):
        accept(engineer)


def test_an_owner_may_speak_for_a_producer_that_never_signs_in(engineer, session) -> None:
    propose(engineer)
    assert accept(session).producer_by == session.actor.name


def test_a_role_may_be_the_producer(engineer, session) -> None:
    propose(engineer, producer="role:producer")
    assert accept(as_(session, "any", "producer")).state == "accepted"


def test_what_takes_away_takes_force_when_the_notice_is_over(house, engineer, feed) -> None:
    propose(engineer)
    accept(feed)
    later = propose(feed, data.Terms(fresh_within="2d"))
    assert (later.version, later.change) == ("2.0.0", "major")
    with pytest.raises(Refused, match="takes something away"):
        propose(feed, data.Terms(fresh_within="2d"), version="1.1.0")
    accept(engineer)
    assert (show(feed).in_force.version, show(feed).coming.version) == ("1.0.0", "2.0.0")
    house.drivers.clock.advance(7 * DAY)
    assert (show(feed).in_force.version, show(feed).coming) == ("2.0.0", None)


def test_what_adds_takes_force_at_once(engineer, feed) -> None:
    propose(engineer)
    accept(feed)
    propose(engineer, data.Terms(fresh_within="6h", notice="7d"))
    assert accept(feed).version == "1.1.0"
    assert show(feed).in_force.terms.fresh_within == "6h"


def test_what_is_proposed_anew_withdraws_what_was(engineer, feed) -> None:
    propose(engineer)
    propose(engineer, data.Terms(fresh_within="2d"))
    with engineer.begin(write=False) as scope:
        assert [one.state for one in data.list_contracts(scope).items] == ["proposed", "withdrawn"]
    assert asked(engineer) == ["feed"]
    accept(feed)
    assert show(feed).in_force.terms.fresh_within == "2d"


def test_what_is_turned_down_changes_nothing(engineer, feed) -> None:
    propose(engineer)
    with feed.begin() as scope, pytest.raises(Invalid, match="no reason"):
        data.reject_contract(scope, "trips", reason="")
    with feed.begin() as scope:
        assert data.reject_contract(scope, "trips", reason="too fast").state == "rejected"
    assert asked(engineer) == []
    with pytest.raises(NotFound, match="no contract about dataset:trips"):
        show(engineer)
    with pytest.raises(NotFound, match="waits to be accepted"):
        accept(feed)


def test_what_was_ended_is_over_and_nothing_older_comes_back(engineer, feed) -> None:
    for hours in ("12h", "6h"):
        propose(engineer, data.Terms(fresh_within=hours))
        accept(feed)
    with feed.begin() as scope, pytest.raises(Denied):
        data.end_contract(scope, "trips", reason="no")
    with engineer.begin() as scope:
        data.end_contract(scope, "trips", reason="no more")
    assert data.judge_contracts(engineer) == ()
    with pytest.raises(NotFound):
        show(engineer)


def test_a_contract_about_nothing_or_with_nobody_is_refused(engineer) -> None:
    offer = data.Offer(dataset="nix", producer="feed", terms=DAILY)
    with engineer.begin() as scope, pytest.raises(NotFound, match="dataset:nix"):
        data.propose_contract(scope, offer)
    with pytest.raises(Invalid, match="names no role"):
        propose(engineer, producer="role:nobody")
    with pytest.raises(Invalid, match="promises nothing"):
        propose(engineer, data.Terms())
    with pytest.raises(Invalid, match="expects nothing"):
        propose(engineer, data.Terms(expectations=(data.Expectation(column="fare"),)))
