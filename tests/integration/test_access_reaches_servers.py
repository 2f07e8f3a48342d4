"""Who may ask a model server changes in the database; control carries it to the servers."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bucle.control.jobs.queue import list_jobs
from bucle.control.reconcile.apply import apply_project
from bucle.control.spec.project import parse_project
from bucle.governance.access import principals, tokens
from bucle.governance.session import House, Session
from bucle.lifecycle import serving
from bucle.lifecycle.serving import ServingPlan
from bucle.lifecycle.tracking import RunStart, capture_host, get_run, start_run
from bucle.testing.houses import open_test_house
from tests.support.control import settle

BIKES = "{version: 1, project: bikes, reconcile: {every: 1m}}"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return open_test_house(tmp_path)


@pytest.fixture
def bikes(house: House) -> Session:
    """Return a session of a declared project whose plan was published."""
    session = house.session(project="bikes")
    apply_project(session, parse_project(BIKES), "")
    return session


def planned(house: House, project: str) -> ServingPlan:
    content = house.drivers.blobs.get(serving.plan_key(project))
    return serving.open_sealed(content, house.keys.public_hex)


@pytest.mark.parametrize("asked_in", ["bikes", "default"])
def test_a_token_is_good_at_the_model_servers_until_it_is_revoked(
    house: House, bikes: Session, asked_in: str
) -> None:
    settle(house)
    assert planned(house, "bikes").tokens == ()
    with house.session(project=asked_in).begin() as scope:
        made = tokens.create_token(scope, note="a script")
    settle(house)
    assert [token.id for token in planned(house, "bikes").tokens] == [made.token.id]
    with house.session(project=asked_in).begin() as scope:
        tokens.revoke_token(scope, made.token.id)
    settle(house)
    assert planned(house, "bikes").tokens == ()


def test_a_role_that_is_withdrawn_is_withdrawn_at_the_model_servers(
    house: House, bikes: Session
) -> None:
    with bikes.begin() as scope:
        principals.add_principal(scope, "ana")
        made = tokens.create_token(scope, principal="ana")
    settle(house)
    assert planned(house, "bikes").tokens == ()
    with bikes.begin() as scope:
        principals.grant(scope, "ana", "viewer")
    settle(house)
    assert [token.id for token in planned(house, "bikes").tokens] == [made.token.id]
    with bikes.begin() as scope:
        principals.withdraw(scope, "ana", "viewer")
    settle(house)
    assert planned(house, "bikes").tokens == ()


def test_each_change_of_access_is_published_by_one_job(house: House, bikes: Session) -> None:
    with house.session(project="default").begin() as scope:
        tokens.create_token(scope)
    settle(house)
    apply_project(house.session(), parse_project("{version: 1, project: default}"), "")
    settle(house)  # now its facts are read from the first on
    with house.session().begin(write=False) as scope:
        jobs = list_jobs(scope, kind="serving.publish").items
    assert [job.status for job in jobs] == ["done"]


def test_a_run_whose_process_has_died_is_found_unasked(house: House, bikes: Session) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with bikes.begin() as scope:
        host = replace(capture_host(), pid=gone.pid)
        run = start_run(scope, RunStart(name="notebook", kind="notebook", host=host)).ref
    settle(house)
    house.drivers.clock.advance(timedelta(seconds=90))
    settle(house)
    with bikes.begin(write=False) as scope:
        assert get_run(scope, run).status == "killed"
