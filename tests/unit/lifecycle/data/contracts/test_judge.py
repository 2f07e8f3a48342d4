"""What a producer delivers is judged: a breach opens one task, and what keeps it closes it."""

from datetime import timedelta
from importlib import import_module

import msgspec
import pyarrow as pa
import pytest

from bucle.base.errors import Invalid, Refused
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import Session
from bucle.governance.tasks.read import list_tasks
from bucle.governance.tasks.records import Task, TaskFilter
from bucle.lifecycle import data
from bucle.lifecycle.data.contracts import judge

GOOD = pa.table({"id": [1, 2], "fare": [4.5, 6.0]})
BAD = pa.table({"id": [3, 4], "fare": [-4.5, 6.0]})
HOUR = timedelta(hours=1)
TERMS = data.Terms(
    columns=(data.Column(name="id", type="int64", nullable=False),
             data.Column(name="fare", type="double")),
    expectations=(data.Expectation(column="fare", min=0),),
    fresh_within="1d", min_rows=2, max_rows=10, per="1d",
)  # fmt: skip


@pytest.fixture
def feed(session: Session) -> Session:
    data.commit_table(session, "trips", GOOD)
    actor = Principal(name="feed", grants=(Grant(role="producer", project=session.project),))
    return session.house.session(actor, session.project)


def agree(session: Session, terms: data.Terms = TERMS) -> None:
    with session.begin() as scope:
        offer = data.Offer(dataset="trips", producer="feed", terms=terms)
        data.propose_contract(scope, offer)
        data.accept_contract(scope, "trips", side="producer")


def tasks(session: Session, state: str = "open") -> tuple[Task, ...]:
    with session.begin(write=False) as scope:
        return list_tasks(scope, TaskFilter(state=state)).items  # type: ignore[arg-type]


def causes(session: Session) -> list[str]:
    return sorted(task.kind.removeprefix("contract.") for task in tasks(session))


def rows(count: int, start: int = 10) -> pa.Table:
    return pa.table({"id": list(range(start, start + count)), "fare": [1.0] * count})


def test_rows_that_break_it_are_committed_and_open_one_task_until_good_ones_come(
    session, feed
) -> None:
    agree(session)
    assert data.commit_table(feed, "trips", BAD).number == 2
    data.commit_table(feed, "trips", pa.concat_tables([BAD, BAD]))
    (task,) = tasks(session)
    assert (task.kind, task.receiver, task.times) == ("contract.expectations", "feed", 2)
    assert "dataset:trips@3 breaks contract:trips@1: fare >= 0: 2 of 4 rows" in task.why
    data.commit_table(feed, "trips", GOOD)
    assert tasks(session) == ()
    reasons = {task.reason for task in tasks(session, "closed")}
    assert "dataset:trips@4 keeps contract:trips@1" in reasons


def test_what_somebody_else_commits_opens_no_task_of_the_producer_but_may_close_it(
    session, feed
) -> None:
    agree(session)
    data.commit_table(session, "trips", BAD)
    assert causes(session) == []
    data.commit_table(feed, "trips", pa.concat_tables([BAD, GOOD]))
    assert causes(session) == ["expectations"]
    data.commit_table(session, "trips", GOOD)
    assert causes(session) == []


def test_a_delivery_that_is_refused_is_told_and_no_row_of_it_is_in_the_task(session, feed) -> None:
    agree(session)
    with pytest.raises(Invalid, match="lacks column 'fare'"):
        data.commit_table(feed, "trips", GOOD.drop_columns(["fare"]))
    assert causes(session) == ["refused"]
    assert "lacks column 'fare'" in tasks(session)[0].why
    with session.begin() as scope:
        expected = (data.Expectation(column="fare", max=100),)
        data.declare(scope, data.DatasetSpec(name="trips", expectations=expected))
    with pytest.raises(Refused):
        data.commit_table(feed, "trips", pa.table({"id": [77], "fare": [12345.0]}))
    assert causes(session) == ["expectations", "refused"]
    with session.begin(write=False) as scope:
        said = str([*tasks(session), *list_events(scope).items])
    assert "12345" not in said
    data.commit_table(feed, "trips", rows(3))
    assert causes(session) == []


