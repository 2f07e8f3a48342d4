"""Jobs on both databases: none lost, none done by two, however workers die."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bucle.base.errors import Conflict, Invalid, Unavailable
from bucle.base.verdict import Verdict
from bucle.control.jobs import Job, NewJob, enqueue, get_job, list_jobs, queue, store
from bucle.control.jobs.worker import Worker
from bucle.governance.session import House, Session
from bucle.testing.houses import open_test_house

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEW = NewJob(kind="k")


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Yield an installation on SQLite, then on PostgreSQL."""
    urls = {}
    if request.param == "postgresql":
        urls = {"database_url": request.getfixturevalue("postgresql_url")}
    opened = open_test_house(tmp_path / "home", start=NOW, **urls)
    yield opened
    opened.close()


@pytest.fixture
def session(house: House) -> Session:
    """Return a session of that installation."""
    return house.session()


def put(session: Session, new: NewJob = NEW) -> Job:
    """Queue a job."""
    with session.begin() as scope:
        return enqueue(scope, new)


def get(session: Session, job: Job) -> Job:
    """Read a job again."""
    with session.begin(write=False) as scope:
        return get_job(scope, job.ref)


def taken(house: House) -> Job:
    """Lease the next job, which must be there."""
    job = queue.lease(house, "worker")
    assert job is not None
    return job


def let_leases_run_out(house: House) -> None:
    """Put every lease into the past, as time does."""
    past = datetime(2000, 1, 1, tzinfo=UTC)
    with house.drivers.database.begin() as tx:
        tx.execute(store.jobs.update().values(lease_until=past))


def test_a_key_is_used_once_for_ever(house: House, session: Session) -> None:
    first = put(session, NewJob(kind="k", key="a"))
    assert put(session, NewJob(kind="k", key="a")) == first
    queue.finish(session, taken(house), {})
    assert put(session, NewJob(kind="k", key="a")).ref == first.ref
    assert queue.lease(house, "worker") is None


def test_jobs_are_taken_when_they_are_due_the_oldest_first(house: House, session: Session) -> None:
    later = put(session, NewJob(kind="later", run_at=NOW + timedelta(hours=1)))
    now = put(session)
    assert taken(house).ref == now.ref
    assert queue.lease(house, "worker") is None
    house.drivers.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    assert taken(house).ref == later.ref


def test_a_held_job_is_nobody_elses_until_its_lease_runs_out(
    house: House, session: Session
) -> None:
    put(session)
    first = taken(house)
    assert queue.lease(house, "other") is None
    assert queue.heartbeat(house, first)
    let_leases_run_out(house)
    second = taken(house)
    assert (second.ref, second.fence, second.attempts) == (first.ref, first.fence + 1, 2)


def test_a_worker_that_was_only_slow_may_not_end_the_job(house: House, session: Session) -> None:
    put(session)
    slow = taken(house)
    let_leases_run_out(house)
    fast = taken(house)
    assert not queue.heartbeat(house, slow)
    with pytest.raises(Conflict, match="held by another worker"):
        queue.finish(session, slow, {"by": "slow"})
    with pytest.raises(Conflict):
        queue.fail(session, slow, "too slow", retry=True)
    queue.finish(session, fast, {"by": "fast"})
    assert (get(session, slow).status, get(session, slow).result) == ("done", {"by": "fast"})


def test_two_workers_do_each_job_once(house: House, session: Session) -> None:
    for _ in range(20):
        put(session)
    done: list[str] = []

    def action(_: Session, job: Job) -> dict[str, Any]:
        done.append(job.ref.name)
        return {}

    def work() -> None:
        worker = Worker(house, {"k": action})
        while worker.step():
            pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(set(done)) == 20


def test_a_failure_is_tried_again_later_and_given_up_in_the_end(
    house: House, session: Session
) -> None:
    job = put(session, NewJob(kind="k", max_attempts=2))

    def action(_: Session, __: Job) -> dict[str, Any]:
        raise Unavailable("the store is away", hint="ask again")

    worker = Worker(house, {"k": action})
    assert worker.step()
    again = get(session, job)
    assert (again.status, again.run_at) == ("queued", NOW + timedelta(seconds=5))
    assert not worker.step()
    house.drivers.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    assert worker.step()
    assert (get(session, job).status, get(session, job).attempts) == ("failed", 2)
    assert "the store is away" in get(session, job).error


def test_what_can_not_become_right_is_not_tried_again(house: House, session: Session) -> None:
    wrong, unknown = put(session), put(session, NewJob(kind="mystery"))

    def action(_: Session, __: Job) -> dict[str, Any]:
        raise Invalid("wrong argument")

    worker = Worker(house, {"k": action})
    while worker.step():
        pass
    assert get(session, wrong).status == get(session, unknown).status == "failed"
    assert "'mystery'" in get(session, unknown).error


def test_a_bug_in_a_job_does_not_end_the_worker(house: House, session: Session) -> None:
    job = put(session, NewJob(kind="k", max_attempts=1))
    good = put(session, NewJob(kind="good"))

    def bug(_: Session, __: Job) -> dict[str, Any]:
        raise ZeroDivisionError("division by zero")

    verdicts = (Verdict(name="a", ok=True),)
    worker = Worker(house, {"k": bug, "good": lambda *_: {"verdicts": verdicts}})
    while worker.step():
        pass
    assert get(session, job).error == "ZeroDivisionError: division by zero"
    result = get(session, good).result
    assert result is not None
    assert result["verdicts"][0]["name"] == "a"


def test_a_job_that_kills_its_workers_is_given_up(house: House, session: Session) -> None:
    job = put(session, NewJob(kind="k", max_attempts=2))
    for _ in range(2):
        taken(house)
        let_leases_run_out(house)
    assert Worker(house, {"k": lambda *_: {}}).step()
    assert get(session, job).error == "its worker died 2 times while doing it"


def test_jobs_are_listed_newest_first_page_by_page(session: Session) -> None:
    refs = [put(session, NewJob(kind=f"k{n % 2}")).ref for n in range(5)]
    refs.sort(key=lambda ref: ref.name, reverse=True)
    with session.begin(write=False) as scope:
        first = list_jobs(scope, limit=3)
        rest = list_jobs(scope, limit=3, token=first.next_token)
        assert [job.ref for job in (*first.items, *rest.items)] == refs
        assert rest.next_token is None
        assert len(list_jobs(scope, kind="k0").items) == 3
        assert list_jobs(scope, status="done").items == ()
