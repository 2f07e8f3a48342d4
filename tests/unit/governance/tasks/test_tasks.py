from itertools import count

import pytest

from bucle.base.errors import Conflict, Denied, Invalid, NotFound
from bucle.base.refs import Ref
from bucle.governance.audit.read import list_events
from bucle.governance.principals import Grant, Principal
from bucle.governance.session import House, Session
from bucle.governance.tasks.change import close_cause, close_task, open_task, reopen_task
from bucle.governance.tasks.read import get_task, list_tasks, receivers_of
from bucle.governance.tasks.records import NewTask, Task, TaskFilter

LATE = NewTask(kind="contract.late", about=Ref("dataset", "trips", 3), receiver="feed",
               why="two days", todo="deliver", cause="trips:late")  # fmt: skip


PLACES = count()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session in a project of the test's own."""
    return house.session(project=f"project-{next(PLACES)}")


def as_producer(session: Session, name: str) -> Session:
    grants = (Grant(role="producer", project=session.project),)
    theirs = Principal(name=name, kind="service", grants=grants)
    return session.house.session(theirs, session.project)


def listed(session: Session, **wanted: object) -> tuple[Task, ...]:
    with session.begin(write=False) as scope:
        return list_tasks(scope, TaskFilter(**wanted)).items  # type: ignore[arg-type]


def test_a_cause_has_one_open_task_however_often_it_is_found(session) -> None:
    for _ in range(3):
        with session.begin() as scope:
            open_task(scope, LATE)
    (task,) = listed(session)
    assert (task.times, task.receiver, task.is_open) == (3, "feed", True)
    with session.begin(write=False) as scope:
        assert [event.type for event in list_events(scope).items] == ["task.opened"]


def test_the_audit_says_that_a_task_was_opened_and_not_what_rows_it_quotes(session) -> None:
    with session.begin() as scope:
        open_task(scope, LATE)
    with session.begin(write=False) as scope:
        assert "two days" not in str(list_events(scope).items[0].body)


def test_a_cause_that_is_gone_closes_its_task_and_a_new_one_opens_another(session) -> None:
    with session.begin() as scope:
        first = open_task(scope, LATE)
        assert close_cause(scope, "trips:late", reason="it came") is not None
        assert close_cause(scope, "trips:late", reason="it came") is None
        second = open_task(scope, LATE)
    assert second.ref != first.ref
    assert [task.ref for task in listed(session)] == [second.ref]
    assert [task.reason for task in listed(session, state="closed")] == ["it came"]


def test_a_task_is_closed_with_a_reason_and_opened_again_with_one(session) -> None:
    with session.begin() as scope:
        task = open_task(scope, LATE)
        with pytest.raises(Invalid, match="no reason"):
            close_task(scope, task.ref, reason=" ")
        assert not close_task(scope, task.ref, reason="done").is_open
        assert close_task(scope, task.ref, reason="again").reason == "done"
        again = reopen_task(scope, task.ref, reason="not so")
        assert again.is_open
        close_task(scope, task.ref, reason="done")
        open_task(scope, LATE)
        with pytest.raises(Conflict, match="same cause"):
            reopen_task(scope, task.ref, reason="not so")


def test_a_task_is_closed_by_its_receiver_or_by_who_runs_the_project(session) -> None:
    with session.begin() as scope:
        task = open_task(scope, LATE)
        role = open_task(scope, NewTask(kind="x", about=LATE.about, receiver="role:producer",
                                        why="y", todo=""))  # fmt: skip
    with as_producer(session, "other").begin() as scope:
        assert "role:producer" in receivers_of(scope)
        with pytest.raises(Denied, match="is for 'feed'"):
            close_task(scope, task.ref, reason="mine")
        close_task(scope, role.ref, reason="mine")
    with as_producer(session, "feed").begin() as scope:
        assert not close_task(scope, task.ref, reason="done").is_open


def test_a_task_for_nobody_is_refused(session) -> None:
    with session.begin() as scope:
        for receiver in ("role:nobody", "", "a@b"):
            with pytest.raises(Invalid):
                open_task(scope, NewTask(kind="x", about=LATE.about, receiver=receiver,
                                         why="y", todo=""))  # fmt: skip
        with pytest.raises(NotFound, match="task:nix"):
            get_task(scope, "nix")


def test_tasks_are_listed_by_receiver_kind_and_thing_in_pages(session) -> None:
    with session.begin() as scope:
        for place in range(5):
            about = Ref("dataset", f"d{place % 2}", place)
            open_task(scope, NewTask(kind=f"k{place % 2}", about=about, receiver="ana",
                                     why="y", todo=""))  # fmt: skip
    assert len(listed(session, about="dataset:d0")) == 3
    assert len(listed(session, kind="k1")) == 2
    assert listed(session, receivers=("ben",)) == ()
    seen, token = [], None
    with session.begin(write=False) as scope:
        for _ in range(3):
            page = list_tasks(scope, TaskFilter(), limit=2, token=token)
            seen += [task.about.version for task in page.items]
            token = page.next_token
    assert (seen, token) == (["4", "3", "2", "1", "0"], None)