def test_a_column_that_was_promised_and_is_gone_is_a_broken_schema(session, feed) -> None:
    agree(session)
    wish = data.Commit(name="trips", files=(), evolve=True)
    version = data.commit_table(session, "other", GOOD.drop_columns(["fare"]))
    files = tuple(file.digest for file in version.files)
    data.commit(feed, msgspec.structs.replace(wish, files=files))
    assert causes(session) == ["expectations", "schema"]
    assert "column fare: it is not there" in str([task.why for task in tasks(session)])


def test_what_does_not_come_is_late_once_and_not_before_it_was_promised(
    house, session, feed
) -> None:
    house.drivers.clock.advance(90 * HOUR)
    agree(session, data.Terms(fresh_within="1d"))
    data.judge_contracts(session)
    assert causes(session) == []
    house.drivers.clock.advance(25 * HOUR)
    for _ in range(3):
        data.judge_contracts(session)
    (task,) = tasks(session)
    assert (task.kind, task.times, task.receiver) == ("contract.late", 1, "feed")
    data.commit_table(feed, "trips", rows(3))
    assert causes(session) == []


def test_too_many_rows_are_told_at_once_and_too_few_when_their_day_is_over(
    house, session, feed
) -> None:
    agree(session, data.Terms(min_rows=2, max_rows=10, per="1d"))
    house.drivers.clock.advance(HOUR)
    data.commit_table(feed, "trips", rows(11), mode="append")
    assert causes(session) == ["volume"]
    house.drivers.clock.advance(24 * HOUR)
    data.judge_contracts(session)
    assert causes(session) == []
    house.drivers.clock.advance(24 * HOUR)
    data.judge_contracts(session)
    assert causes(session) == ["volume"]
    data.commit_table(feed, "trips", rows(1, 90), mode="append")
    assert causes(session) == ["volume"]
    data.commit_table(feed, "trips", rows(1, 91), mode="append")
    assert causes(session) == []


def test_a_version_that_nobody_judged_is_judged_at_the_next_look(
    session, feed, monkeypatch
) -> None:
    agree(session)
    with monkeypatch.context() as patched:
        died = import_module("bucle.lifecycle.data.commit")
        patched.setattr(died, "judge_delivery", lambda *_, **__: None)
        data.commit_table(feed, "trips", BAD)
    assert causes(session) == []
    data.judge_contracts(session)
    assert causes(session) == ["expectations"]


def test_a_branch_is_not_a_delivery(session, feed) -> None:
    agree(session)
    with session.begin() as scope:
        data.branch(scope, "trips", "draft")
    wish = data.Commit(name="trips", files=(), branch="draft")
    version = data.commit_table(session, "other", BAD)
    files = tuple(file.digest for file in version.files)
    data.commit(feed, msgspec.structs.replace(wish, files=files))
    assert causes(session) == []


def test_a_task_that_can_not_be_written_hides_no_refusal(session, feed, monkeypatch) -> None:
    def fail(*_: object) -> None:
        raise Invalid("not now")

    agree(session)
    monkeypatch.setattr(judge, "open_task", fail)
    with pytest.raises(Invalid, match="lacks column"):
        data.commit_table(feed, "trips", GOOD.drop_columns(["fare"]))


def test_the_contract_shows_how_it_is_kept(session, feed) -> None:
    agree(session)
    data.commit_table(feed, "trips", BAD)
    with session.begin(write=False) as scope:
        report = data.show_contract(scope, "trips")
    assert [one.name for one in report.verdicts if not one.ok] == ["fare >= 0"]
    assert [(one.by, one.rows, one.ok) for one in report.deliveries] == [("feed", 2, False)]


def test_without_a_contract_nothing_is_judged(session, feed) -> None:
    data.commit_table(feed, "trips", BAD)
    assert tasks(session, "all") == ()
